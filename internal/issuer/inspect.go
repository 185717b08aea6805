package issuer

import (
	"net/http"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
)

// introspect says what a token is (RFC 7662). Anybody who has the token may ask.
func (i *Issuer) introspect(w http.ResponseWriter, r *http.Request) {
	form, _, ok := i.form(w, r, own)
	if !ok {
		return
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	t, ok := i.known(form.Get("token"))
	if !ok || !t.live(i.Now()) {
		writeJSON(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	kind := "Bearer"
	if t.refresh {
		kind = "refresh_token"
	}
	answer := map[string]any{
		"active": true, "scope": t.scope, "client_id": t.client, "token_type": kind, "exp": t.ends.Unix(), "iat": t.since.Unix(), "iss": issuerOf(t.provider, r),
	}
	if t.user != "" {
		answer["username"], answer["sub"] = t.user, userClaims(t.user)["sub"]
	}
	if t.audience != "" {
		answer["aud"] = t.audience
	}
	writeJSON(w, http.StatusOK, answer)
}

// revoke ends a token. With a refresh token, all tokens of its grant end (RFC 7009 section 2.1). An unknown token is no error.
func (i *Issuer) revoke(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		refuse(w, own, badRequest)
		return
	}
	e := event.TokenRequest{Endpoint: event.AtRevoke, Provider: own.name}
	i.mu.Lock()
	if t, ok := i.known(r.Form.Get("token")); ok {
		t.revoked = true
		t.grant.revoked = t.grant.revoked || t.refresh || t.provider == google // at Google, an access token ends its grant too
		i.touch(t)
		if t.grant.revoked {
			i.touchAll(t.grant)
		}
		i.save()
		e.Provider, e.Client, e.User, e.Number, e.Token = t.provider.name, t.client, t.user, t.grant.number, t.number
	}
	i.mu.Unlock()
	i.record(r, e, "")
	w.WriteHeader(http.StatusOK)
}

// userinfo says whose token it is (OpenID Connect Core section 5.3).
func (i *Issuer) userinfo(w http.ResponseWriter, r *http.Request) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	i.mu.Lock()
	t, known := i.known(text)
	ok = ok && known && !t.refresh && t.live(i.Now()) && t.user != ""
	i.mu.Unlock()
	if !ok {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`) // RFC 6750 section 3
		writeJSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_token", "error_description": "the access token is unknown, or has ended"})
		return
	}
	writeJSON(w, http.StatusOK, userClaims(t.user))
}
