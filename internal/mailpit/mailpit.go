// Package mailpit answers as Mailpit does, so that its clients (npm mailpit-api, cypress-mailpit, the container libraries'
// modules) work unchanged with mailrig: /api/v1/messages, /message, /search, /tags, /send, /info, /webui and /view.
//
// [New] makes a [Handler], which the HTTP door mounts behind its own guards: Host, Origin, logins and the limit on bodies are
// checked before a request comes here. Answers and errors have Mailpit's form, not the form of the rest of the API.
// docs/mailpit.md lists what differs from Mailpit and why.
//
// A letter is what one SMTP transaction, or one call of /send, brought: it is listed once, however many mailboxes got it and
// wherever it was copied since. Messages that came by APPEND or from a seed directory aren't listed. Whether a letter is read
// and which tags it has is the state of this API alone. IMAP's \Seen has nothing to do with it.
//
// box.go keeps that state, head.go and body.go read messages, search.go is the search language. The other files are the calls.
package mailpit

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/answer"
	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/internal/store"
)

// Config says what a Handler shows.
type Config struct {
	Store   store.Store
	Sent    store.Messages // where messages go that are sent over HTTP; nil means Store
	Version string
	// Alike copies what mailrig would do otherwise: raw messages begin with the fields that Mailpit would have added (Bcc and
	// Message-ID), and paths with doubled slashes are answered by a redirect.
	Alike bool
	// MaxMessages is how many letters are kept, the latest. The others are removed when somebody asks. 0 means no bound.
	MaxMessages int
	// Chaos makes things fail by chance; nil means that this isn't enabled.
	Chaos   Chaos
	State   state.Store   // keeps which letters are read, and their tags; nil keeps them while the process runs
	Answers *budget.Share // for the messages that are being sent to clients; nil means no bound
	Logger  *slog.Logger  // nil is silent
}

// Handler answers Mailpit's calls.
type Handler struct {
	answer.Routes

	cfg     Config
	box     *box
	events  *events
	started time.Time
}

// New returns a handler for the messages of a store.
func New(cfg Config) *Handler {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Sent == nil {
		cfg.Sent = cfg.Store
	}
	h := &Handler{cfg: cfg, box: newBox(cfg.Store, cfg.MaxMessages, cfg.State), events: newEvents(), started: time.Now()}
	h.Routes = answer.Routes{
		"/api/v1/messages":                       {"GET": h.messages, "PUT": h.setRead, "DELETE": h.deleteMessages},
		"/api/v1/search":                         {"GET": h.search, "DELETE": h.deleteSearch},
		"/api/v1/message/{id}":                   {"GET": h.message},
		"/api/v1/message/{id}/headers":           {"GET": h.headers},
		"/api/v1/message/{id}/raw":               {"GET": h.raw},
		"/api/v1/message/{id}/part/{part}":       {"GET": h.part},
		"/api/v1/message/{id}/part/{part}/thumb": {"GET": h.thumb},
		"/api/v1/message/{id}/html-check":        {"GET": h.htmlCheck},
		"/api/v1/message/{id}/link-check":        {"GET": h.linkCheck},
		"/api/v1/message/{id}/sa-check":          {"GET": noSpamCheck},
		"/api/v1/message/{id}/release":           {"POST": h.release},
		"/api/v1/tags":                           {"GET": h.tags, "PUT": h.setTags},
		"/api/v1/tags/{tag}":                     {"PUT": h.renameTag, "DELETE": h.deleteTag},
		"/api/v1/send":                           {"POST": h.send},
		"/api/v1/info":                           {"GET": h.info},
		"/api/v1/webui":                          {"GET": h.webui},
		"/api/v1/chaos":                          {"GET": h.chaos, "PUT": h.setChaos},
		"/api/events":                            {"GET": h.listen},
		"/view/{name}":                           {"GET": h.view},
	}
	return h
}

// ServeHTTP implements http.Handler for the patterns.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h.cfg.Alike && unclean(w, r) {
		return
	}
	if foreign(r) {
		w.Header().Set("Connection", "close")
		http.Error(w, "Blocked due to CORS violation", http.StatusForbidden)
		return
	}
	known := h.Routes[r.Pattern]
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	api := strings.HasPrefix(r.Pattern, "/api/v1/")
	switch do, ok := known[method]; {
	case ok:
		held := new(int64)
		defer func() { h.cfg.Answers.Release(*held) }()
		do(w, r.WithContext(context.WithValue(r.Context(), heldKey{}, held)))
	case api && r.Method == http.MethodOptions:
		plain(w, http.StatusOK, "")
	case r.Pattern == "/api/v1/send" && method == http.MethodGet: // Mailpit doesn't say 405 here
		http.Error(w, "File not found", http.StatusNotFound)
	default:
		w.Header().Set("Allow", allowed(known, api))
		http.Error(w, "Method Not Allowed", http.StatusMethodNotAllowed)
	}
}

