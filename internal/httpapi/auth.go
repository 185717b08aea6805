package httpapi

import (
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

// open lists what needs no login: whether mailrig is up, for what starts it, and the CA's certificate, which isn't secret.
var open = map[string]bool{"/livez": true, "/readyz": true, "/ca.pem": true, "/ca.der": true, "/ca.mobileconfig": true}

// admit reports whether a request has a login that suffices. If it hasn't, admit answers it.
func (a *api) admit(w http.ResponseWriter, r *http.Request) bool {
	reads := r.Method == http.MethodGet || r.Method == http.MethodHead
	if len(a.Logins) == 0 || reads && open[r.URL.Path] {
		return true
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
		return false
	case !reads && !may:
		a.fail(w, r, http.StatusForbidden, "this login may only read; give one that may change things")
		return false
	}
	return true
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
