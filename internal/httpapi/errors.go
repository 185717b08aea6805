package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	maxBody  = 1 << 20          // the largest request body, in bytes
	bodyTime = 30 * time.Second // how long a request's body may take
)

// problem is an error in the form of RFC 9457, with members of our own: error and errors.
type problem struct {
	Type   string   `json:"type"`  // "about:blank": the status says what kind of problem it is
	Title  string   `json:"title"` // the status in words
	Status int      `json:"status"`
	Detail string   `json:"detail"` // what happened, and what to do
	Error  string   `json:"error"`  // the same as Detail
	Errors []string `json:"errors"` // every mistake
}

// fail answers with an error: problem details under /api, plain text elsewhere.
func (a *api) fail(w http.ResponseWriter, r *http.Request, status int, message string, all ...string) {
	if !strings.HasPrefix(r.URL.Path, "/api/") && r.URL.Path != "/api" {
		text(w, status, message+"\n")
		return
	}
	if len(all) == 0 {
		all = []string{message}
	}
	a.answer(w, status, "application/problem+json", problem{"about:blank", http.StatusText(status), status, message, message, all})
}

// broken answers when something has failed that isn't the caller's mistake.
func (a *api) broken(w http.ResponseWriter, r *http.Request, what string, err error) {
	a.Logger.Error(what, "err", err)
	a.fail(w, r, http.StatusInternalServerError, err.Error())
}

// badBody answers when a request body can't be read.
func (a *api) badBody(w http.ResponseWriter, r *http.Request, err error) {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		a.fail(w, r, http.StatusRequestEntityTooLarge, fmt.Sprintf("the request's body is larger than %d bytes; send less", tooLarge.Limit))
		return
	}
	a.fail(w, r, http.StatusBadRequest, err.Error())
}