// unclean answers a path with doubled slashes, or with a slash at its end, as Mailpit does. The HTTP door would take it for the
// path that was meant.
func unclean(w http.ResponseWriter, r *http.Request) bool {
	asked, query, _ := strings.Cut(r.RequestURI, "?")
	if asked == "" || path.Clean(asked) == asked || !strings.HasPrefix(asked, "/") {
		return false
	}
	if strings.HasSuffix(asked, "/") && path.Clean(asked)+"/" == asked {
		http.Error(w, "File not found", http.StatusNotFound)
		return true
	}
	target := path.Clean(asked)
	if query != "" {
		target += "?" + query
	}
	http.Redirect(w, r, target, http.StatusTemporaryRedirect)
	return true
}

func allowed(known answer.Route, api bool) string {
	var list []string
	for _, method := range []string{"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"} {
		_, ok := known[method]
		_, get := known["GET"]
		if ok || method == "HEAD" && get || method == "OPTIONS" && api {
			list = append(list, method)
		}
	}
	return strings.Join(list, ", ")
}

// foreign reports whether another site's page sends the request. The door's guard stops such pages from changing something;
// here even a GET changes something, because it marks a letter as read. Following a link from another site is allowed.
func foreign(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err != nil || !strings.EqualFold(u.Host, r.Host)
	}
	return r.Header.Get("Sec-Fetch-Site") == "cross-site" && r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// errNotFound: no letter has this id.
var errNotFound = errors.New("there is no such message")

// plain answers with text as Mailpit does, without a charset.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

func ok(w http.ResponseWriter) { plain(w, http.StatusOK, "ok") }

func bad(w http.ResponseWriter, text string) { plain(w, http.StatusBadRequest, text) }

// badBody answers when the body of a request can't be read.
func badBody(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if tooLarge(err) {
		status = http.StatusRequestEntityTooLarge
	}
	plain(w, status, err.Error())
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that has left doesn't hear it
}

// trouble answers when the store has failed.
func (h *Handler) trouble(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody listens
	}
	h.cfg.Logger.Error("answer a call of Mailpit's API", "path", r.URL.Path, "err", err)
	plain(w, http.StatusInternalServerError, "the store of messages failed, try again later: "+err.Error())
}

// notFound answers when there is no such letter. Mailpit says it in two ways.
func notFound(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("id") == latest || r.PathValue("id") == "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte("Message not found"))
		return
	}
	plain(w, http.StatusNotFound, "404 page not found")
}

// decode reads a JSON body of the request. Unknown members are ignored, and names may be in any case, as with Mailpit.
func decode(r *http.Request, v any) error { return json.NewDecoder(r.Body).Decode(v) }

// found returns the letter that the path names, which may be "latest" with a query. ok is false if it has answered.
func (h *Handler) found(w http.ResponseWriter, r *http.Request, id string) (l *Entry, ok bool) {
	l, err := h.look(r.Context(), id, r.URL.Query().Get("query"))
	if errors.Is(err, errNotFound) {
		notFound(w, r)
		return nil, false
	}
	if err != nil {
		h.trouble(w, r, err)
		return nil, false
	}
	if !h.hold(r, l.msg.Size()) {
		http.Error(w, "Too many large messages are being fetched at a time, try again in a moment", http.StatusServiceUnavailable)
		return nil, false
	}
	return l, true
}

// heldKey is the key of the number of bytes that are reserved for a request's answer.
type heldKey struct{}

// hold reserves memory for a message until the request has been answered.
func (h *Handler) hold(r *http.Request, n int64) bool {
	if h.cfg.Answers.ReserveAlone(n) != nil {
		return false
	}
	*r.Context().Value(heldKey{}).(*int64) += n
	return true
}

const latest = "latest"

func (h *Handler) look(ctx context.Context, id, query string) (*Entry, error) {
	var found *Entry
	err := h.box.with(ctx, func(all []*Entry) error {
		if id != latest {
			found = h.box.byID[id]
			return nil
		}
		match := parseQuery(query, time.Local)
		for _, l := range all {
			fits, err := match.fits(ctx, l)
			if err != nil {
				return err
			}
			if fits {
				found = l
				return nil
			}
		}
		return nil
	})
	if err == nil && found == nil {
		err = errNotFound
	}
	return found, err
}
