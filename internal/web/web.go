// Package web renders the one page that mailrig shows to people: what to type into a mail client for each door, who may
// log in, the CA to download, which scenarios are active, and what the last clients did.
//
// The page is an html/template embedded in the binary. It works without scripts and loads nothing but its own style
// sheet, so package httpapi can serve it under a Content-Security-Policy that allows nothing else. Session text comes
// from whoever connected, and may be hostile. It reaches the page only through the template's escaping, never as
// template.HTML.
//
// Package httpapi fills [Data] and calls [Render]. To show something else, add it to Data and to page.html.
package web

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"net"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
	"github.com/mailrig/mailrig/internal/transcript"
)

// How many sessions and findings the page shows. The API has all of them.
const (
	MaxSessions = 50
	maxFindings = 20
)

//go:embed page.html
var pageHTML string

//go:embed style.css
var styleCSS []byte

// page is parsed once and never changes.
var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Parse(pageHTML))
})

// Style returns the style sheet that the page loads from /style.css.
func Style() []byte { return bytes.Clone(styleCSS) }

// Data is everything that the page shows.
type Data struct {
	Version    string
	Ready      bool
	ServerName string // the server name to type; "" means localhost
	Doors      []door.Door
	User       string
	Password   string
	LoginRule  string
	CAFile     string
	Active     []Scenario
	Sessions   []*transcript.Session // oldest first
	Findings   []diagnose.Finding    // oldest first
}

// Scenario is an active scenario.
type Scenario struct {
	Name, Title string
	User        string // the only user for whom it is active; "" means everybody
}

// Render writes the page. If the template fails, it writes nothing.
func Render(w io.Writer, d Data) error {
	if d.ServerName == "" {
		d.ServerName = "localhost"
	}
	var b bytes.Buffer
	if err := page().Execute(&b, view(d)); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	_, err := b.WriteTo(w)
	return err
}

type pageView struct {
	Data
	Groups []group
	Lines  []line
	Found  []found
}

// group holds the settings for one purpose, as mail clients divide them.
type group struct {
	Title string
	Rows  []row
}

type row struct {
	Door       int
	Service    string
	Port       string // the port on which it really listens
	Encryption string // in the words of a client's settings screen
	Login      string
}

type line struct {
	ID, At, Text string
	Open         bool
}

type found struct {
	diagnose.Finding
	When string
	Last []string // ids of sessions; the middle of many is left out
}

func view(d Data) pageView {
	v := pageView{Data: d}
	for _, p := range protocol.Ranked(all.Protocols()) {
		g := group{Title: p.Purpose()}
		for _, open := range d.Doors {
			if string(open.Protocol) == p.Name {
				g.Rows = append(g.Rows, settings(open, p))
			}
		}
		if len(g.Rows) > 0 {
			v.Groups = append(v.Groups, g)
		}
	}
	// People reload the page to see the newest session.
	for i := len(d.Sessions) - 1; i >= 0 && len(v.Lines) < MaxSessions; i-- {
		s := d.Sessions[i]
		v.Lines = append(v.Lines, line{
			ID: s.ID, At: s.Start.Local().Format(time.TimeOnly), Text: s.Summary(), Open: s.End.IsZero(),
		})
	}
	for i := len(d.Findings) - 1; i >= 0 && len(v.Found) < maxFindings; i-- {
		f := d.Findings[i]
		v.Found = append(v.Found, found{f, f.At.Local().Format(time.TimeOnly), f.Sessions[max(0, len(f.Sessions)-5):]})
	}
	return v
}

func settings(d door.Door, p *protocol.Protocol) row {
	r := row{Door: d.Port, Service: d.Service, Port: d.Address, Login: "required"}
	if _, port, err := net.SplitHostPort(d.Address); err == nil {
		r.Port = port
	}
	switch d.Security {
	case door.TLS:
		r.Encryption = "SSL/TLS"
	case door.STARTTLSRequired:
		r.Encryption = "STARTTLS"
	case door.STARTTLS:
		r.Encryption = "STARTTLS (or none)"
		if !p.Receives {
			r.Login = "not needed"
		}
	default:
		r.Encryption = string(d.Security)
	}
	return r
}
