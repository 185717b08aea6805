package web

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// mostForm is how much of a form with files is kept in memory, in bytes. The pages have none, but programs may send such forms.
const mostForm = 1 << 20

// errForm is the error for a form that can't be read. Without it, what could be read would be taken for all: an empty scenario
// would be saved.
type errForm struct{ err error }

func (e *errForm) Error() string {
	return "mailrig can't read this form, so nothing has changed: " + e.err.Error()
}

func (e *errForm) Unwrap() error { return e.err }

// withForm returns a handler that reads the request's form first, and calls h only if it could read all of it.
func (p *Page) withForm(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		if err == nil {
			err = r.ParseMultipartForm(mostForm)
		}
		if err != nil && !errors.Is(err, http.ErrNotMultipart) {
			p.fail(w, r, &errForm{err})
			return
		}
		h(w, r)
	}
}

// back leads to where a form was sent from, if that is on the page, or to where it usually is.
func (p *Page) back(w http.ResponseWriter, r *http.Request, usual string) {
	to := r.PostFormValue("back")
	if u, err := url.Parse(r.Referer()); to == "" && err == nil && u.Host == r.Host {
		to = u.RequestURI()
		usual = "/"
	}
	if u, err := url.Parse(to); err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(to, usual) || strings.HasPrefix(to, "//") || strings.Contains(to, `\`) {
		to = usual
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}
