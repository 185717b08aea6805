package issuer

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// outOfBand is the redirect of clients that let the user copy the code.
const outOfBand = "urn:ietf:wg:oauth:2.0:oob"

// harmful are schemes that a browser runs or reads, so that no code may be sent there.
var harmful = []string{"javascript", "data", "vbscript", "file", "filesystem", "blob", "about", "view-source", "ftp", "ws", "wss", "mailto", "chrome", "resource"}

// mayRedirect reports why a code can't be sent to an address. The issuer knows no clients beforehand, so it takes what can only reach this
// machine (RFC 8252 section 7): loopback, the rig, names reserved for tests, and apps by a scheme of their own. A link to the sign-in
// page can therefore lead nobody to a foreign site.
func (i *Issuer) mayRedirect(raw string) error {
	if raw == outOfBand {
		return nil
	}
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		return errors.New("redirect_uri is missing")
	case len(raw) > maxRedirect:
		return errors.New("redirect_uri is too long")
	case err != nil || u.Scheme == "":
		return errors.New("redirect_uri isn't an absolute URI")
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return errors.New("redirect_uri must have no fragment (RFC 6749 section 3.1.2)")
	case u.Scheme != "http" && u.Scheme != "https":
		if slices.Contains(harmful, u.Scheme) {
			return fmt.Errorf("redirect_uri: no code can be sent to %s: addresses", u.Scheme)
		}
		return nil
	case u.User != nil || !i.nearby(u.Hostname()):
		return errors.New("redirect_uri must lead to localhost, to a name below .test, .example, .invalid or .localhost, to a --hostname of this mailrig, or to an app by its own scheme")
	}
	return nil
}

// nearby reports whether a host can only be this machine, or exists only in tests (RFC 2606, RFC 6761).
func (i *Issuer) nearby(host string) bool {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if ip, err := netip.ParseAddr(host); err == nil && ip.Unmap().IsLoopback() {
		return true
	}
	last := host[strings.LastIndexByte(host, '.')+1:]
	return slices.Contains([]string{"localhost", "test", "example", "invalid"}, last) || i.Host != nil && host != "" && i.Host(host)
}

// sameRedirect reports whether an address is the registered one. The port of a loopback address may differ (RFC 8252 section 7.3).
func sameRedirect(registered, asked string) bool {
	if registered == asked {
		return true
	}
	a, err := url.Parse(registered)
	b, err2 := url.Parse(asked)
	if err != nil || err2 != nil || a.Scheme != "http" || !loopback(a.Hostname()) {
		return false
	}
	return a.Scheme == b.Scheme && a.Hostname() == b.Hostname() && a.Path == b.Path && a.RawQuery == b.RawQuery
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// answer sends the outcome of an authorization request to the client, in the way that it asked for.
func (i *Issuer) answer(w http.ResponseWriter, r *http.Request, a *request, params url.Values) {
	if a.state != "" {
		params.Set("state", a.state)
	}
	params.Set("iss", issuerOf(a.provider, r)) // RFC 9207
	switch {
	case a.redirect == outOfBand:
		i.show(w, http.StatusOK, view{Title: "Copy this code", Code: params.Get("code"), Problem: params.Get("error_description")})
		return
	case a.mode == "form_post":
		i.show(w, http.StatusOK, view{Title: "One moment", Post: a.redirect, Fields: params, formAction: formAction(a.redirect)})
		return
	}
	u, err := url.Parse(a.redirect)
	if err != nil { // mayRedirect has parsed it
		i.broken(w, err)
		return
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += params.Encode()
	w.Header().Set("Location", u.String())
	w.WriteHeader(http.StatusFound)
}

// formAction returns the source that a page's policy must allow, so that a form may end at an address (CSP level 3, section 6.4.1).
func formAction(redirect string) string {
	u, err := url.Parse(redirect)
	switch {
	case err != nil:
		return ""
	case u.Scheme == "http" || u.Scheme == "https":
		return u.Scheme + "://" + u.Host
	}
	return u.Scheme + ":"
}
