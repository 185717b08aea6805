// Package handout writes a session as one page to hand on: to a customer, a colleague, a bug report. The findings stand
// beside the lines that show them. The page loads nothing, and holds what the session's record holds: no secret.
package handout

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/design"
	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Session is a session with what it shows.
type Session struct {
	*transcript.Session
	Findings []diagnose.Finding
}

// Row is one thing that was said, with the findings that it shows.
type Row struct {
	transcript.Unit
	At       string
	More     int64 // bytes that aren't shown
	Findings []diagnose.Finding
}

// Beside returns the findings that no single line shows.
func (s Session) Beside() (all []diagnose.Finding) {
	for _, f := range s.Findings {
		if s.line(&f) < 0 {
			all = append(all, f)
		}
	}
	return all
}

// line returns the index of the unit that shows a finding, or -1. That is the command, or the remark about what the finding
// says.
func (s Session) line(f *diagnose.Finding) int {
	if len(f.Sessions) != 1 || f.Sessions[0] != s.ID {
		return -1
	}
	return slices.IndexFunc(s.Units, func(u transcript.Unit) bool {
		if f.Command != nil {
			return u.From == transcript.FromClient && u.Kind == transcript.Command && u.At == *f.Command
		}
		return u.Event != "" && slices.Contains(remarks[f.ID], u.Event)
	})
}

// remarks are the remarks that show findings for which there is no command.
var remarks = map[string][]transcript.Event{
	"tls-on-clear-port":            {transcript.TLSOnClearPort},
	"silent-on-tls-port":           {transcript.NoHello},
	"clear-text-on-tls-port":       {transcript.ClearOnTLSPort},
	"http-on-mail-port":            {transcript.ClearOnTLSPort},
	"proxy-header":                 {transcript.ClearOnTLSPort},
	"spoke-before-greeting":        {transcript.SpokeEarly},
	"spoke-before-handshake":       {transcript.BehindSTARTTLS},
	"trusted-data-from-before-tls": {transcript.TookInjected},
	"bare-line-feeds":              {transcript.BareLF},
	"dots-not-doubled":             {transcript.UnstuffedDot},
	"oauth-error-not-acknowledged": {transcript.NotAcknowledged},
}

// Rows returns the dialogue.
func (s Session) Rows() []Row {
	rows := make([]Row, len(s.Units))
	for i, u := range s.Units {
		rows[i] = Row{Unit: u, At: fmt.Sprintf("%.3f", u.At.Seconds())}
		if more := u.Bytes - int64(len(u.Text)) - 2; more > 0 && (u.Kind == transcript.Data || len(u.Text) >= event.MaxText-2) {
			rows[i].More = more
		}
	}
	for _, f := range s.Findings {
		if i := s.line(&f); i >= 0 {
			rows[i].Findings = append(rows[i].Findings, f)
		}
	}
	return rows
}

// Text writes sessions as text, with the findings below their lines.
func Text(w io.Writer, version string, sessions []Session) error {
	var b strings.Builder
	for i, s := range sessions {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "mailrig %s, %s\nsession %s: %s\n", version, s.Start.UTC().Format("2006-01-02 15:04:05 MST"), s.ID, s.Summary())
		for _, f := range s.Beside() {
			finding(&b, "", &f)
		}
		b.WriteByte('\n')
		for _, r := range s.Rows() {
			for i, line := range strings.Split(r.Text, "\n") {
				at := r.At + "s"
				if i > 0 {
					at = ""
				}
				fmt.Fprintf(&b, "%10s %s%s %s\n", at, arrows[r.From], mark(r.Injected), line)
			}
			if r.More > 0 {
				fmt.Fprintf(&b, "%10s %s (%d bytes in all)\n", "", arrows[r.From], r.Bytes)
			}
			for _, f := range r.Findings {
				finding(&b, "           ^ ", &f)
			}
		}
		if s.Elided > 0 {
			fmt.Fprintf(&b, "(%d lines left out in the middle)\n", s.Elided)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

var arrows = map[transcript.Direction]string{transcript.FromClient: "C:", transcript.FromServer: "S:", transcript.FromRig: "--"}

func mark(scenario string) string {
	if scenario == "" {
		return ""
	}
	return " [" + scenario + "]"
}

func finding(b *strings.Builder, head string, f *diagnose.Finding) {
	fmt.Fprintf(b, "%s%s: %s (%s)\n", head, f.Severity, line(f.Title), f.ID)
	for _, more := range []string{f.Explanation, f.Advice} {
		if more != "" {
			fmt.Fprintf(b, "%s%s\n", strings.Repeat(" ", len(head)+2), line(more))
		}
	}
}

// line returns text on one line: a finding may quote what a client or a server said.
func line(text string) string { return strings.Join(strings.Fields(text), " ") }

//go:embed handout.gohtml
var page string

var tmpl = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("handout").Funcs(template.FuncMap{
		"clock":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 MST") },
		"sign":    func(s diagnose.Severity) string { return design.Sign(string(s)) },
		"speaker": func(d transcript.Direction) string { return speakers[d] },
	}).Parse(page))
})

// speakers are for those who hear the page: they don't see on which side a line stands.
var speakers = map[transcript.Direction]string{transcript.FromClient: "client", transcript.FromServer: "server"}

// HTML writes sessions as one page without scripts.
func HTML(w io.Writer, version string, sessions []Session) error {
	return tmpl().Execute(w, struct {
		Version  string
		Sessions []Session
		Style    template.CSS
	}{version, sessions, template.CSS(design.FileSheet())})
}
