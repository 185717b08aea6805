// Package web is the page that mailrig shows to people: what just happened, the sessions line by line with their findings,
// the mail, the scenarios with their switches, and what to type into a mail client.
//
// Each view is an html/template in views/, embedded in the binary, and works without scripts: links, forms and reloads do
// everything. assets/page.js adds what a reload can't: news as they come (live.go), keys, copying. Nothing is loaded from
// anywhere else, and the Content-Security-Policy allows nothing else.
//
// [New] makes a handler for a [Rig]; the server mounts it into package httpapi, which checks each request's Host, login
// and origin first. What clients and messages say is hostile. It reaches a page only through the templates' escaping, and a
// message's HTML only into a frame without scripts and without a network (Page.frame).
//
// To add a view, write a template and a method, and a row in routes. To make it live, write a feed (live.go).
package web

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/internal/wait"
	"github.com/mailrig/mailrig/scenarios"
)

// Rig is what the page shows and controls.
type Rig interface {
	httpapi.Rig
	Journal() event.Journal
	// DoorModes says what happens to clients that connect to each door, by standard port: "refuse" or "drop". A door that
	// accepts isn't listed.
	DoorModes() map[int]string
	// Address turns a user's name into an address.
	Address(name string) string
	// MailTest returns what reports whether a message is in this user's mailboxes ("" means anybody's) and matches.
	MailTest(user string, match []wait.Matcher) func(context.Context, *wait.Mail) (bool, error)
	// Grammar is that in which scenarios are written.
	Grammar() *scenarios.Grammar
	// ActiveList returns the active scenarios: everybody's, or those that only one user has.
	ActiveList(user string) ([]*scenarios.Scenario, error)
	// NextUsers lists the users who have scenarios coming for their next logins, sorted.
	NextUsers() []string
	// Activate makes these scenarios active in their place. The notes say what can't be done here.
	Activate(user string, list []*scenarios.Scenario) (notes []string, err error)
}

// Config configures the page.
type Config struct {
	Rig     Rig
	Version string
	// Answers is for the contents of messages that are being sent to browsers. nil means no bound.
	Answers *budget.Share
	State   state.Store  // keeps the scenarios that are written on the page; nil keeps them while the process runs
	Logger  *slog.Logger // nil is silent
}

// Page is the page's handler.
type Page struct {
	Config
	mux     *http.ServeMux
	streams chan struct{} // one element for each reader of news
	readers chan struct{} // one element for each message that is being opened
	run     string        // tells this run of mailrig from others

	catalogue func() *catalogue // read once, when it is first needed
	warming   sync.WaitGroup
	warm      sync.Once

	switching sync.Mutex // between reading what is active and changing it
	own       drafts
}

// mostStreams is how many readers of news there may be at a time.
const mostStreams = 64

// New makes the page's handler. Close it when no request is being answered any more.
func New(c Config) *Page {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Page{Config: c, mux: http.NewServeMux(), streams: make(chan struct{}, mostStreams), readers: make(chan struct{}, mostReaders), run: newRun()}
	if p.State == nil {
		p.State = state.NewMemory(nil)
	}
	p.own = drafts{p.State}
	p.catalogue = sync.OnceValue(readCatalogue)
	for pattern, h := range p.routes() {
		if strings.HasPrefix(pattern, "POST ") {
			h = p.withForm(h)
		}
		p.mux.HandleFunc(pattern, h)
	}
	return p
}

// Close waits for what the page does beside requests.
func (p *Page) Close() { p.warming.Wait() }

// Patterns are the paths that the page answers, for a ServeMux.
func (p *Page) Patterns() []string {
	return []string{"/{$}", "/assets/", "/live", "/sessions", "/sessions/", "/mail", "/mail/", "/m/", "/frame/", "/scenarios", "/scenarios/", "/setup", "/setup/"}
}

// routes are the page's resources, by method and path.
func (p *Page) routes() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /{$}":                  p.now,
		"GET /assets/{name}":        p.asset,
		"GET /live":                 p.live,
		"GET /sessions":             p.sessions,
		"GET /mail":                 p.mail,
		"GET /mail/{user}":          p.mail,
		"GET /mail/{user}/{folder}": p.mail,
		"GET /scenarios":            p.scenarios,
		"GET /scenarios/{name}":     p.scenarios,
		"GET /scenarios/new":        p.write,
		"POST /scenarios/switch":    p.switchScenario,
		"POST /scenarios/check":     p.checkScenario,
		"POST /scenarios/keep":      p.keepScenario,
		"POST /scenarios/save":      p.saveScenario,
		"POST /mail/send":           p.sendMail,
		"POST /mail/delete":         p.deleteMail,
		"GET /m/{id}":               p.message,
		"GET /m/{id}/{tab}":         p.message,
		"GET /frame/{id}":           p.frame,
		"GET /sessions/{id}":        p.session,
		"GET /setup":                p.setup,
		"GET /setup/{client}":       p.setup,
	}
}

// policy is what the browser may load and do: this page's own files, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; frame-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "same-origin")                      // a form leads back to where it was sent from
	p.warm.Do(func() { p.warming.Go(func() { p.catalogue() }) }) // reading it takes longer than a view may
	p.mux.ServeHTTP(w, r)
}

// errMissing is the error for what isn't there any more, or never was.
type errMissing string

func (e errMissing) Error() string { return string(e) }

// fail answers with a page that says what happened.
func (p *Page) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusInternalServerError
	var missing errMissing
	var wrong *httpapi.BadScenario
	var unread *errForm
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &missing):
		status = http.StatusNotFound
	case errors.Is(err, errBusy{}):
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	case errors.As(err, &large):
		status = http.StatusRequestEntityTooLarge
	case errors.As(err, &wrong), errors.As(err, &unread):
		status = http.StatusBadRequest
	case r.Context().Err() != nil:
		return // nobody is there to read it
	default:
		p.Logger.Error("show the page", "path", r.URL.Path, "err", err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	p.show(w, r, &shell{Title: http.StatusText(status)}, "trouble", err.Error())
}

// show writes a view. The part above it goes out first, so that the browser begins while the rest is made.
func (p *Page) show(w http.ResponseWriter, r *http.Request, s *shell, view string, body any) {
	s.Version, s.MayChange = p.Version, !httpapi.OnlyReads(r)
	if s.Live {
		s.Position = p.position(r.Context()).String()
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	out := http.NewResponseController(w)
	for _, part := range []struct {
		name string
		data any
	}{{"top", s}, {view, inside{s, body}}, {"bottom", s}} {
		var b bytes.Buffer
		if err := views().ExecuteTemplate(&b, part.name, part.data); err != nil { // a bug in mailrig
			p.Logger.Error("render the page", "view", view, "err", err)
			panic(http.ErrAbortHandler)
		}
		if _, err := b.WriteTo(w); err != nil {
			return
		}
		if part.name == "top" {
			_ = out.Flush() // not every writer can
		}
	}
}

// doors are the doors that are open, in the order in which tables show them.
func (p *Page) doors() []door.Door { return p.Rig.Doors() }
