package server_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/mailrig/mailrig/server"
)

// TestIssuerInScenarios checks each setting of the fault issuer through the HTTP door, with the client of golang.org/x/oauth2.
func TestIssuerInScenarios(t *testing.T) {
	t.Parallel()
	s := startIssuer(t, server.Config{})
	c := oauthClient(s, "/oauth2/authorize", "/oauth2/token", "imap", "pop", "smtp")
	quick := []oauth2.AuthCodeOption{oauth2.SetAuthURLParam("prompt", "none"), oauth2.SetAuthURLParam("login_hint", "alice")}
	use := func(rule string) {
		t.Helper()
		if _, err := s.Use(parse(t, "tokens", "\n  - oauth: accept\n"), parse(t, "odd-issuer", "\n  - issuer: "+rule+"\n")); err != nil {
			t.Fatal(err)
		}
	}
	refresh := func(token *oauth2.Token) (*oauth2.Token, error) {
		return c.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token()
	}

	use("{sign-in: deny}")
	if back := browse(t, c.AuthCodeURL(""), "user", "alice"); back.Get("error") != "access_denied" {
		t.Errorf("sign-in: deny: %v", back)
	}
	use("{sign-in: mfa}")
	if back := browse(t, c.AuthCodeURL("", quick...)); back.Get("error") != "interaction_required" {
		t.Errorf("sign-in: mfa without the page: %v", back)
	}
	if back := browse(t, c.AuthCodeURL(""), "user", "alice", "otp", "123456"); back.Get("code") == "" {
		t.Errorf("sign-in: mfa with a one-time code: %v", back)
	}

	use("{rotation: soft, lifetime: 7s}")
	token := signedIn(t, s, c)
	if left := time.Until(token.Expiry); left > 7*time.Second {
		t.Errorf("lifetime: 7s: the token ends in %v", left)
	}
	next, err := refresh(token)
	if err != nil || next.RefreshToken == token.RefreshToken {
		t.Fatalf("rotation: soft: the same refresh token, or %v", err)
	}
	if _, err := refresh(token); err != nil {
		t.Errorf("rotation: soft: the old refresh token: %v", err)
	}
	use("{rotation: none}")
	if next, err := refresh(token); err != nil || next.RefreshToken != token.RefreshToken {
		t.Errorf("rotation: none: another refresh token, or %v", err)
	}
	use("{refresh: failing}")
	if _, err := refresh(token); retrieveError(err).Response == nil || retrieveError(err).Response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("refresh: failing: %v", err)
	}
	use("{refresh: mfa}")
	if _, err := refresh(token); retrieveError(err).ErrorCode != "interaction_required" {
		t.Errorf("refresh: mfa: %v", err)
	}
	use("{refresh: sign-in-again}")
	for range 2 { // the grant is over, also when the scenario is
		if _, err := refresh(token); retrieveError(err).ErrorCode != "invalid_grant" {
			t.Errorf("refresh: sign-in-again: %v", err)
		}
		use("{lifetime: 1h}")
	}

	use("{discovery: google}")
	var document struct {
		Token string `json:"token_endpoint"`
	}
	resp, err := http.Get(s.HTTPURL() + "/.well-known/openid-configuration")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(resp.Body).Decode(&document); err != nil || document.Token != s.HTTPURL()+"/token" {
		t.Errorf("discovery: google: the token endpoint is %q, %v", document.Token, err)
	}
	resp.Body.Close()

	use("{down: true}")
	if _, err := refresh(token); retrieveError(err).Response == nil || retrieveError(err).Response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("down: a refresh: %v", err)
	}
	if _, err := c.DeviceAuth(t.Context()); retrieveError(err).Response == nil || retrieveError(err).Response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("down: a device: %v", err)
	}
	if back := browse(t, c.AuthCodeURL("", quick...)); back.Get("code") == "" {
		t.Errorf("down: the sign-in page: %v", back)
	}
	use("{delay: 300ms}")
	began := time.Now()
	if signedIn(t, s, c); time.Since(began) < 300*time.Millisecond {
		t.Errorf("delay: 300ms: a token after %v", time.Since(began))
	}
	use("{delay: 45s}")
	short, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(short, http.MethodPost, s.HTTPURL()+"/oauth2/device", strings.NewReader("client_id=app"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := http.DefaultClient.Do(req); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("delay: 45s: %v", err)
	}

	use("{skew: 2h}")
	if token := signedIn(t, s, c); time.Until(token.Expiry) < 59*time.Minute || loginWith(t, s, "alice", token.AccessToken) != "" {
		t.Errorf("skew: 2h: the client is told %v, and a door takes the token", token.Expiry)
	}
	use("{audience: https://elsewhere.example.test}")
	if got := loginWith(t, s, "alice", signedIn(t, s, c).AccessToken); got != "" {
		t.Errorf("audience: %q take the token", got)
	}
	use("{scope: imap}")
	if got := loginWith(t, s, "alice", signedIn(t, s, c).AccessToken); got != "imap" {
		t.Errorf("scope: imap: %q take the token", got)
	}
	injected := 0
	for _, session := range s.Sessions() {
		for _, l := range session.Logins {
			if !l.OK && (l.Token == "wrong-scope" || l.Token == "wrong-audience") {
				injected++
				if l.Injected != "odd-issuer" {
					t.Errorf("a login with a %s token was refused by %q", l.Token, l.Injected)
				}
			}
		}
	}
	if injected != 5 {
		t.Errorf("%d logins were refused for the scope or the audience, want 5", injected)
	}
	if slices.ContainsFunc(s.Findings(), func(f server.Finding) bool { return f.ID == "token-scope-missing" }) {
		t.Error("the client is blamed for the scope that a scenario chose")
	}
}

