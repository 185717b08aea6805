// Package mailhog answers as MailHog does, as far as its clients need it (npm mailhog): its calls under /api/v2 that read, and
// those under /api/v1/messages/{id}. GET and DELETE /api/v1/messages are Mailpit's, which took the names over from MailHog.
//
// The messages are those of package mailpit: one for each SMTP transaction. What is deleted here is deleted there.
// [New] makes a [Handler], which the HTTP door mounts behind its own guards. docs/mailpit.md lists what differs from MailHog
// and why.
//
// content.go splits a message as MailHog does, item.go shows one, search.go finds some.
package mailhog

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/mailrig/mailrig/internal/answer"
	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/mailpit"
)

// Config says what a Handler shows.
type Config struct {
	Letters *mailpit.Handler
	Answers *budget.Share // for the messages that are being sent to clients; nil means no bound
	Logger  *slog.Logger  // nil is silent
}

// Handler answers MailHog's calls.
type Handler struct {
	answer.Routes

	cfg Config
}

// New returns a handler for the messages of a rig.
func New(cfg Config) *Handler {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	h := &Handler{cfg: cfg}
	h.Routes = answer.Routes{
		"/api/v2/messages":               {"GET": h.messages},
		"/api/v2/search":                 {"GET": h.search},
		"/api/v2/outgoing-smtp":          {"GET": outgoing},
		"/api/v2/jim":                    {"GET": empty(http.StatusNotFound), "PUT": empty(http.StatusNotFound)}, // as when Jim is off
		"/api/v1/messages/{id}":          {"GET": h.message, "DELETE": h.remove},
		"/api/v1/messages/{id}/download": {"GET": h.download},
		"/api/v1/messages/{id}/release":  {"POST": empty(http.StatusInternalServerError)}, // as when no server takes it: mailrig sends no mail to another host
	}
	return h
}

// ServeHTTP implements http.Handler for the patterns. Like MailHog, it knows no HEAD, and no status 405.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	do := h.Routes[r.Pattern][r.Method]
	switch {
	case do != nil:
		do(w, r)
	case r.Method == http.MethodOptions:
		w.WriteHeader(http.StatusOK)
	default:
		http.Error(w, "404 page not found", http.StatusNotFound)
	}
}

// Types of answers. MailHog calls JSON by two names.
const (
	textJSON = "text/json"
	realJSON = "application/json"
)

func writeJSON(w http.ResponseWriter, kind string, v any) {
	w.Header().Set("Content-Type", kind)
	_ = json.NewEncoder(w).Encode(v) // a client that has left doesn't hear it
}

// empty answers with a status alone.
func empty(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
}

// outgoing lists the servers through which mail could be released: none.
func outgoing(w http.ResponseWriter, _ *http.Request) { writeJSON(w, realJSON, struct{}{}) }

// trouble answers when the store has failed.
func (h *Handler) trouble(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody listens
	}
	h.cfg.Logger.Error("answer a call of MailHog's API", "path", r.URL.Path, "err", err)
	http.Error(w, "the store of messages failed, try again later: "+err.Error(), http.StatusInternalServerError)
}

// one answers a call for the message that the path names. do gets nil if there is none.
func (h *Handler) one(w http.ResponseWriter, r *http.Request, do func(*item)) {
	id, ok := entryOf(r.PathValue("id"))
	if !ok {
		do(nil)
		return
	}
	found, err := h.cfg.Letters.Entry(r.Context(), id)
	switch {
	case err != nil:
		h.trouble(w, r, err)
		return
	case found == nil:
		do(nil)
		return
	}
	size := found.Message().Size()
	if h.cfg.Answers.ReserveAlone(size) != nil {
		tooMany(w)
		return
	}
	defer h.cfg.Answers.Release(size)
	it, err := itemOf(r.Context(), found)
	if err != nil {
		h.trouble(w, r, err)
		return
	}
	do(it)
}

func tooMany(w http.ResponseWriter) {
	http.Error(w, "too many large messages are being fetched at a time, try again in a moment", http.StatusServiceUnavailable)
}

func (h *Handler) message(w http.ResponseWriter, r *http.Request) {
	h.one(w, r, func(it *item) { writeJSON(w, textJSON, it) }) // null, if there is none
}

// download answers with the message's bytes, behind the fields that MailHog's items have as well.
func (h *Handler) download(w http.ResponseWriter, r *http.Request) {
	h.one(w, r, func(it *item) {
		if it == nil {
			http.Error(w, "404 page not found", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Disposition", "attachment; filename="+strconv.Quote(it.ID+".eml"))
		answer.Hostile(w, "message/rfc822", []byte(it.trace()+it.Raw.Data))
	})
}

// remove deletes a message from every mailbox. An unknown one is status 500, as with MailHog.
func (h *Handler) remove(w http.ResponseWriter, r *http.Request) {
	id, known := entryOf(r.PathValue("id"))
	if known {
		var err error
		if known, err = h.cfg.Letters.Remove(r.Context(), id); err != nil {
			h.trouble(w, r, err)
			return
		}
	}
	w.Header().Set("Content-Type", textJSON)
	if !known {
		w.WriteHeader(http.StatusInternalServerError)
	}
}
