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

// fail answers with an error: JSON under /api, plain text elsewhere.
func (a *api) fail(w http.ResponseWriter, r *http.Request, status int, message string, all ...string) {
	if !strings.HasPrefix(r.URL.Path, "/api/") && r.URL.Path != "/api" {
		text(w, status, message+"\n")
		return
	}
	if len(all) == 0 {
		all = []string{message}
	}
	a.json(w, status, struct {
		Error  string   `json:"error"`
		Errors []string `json:"errors"`
	}{message, all})
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
		a.fail(w, r, http.StatusRequestEntityTooLarge, fmt.Sprintf("the request's body is larger than %d bytes; send less", maxBody))
		return
	}
	a.fail(w, r, http.StatusBadRequest, err.Error())
}
