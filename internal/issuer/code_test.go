package issuer

import (
	"crypto/sha256"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestCodeIsBound checks that a code is good only for the client, the redirect URI and the verifier of its request, and for a minute.
func TestCodeIsBound(t *testing.T) {
	t.Parallel()
	verifier := strings.Repeat("v", 43)
	sum := sha256.Sum256([]byte(verifier))
	for _, tc := range []struct {
		name      string
		challenge string // S256; "": no PKCE
		change    map[string]string
		later     time.Duration
		want      string // the error
	}{
		{"as it was asked for", "", nil, 0, ""},
		{"with PKCE", b64(sum[:]), map[string]string{"code_verifier": verifier}, 0, ""},
		{"another client", "", map[string]string{"client_id": "other"}, 0, "invalid_grant"},
		{"no client", "", map[string]string{"client_id": ""}, 0, "invalid_request"},
		{"another redirect", "", map[string]string{"redirect_uri": "app.test:/elsewhere"}, 0, "invalid_grant"},
		{"too late", "", nil, codeLife, "invalid_grant"},
		{"a wrong verifier", b64(sum[:]), map[string]string{"code_verifier": verifier + "v"}, 0, "invalid_grant"},
		{"no verifier", b64(sum[:]), nil, 0, "invalid_grant"},
		{"a verifier whose challenge was removed", "", map[string]string{"code_verifier": verifier}, 0, "invalid_grant"},
	} {
		b := newBench(t)
		asked := []string{"scope", "imap"}
		if tc.challenge != "" {
			asked = append(asked, "code_challenge", tc.challenge, "code_challenge_method", "S256")
		}
		form := url.Values{"grant_type": {"authorization_code"}, "client_id": {"app"}, "redirect_uri": {"app.test:/back"}, "code": {b.code("/oauth2/authorize", asked...)}}
		for name, value := range tc.change {
			form.Set(name, value)
		}
		b.clock = b.clock.Add(tc.later)
		if got := errorOf(b, form); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestRefreshTokenIsBound checks that a refresh token is good only for its client, and for no wider scope.
func TestRefreshTokenIsBound(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]string{"": "", "imap": "", "imap smtp": "invalid_scope"} {
		b := newBench(t)
		token := b.tokens("/oauth2/authorize", "/oauth2/token", "scope", "imap pop")["refresh_token"].(string)
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {"other"}, "refresh_token": {token}, "scope": {scope}}
		if got := errorOf(b, form); got != "invalid_grant" {
			t.Errorf("another client: %q", got)
		}
		form.Set("client_id", "app")
		if got := errorOf(b, form); got != want {
			t.Errorf("scope %q: %q, want %q", scope, got, want)
		}
	}
}

// errorOf returns the error that the token endpoint answers with, or "".
func errorOf(b *bench, form url.Values) string {
	b.t.Helper()
	var pairs []string
	for name := range form {
		pairs = append(pairs, name, form.Get(name))
	}
	_, answer := b.post("/oauth2/token", pairs...)
	code, _ := answer["error"].(string)
	return code
}