// TestIssuerOfOneUser checks that the fault issuer can be for one user, by match and by a scenario of one's own.
func TestIssuerOfOneUser(t *testing.T) {
	t.Parallel()
	s := startIssuer(t, server.Config{})
	useFor(t, s, "bob", parse(t, "bobs", "\n  - issuer: {sign-in: deny}\n"))
	if _, err := s.Use(parse(t, "carols", "\n  - match: {user: carol@example.test}\n    issuer: {sign-in: deny}\n")); err != nil {
		t.Fatal(err)
	}
	c := oauthClient(s, "/oauth2/authorize", "/oauth2/token", "imap")
	for user, denied := range map[string]bool{"alice": false, "bob": true, "BOB@example.test": true, "carol": true} {
		back := browse(t, c.AuthCodeURL(""), "user", user)
		if (back.Get("error") == "access_denied") != denied {
			t.Errorf("%s is called back with %v", user, back)
		}
	}
}

// TestTokenRefusedAtOnce checks that a scenario can have tokens refused without a challenge, as Microsoft refuses them.
func TestTokenRefusedAtOnce(t *testing.T) {
	t.Parallel()
	s := startIssuer(t, server.Config{})
	if _, err := s.Use(parse(t, "bare", "\n  - auth: [XOAUTH2]\n  - token-challenge: none\n")); err != nil {
		t.Fatal(err)
	}
	token := signedIn(t, s, oauthClient(s, "/oauth2/authorize", "/oauth2/token", "smtp"))
	xoauth2 := base64.StdEncoding.EncodeToString([]byte("user=alice\x01auth=Bearer " + token.AccessToken + "\x01\x01"))
	if err := talk(dial(t, s, 993), "", "* OK", "a AUTHENTICATE XOAUTH2 "+xoauth2, "a NO"); err != nil {
		t.Error(err)
	}
	if err := talk(dial(t, s, 995), "", "+OK", "AUTH XOAUTH2", "+ ", xoauth2, "-ERR"); err != nil {
		t.Error(err)
	}
	if err := talk(dial(t, s, 465), "", "220 ", "EHLO x", "250 ", "AUTH XOAUTH2 "+xoauth2, "235 "); err != nil {
		t.Error(err)
	}
	for _, session := range s.Sessions() {
		for _, l := range session.Logins {
			if !l.OK && (l.Token != "wrong-scope" || l.Injected != "") {
				t.Errorf("%+v", l)
			}
		}
	}
}
