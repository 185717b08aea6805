package httpapi

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// guard sets the headers that every answer has. It rejects requests that another site's page may have made a browser
// send.
func (a *api) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		if !a.hostAllowed(r) {
			a.Logger.Warn("HTTP request refused: foreign Host", "host", r.Host, "client", r.RemoteAddr)
			a.fail(w, r, http.StatusMisdirectedRequest, fmt.Sprintf(
				"the Host header %q does not name this mailrig (a protection against DNS rebinding); use http://localhost or the address itself, or start mailrig with --hostname %s",
				r.Host, hostnameHint(r.Host)))
			return
		}
		if r = a.admit(w, r); r == nil {
			return
		}
		if err := origin.Check(asChange(r)); err != nil {
			a.Logger.Warn("HTTP request refused: cross-site", "origin", r.Header.Get("Origin"), "client", r.RemoteAddr, "err", err)
			a.fail(w, r, http.StatusForbidden,
				"a web page of another site asked for this change, but only mailrig's own page, commands and scripts may; a script must not send Origin or Sec-Fetch-Site")
			return
		}
		if r.ContentLength != 0 { // nothing that waits has a body; a deadline would end its wait
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTime))
		}
		r.Body = http.MaxBytesReader(w, r.Body, a.bodyLimit(r))
		next.ServeHTTP(w, r)
	})
}

// asChange returns the request as the check for other sites should see it. Whatever waits counts as a change: another site's page
// couldn't read the answer, but it could keep a connection and a place.
func asChange(r *http.Request) *http.Request {
	if r.URL.Path != "/api/v1/events" && r.URL.Path != "/live" && !r.URL.Query().Has("wait") && r.URL.Path != "/api/v1/wait" {
		return r
	}
	change := *r
	change.Method = http.MethodPost
	return &change
}

func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
}

// hostAllowed reports whether a request was meant for this rig. A browser that was led here by DNS rebinding still
// sends the attacker's name in Host.
func (a *api) hostAllowed(r *http.Request) bool {
	host := hostname(r.Host)
	if host == "" {
		return false
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().IsLoopback() || a.openToOthers(r) || a.nameAllowed(ip.Unmap().String())
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || a.nameAllowed(host)
}

// openToOthers reports whether the user chose to listen on an address that isn't loopback. Clients then name that
// address, or another address that is translated to it (a container's published port). An IP address in Host is no
// rebinding.
func (a *api) openToOthers(r *http.Request) bool {
	addresses := []string{a.Listen}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		addresses = append(addresses, local.String())
	}
	for _, s := range addresses {
		if at, err := netip.ParseAddrPort(s); err == nil && !at.Addr().Unmap().IsLoopback() {
			return true
		}
	}
	return false
}

func (a *api) nameAllowed(host string) bool {
	for _, allowed := range a.AllowedHosts {
		allowed = hostname(allowed)
		if allowed == "" {
			continue
		}
		if rest, ok := strings.CutPrefix(allowed, "*."); ok {
			if _, parent, found := strings.Cut(host, "."); found && parent == rest {
				return true
			}
			continue
		}
		if ip, err := netip.ParseAddr(allowed); err == nil {
			allowed = ip.Unmap().String()
		}
		if host == allowed {
			return true
		}
	}
	return false
}

// hostname returns the name in a Host header or in the configuration, without port, brackets and the root's dot, in
// lower case. It returns "" if there is none.
func hostname(hostport string) string {
	host := hostport
	if _, err := netip.ParseAddr(host); err != nil { // a bare IPv6 address has no port to cut off
		if h, _, err := net.SplitHostPort(hostport); err == nil {
			host = h
		}
	}
	host = strings.TrimPrefix(strings.TrimSuffix(host, "]"), "[")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// hostnameHint returns what to put after --hostname in the advice. It doesn't repeat a strange Host header in a command
// line.
func hostnameHint(hostport string) string {
	host := hostname(hostport)
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-:") != "" {
		return "NAME"
	}
	return host
}
