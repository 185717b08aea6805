package httpapi

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
)

// Login is a name and a password with which a request may reach the page and the API (Basic authentication, RFC 7617).
type Login struct {
	Name, Password string
	ReadOnly       bool // only GET and HEAD
}

// open lists what needs no login: whether mailrig is up, for what starts it, and the CA's certificate, which isn't secret. The issuer needs
// none either: OAuth clients have the Authorization header for themselves, and its sign-in page asks for a mail user's password.
var open = map[string]bool{"/livez": true, "/readyz": true, "/ca.pem": true, "/ca.der": true, "/ca.mobileconfig": true}

type onlyReads struct{}

// OnlyReads reports whether the login of a request may only read. A page that asks shows nothing that changes something.
func OnlyReads(r *http.Request) bool { return r.Context().Value(onlyReads{}) != nil }

// admit returns the request if its login suffices. If it doesn't, admit answers it, and returns nil.
func (a *api) admit(w http.ResponseWriter, r *http.Request) *http.Request {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if len(a.Logins) == 0 || reads && open[r.URL.Path] || a.isIssuers(r) {
		return r
	}
	name, password, given := r.BasicAuth()
	known, may := a.check(name, password)
	switch {
	case !given || !known:
		if given {
			a.Logger.Warn("HTTP request refused: wrong name or password", "client", r.RemoteAddr)
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="mailrig", charset="UTF-8"`)
		a.fail(w, r, http.StatusUnauthorized, "a name and a password are needed here; give one of those that mailrig was started with (--http-auth)")
		return nil
	case !reads && !may:
		a.fail(w, r, http.StatusForbidden, "this login may only read; give one that may change things")
		return nil
	case !may:
		return r.WithContext(context.WithValue(r.Context(), onlyReads{}, true))
	}
	return r
}

// check reports whether a login is known, and whether it may change things. How long that takes doesn't depend on how much
// of the name or the password is right, nor on which login it is.
func (a *api) check(name, password string) (known, may bool) {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails, says package crypto/rand
	digest := func(s string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(s))
		return h.Sum(nil)
	}
	n, p := digest(name), digest(password)
	for _, l := range a.Logins {
		right := subtle.ConstantTimeCompare(n, digest(l.Name)) & subtle.ConstantTimeCompare(p, digest(l.Password))
		known = right == 1 || known
		may = right == 1 && !l.ReadOnly || may
	}
	return known, may
}
