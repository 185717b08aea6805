// Package httpapi is mailrig's HTTP door: the JSON API under /api/v1, the probes /livez and /readyz, and the CA at
// /ca.pem. The page (package web) and Mailpit's API (package mailpit) are mounted into it.
//
// [New] makes a handler for a [Rig], which is all that it knows about the server. A request passes three checks before
// it reaches a resource. Doubled slashes are removed from its path (path.go). Its Host header must name this rig,
// because a web page could otherwise reach the rig through DNS rebinding. If it changes something, it must not come
// from another site's page (guard.go). There is no CORS: no other site may read an answer.
//
// Everything has a limit: connections (limit.go), request bodies 1 MiB or a message, long polls one minute, GET /api/v1/wait ten minutes. A long poll ends
// when the request's context ends, so a server that shuts down cancels its base context first.
//
// Errors under /api are problem details (RFC 9457) with the members "error" and "errors"; elsewhere they are plain text. To add a resource, add
// a line to the table in resources, a method, and a path in openapi.yaml.
package httpapi

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/mailrig/mailrig/internal/answer"
	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/door"
)

// Rig is what the HTTP door shows and controls.
type Rig interface {
	Doors() []door.Door
	Ready() bool
	// Away returns an error if what keeps the mail can't be asked at present.
	Away(ctx context.Context) error
	CAPEM() []byte
	CAFile() string
	HTTPSURL() string // of the HTTP door inside TLS; "" if there is none
	LoginRule() string
	Credentials() (user, password string)
	// ClientCertificate mints a certificate for a user, with its key. The error says what is wrong with the name.
	ClientCertificate(user string) (certAndKeyPEM []byte, err error)
	Active() []string                  // names of the scenarios that are active for everybody
	ActiveFor(user string) []string    // names of the scenarios that are active only for this user
	ActiveByUser() map[string][]string // the same, for every user who has any
	// Use activates these scenarios for everybody or, with a user, for that user only: names in the catalogue first,
	// then the inline ones, all or none. Without any it restores the correct server. A name is never a path. If the
	// caller is to blame, the error is a *BadScenario.
	Use(user string, names []string, inline []Inline) (notes []string, err error)
	// UseNext does the same for the next n connections only, or for the user's next n logins. Next lists what is coming
	// so, and for how many. What Use changes ends it.
	UseNext(n int, user string, names []string, inline []Inline) (notes []string, err error)
	Next(user string) (names []string, left int)
	// RandomSeed returns the seed of rules with a chance. used is false if no active scenario has such a rule.
	RandomSeed() (seed uint64, used bool)
	Catalogue() []ScenarioInfo
	// Matching returns those of the catalogue that a pattern means: a name, a group, or a glob over them.
	Matching(patterns ...string) ([]ScenarioInfo, error)
	Reset() error
	ResetUser(ctx context.Context, user string) error
	// Metrics answers scrapes by Prometheus.
	Metrics() http.Handler
	Sessions
	Judge
	Waiter
	Mail
}

// Inline is a scenario sent in the request instead of a name.
type Inline struct {
	File string // its name in messages
	YAML []byte
}

// ScenarioInfo is an entry of the catalogue.
type ScenarioInfo struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Story string `json:"story,omitempty"`
	Group string `json:"group,omitempty"`
}

// BadScenario says why the scenarios that a caller asked for can't be activated: unknown names, mistakes in YAML.
// Nothing has changed.
type BadScenario struct {
	Errors []string // every mistake, and what to do about it
}

func (e *BadScenario) Error() string {
	switch len(e.Errors) {
	case 0:
		return "bad scenario"
	case 1:
		return e.Errors[0]
	default:
		return e.Errors[0] + " (and more)"
	}
}

// Config configures the handler.
type Config struct {
	Rig     Rig
	Version string
	// Listen is the listener's address, like 127.0.0.1:8025. A user who chose an address that isn't loopback wants to
	// let others in: a request's Host may then be any IP address.
	Listen string
	// AllowedHosts are names and addresses that a request's Host may have, besides localhost, the names below it and
	// loopback addresses. "*.corp.test" allows every name one level below corp.test.
	AllowedHosts []string
	// Logins are those with which a request reaches the page and the API. None: anybody may do everything.
	Logins []Login
	// MaxMessageBytes is the size of the largest message that may be uploaded, in bytes; 0 means 1 MiB.
	MaxMessageBytes int64
	// Answers is for the contents of messages that are being sent to clients. nil means no bound.
	Answers *budget.Share
	// Mounted are handlers of other paths: the page, and what answers in another program's words.
	Mounted []Mounted
	// Issuer answers OAuth clients. It needs none of Logins: a client proves itself in its own ways there.
	Issuer Mounted
	Logger *slog.Logger // nil is silent
}

type api struct {
	Config
	mux         *http.ServeMux
	issuers     *http.ServeMux // the issuer's paths
	readers     chan struct{}  // one element for each request that reads messages
	largeReader chan struct{}  // the same for large ones
	uploads     chan struct{}  // one element for each large body that is being read
	streams     chan struct{}  // one element for each subscriber of events
}

