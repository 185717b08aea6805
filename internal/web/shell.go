package web

import (
	"embed"
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/design"
	"github.com/mailrig/mailrig/internal/diagnose"
)

//go:embed views/*.gohtml
var viewFiles embed.FS

// shell is what all views have in common.
type shell struct {
	View     string // which of the views it is, for the navigation
	Title    string
	Search   string // what the search box is for; "" for no box
	Query    string // what is in it
	Trouble  string // what is wrong with the query
	Action   string // where the search goes
	Live     bool   // news come as they happen
	Position string // up to where the view has them

	Version   string
	MayChange bool
}

// Views are the entries of the navigation.
func (s *shell) Views() []navigation {
	return []navigation{{"now", "Now", "/"}, {"sessions", "Sessions", "/sessions"}, {"mail", "Mail", "/mail"}, {"scenarios", "Scenarios", "/scenarios"}, {"setup", "Set-up", "/setup"}}
}

type navigation struct{ Name, Title, Path string }

// inside is what a view's template gets.
type inside struct {
	*shell
	Body any
}

// About is the same for a part of the view.
func (i inside) About(body any) inside { return inside{i.shell, body} }

// views parses the templates once.
var views = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"asset":  assetPath,
		"clock":  clock,
		"stamp":  func(t time.Time) string { return t.Format(time.RFC3339Nano) },
		"args":   func(list ...any) []any { return list },
		"plural": plural,
		"size":   size,
		"sign":   func(s diagnose.Severity) string { return design.Sign(string(s)) },
		"query":  url.QueryEscape,
		"path":   url.PathEscape,
		"join":   strings.Join,
	}).ParseFS(viewFiles, "views/*.gohtml"))
})

// fragment renders a part of a view.
func fragment(b *strings.Builder, name string, data any) error {
	return views().ExecuteTemplate(b, name, data)
}

// clock is the time of day, with the date if that isn't today.
func clock(t time.Time) string {
	t = t.Local()
	if y, m, d := time.Now().Date(); t.Year() != y || t.Month() != m || t.Day() != d {
		return t.Format("Jan 2, 15:04")
	}
	return t.Format(time.TimeOnly)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1000_000)
}