// New makes the handler of the HTTP door.
func New(c Config) http.Handler {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	a := &api{Config: c, mux: http.NewServeMux(), issuers: http.NewServeMux(), readers: make(chan struct{}, readers), largeReader: make(chan struct{}, 1), uploads: make(chan struct{}, uploads), streams: make(chan struct{}, mostStreams)}
	for pattern, h := range a.resources() {
		a.mux.HandleFunc(pattern, h)
	}
	for _, m := range c.Mounted {
		a.mount(m)
	}
	if c.Issuer != nil {
		a.mountIssuer(c.Issuer)
	}
	return cleanPath(a.guard(http.HandlerFunc(a.route)))
}

// resources are the resources, by method and path.
func (a *api) resources() map[string]http.HandlerFunc {
	return map[string]http.HandlerFunc{
		"GET /livez":                         a.livez,
		"GET /readyz":                        a.readyz,
		"GET /ca.pem":                        a.ca,
		"GET /ca.der":                        a.caDER,
		"GET /ca.mobileconfig":               a.caProfile,
		"POST /api/v1/client-certificate":    a.clientCertificate,
		"GET /metrics":                       a.metrics,
		"GET /openapi.yaml":                  a.openapi,
		"GET /api/v1/doors":                  a.doors,
		"GET /api/v1/sessions":               a.sessions,
		"GET /api/v1/sessions/{id}":          a.session,
		"GET /api/v1/sessions/{id}/dialogue": a.dialogue,
		"GET /api/v1/sessions/{id}/events":   a.events,
		"GET /api/v1/sessions/{id}/scenario": a.sessionScenario,
		"GET /api/v1/findings":               a.findings,
		"GET /api/v1/wait":                   a.waitFor,
		"GET /api/v1/events":                 a.stream,
		"GET /api/v1/users":                  a.users,
		"GET /api/v1/users/{user}/mailboxes": a.mailboxes,
		"GET /api/v1/mail":                   a.listMail,
		"POST /api/v1/mail":                  a.sendMail,
		"DELETE /api/v1/mail":                a.deleteMail,
		"POST /api/v1/seed":                  a.seedMail,
		"GET /api/v1/mail/{id}":              a.oneMail,
		"DELETE /api/v1/mail/{id}":           a.deleteOne,
		"GET /api/v1/mail/{id}/raw":          a.rawMail,
		"GET /api/v1/mail/{id}/parts/{part}": a.mailPart,
		"GET /api/v1/scenarios":              a.catalogue,
		"GET /api/v1/scenario":               a.scenario,
		"PUT /api/v1/scenario":               a.use,
		"DELETE /api/v1/scenario":            a.useNone,
		"POST /api/v1/reset":                 a.reset,
	}
}

// route lets the mux answer what it knows, and answers everything else in the API's own form.
func (a *api) route(w http.ResponseWriter, r *http.Request) {
	if a.isIssuers(r) {
		a.issuers.ServeHTTP(w, r)
		return
	}
	if _, pattern := a.mux.Handler(r); pattern != "" {
		a.mux.ServeHTTP(w, r)
		return
	}
	// The mux knows which methods a path has, but reveals them only in an answer.
	probe := statusProbe{header: http.Header{}}
	a.mux.ServeHTTP(&probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		allow := probe.header.Get("Allow")
		w.Header().Set("Allow", allow)
		a.fail(w, r, http.StatusMethodNotAllowed, r.Method+" is not possible here; use one of: "+allow)
		return
	}
	a.fail(w, r, http.StatusNotFound, "there is nothing at "+r.URL.Path+"; the page at / and GET /api/v1/doors are good places to start")
}

// statusProbe records what a handler would answer.
type statusProbe struct {
	header http.Header
	status int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p *statusProbe) WriteHeader(status int)      { p.status = status }

func (a *api) livez(w http.ResponseWriter, _ *http.Request) { text(w, http.StatusOK, "ok\n") }

func (a *api) readyz(w http.ResponseWriter, r *http.Request) {
	if !a.Rig.Ready() {
		text(w, http.StatusServiceUnavailable, "not ready: not every door accepts connections\n")
		return
	}
	if a.Rig.Away(r.Context()) != nil { // why is for the log: anybody may ask here
		text(w, http.StatusServiceUnavailable, "not ready: the database can't be asked, and mail gets a temporary failure until it is back\n")
		return
	}
	text(w, http.StatusOK, "ok\n")
}

func (a *api) metrics(w http.ResponseWriter, r *http.Request) { a.Rig.Metrics().ServeHTTP(w, r) }

func (a *api) doors(w http.ResponseWriter, _ *http.Request) {
	doors := map[string]any{"doors": answer.List(a.Rig.Doors())}
	if url := a.Rig.HTTPSURL(); url != "" {
		doors["https"] = url
	}
	a.json(w, http.StatusOK, doors)
}

func text(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(body))
}

func (a *api) json(w http.ResponseWriter, status int, v any) {
	a.answer(w, status, "application/json", v)
}

func (a *api) answer(w http.ResponseWriter, status int, kind string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		// All types here can be marshalled, so this would be a bug in mailrig.
		a.Logger.Error("marshal an answer of the API", "err", err)
		text(w, http.StatusInternalServerError, "mailrig could not write its answer; its log says why\n")
		return
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}
