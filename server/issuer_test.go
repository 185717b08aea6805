package server_test

import (
	"context"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/mailrig/mailrig/server"
)

// startIssuer starts a rig whose doors take tokens.
func startIssuer(t *testing.T, c server.Config) *server.Server {
	t.Helper()
	c.HTTP, c.HTTPExact = "127.0.0.1:0", true
	c.Scenarios = append(c.Scenarios, parse(t, "tokens", "\n  - oauth: accept\n"))
	return start(t, c)
}

// oauthClient returns a client of golang.org/x/oauth2 that uses a provider's paths.
func oauthClient(s *server.Server, authorize, token string, scopes ...string) *oauth2.Config {
	return &oauth2.Config{
		ClientID: "app", RedirectURL: "http://127.0.0.1:1/callback", Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: s.HTTPURL() + authorize, TokenURL: s.HTTPURL() + token, DeviceAuthURL: s.HTTPURL() + "/oauth2/device", AuthStyle: oauth2.AuthStyleInParams},
	}
}

var hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// fillIn returns the form of a page of the issuer, with more values.
func fillIn(page string, more ...string) url.Values {
	form := url.Values{}
	for _, m := range hidden.FindAllStringSubmatch(page, -1) {
		form.Add(m[1], strings.NewReplacer("&amp;", "&", "&#43;", "+", "&#34;", `"`, "&#39;", "'").Replace(m[2]))
	}
	for i := 0; i < len(more); i += 2 {
		form.Set(more[i], more[i+1])
	}
	return form
}

// browse does what a browser does with a link to the sign-in page, and returns the query with which the client is called back.
func browse(t *testing.T, link string, form ...string) url.Values {
	t.Helper()
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode == http.StatusOK {
		u, _ := url.Parse(link)
		if resp, err = browser.PostForm(u.Scheme+"://"+u.Host+"/oauth2/sign-in", fillIn(string(page), form...)); err != nil {
			t.Fatal(err)
		}
		page, _ = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if resp.StatusCode != http.StatusFound {
		t.Fatalf("status %d: %s", resp.StatusCode, page)
	}
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil {
		t.Fatal(err)
	}
	return back.Query()
}

// signedIn does the whole dance of the authorization code grant with PKCE.
func signedIn(t *testing.T, s *server.Server, c *oauth2.Config, opts ...oauth2.AuthCodeOption) *oauth2.Token {
	t.Helper()
	verifier := oauth2.GenerateVerifier()
	back := browse(t, c.AuthCodeURL("xyz", append(opts, oauth2.S256ChallengeOption(verifier))...), "user", "alice", "password", "secret", "decision", "allow")
	if back.Get("state") != "xyz" || !strings.HasPrefix(back.Get("iss"), s.HTTPURL()) {
		t.Fatalf("the client is called back with %v", back)
	}
	token, err := c.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// loginWith logs in at three doors, by XOAUTH2 and OAUTHBEARER, and returns the names of those that take the token.
func loginWith(t *testing.T, s *server.Server, user, token string) (taken string) {
	t.Helper()
	xoauth2 := base64.StdEncoding.EncodeToString([]byte("user=" + user + "\x01auth=Bearer " + token + "\x01\x01"))
	bearer := base64.StdEncoding.EncodeToString([]byte("n,a=" + user + ",\x01auth=Bearer " + token + "\x01\x01"))
	for _, d := range []struct {
		name string
		port int
		ok   []string
	}{
		{"imap", 993, []string{"", "* OK", "a AUTHENTICATE XOAUTH2 " + xoauth2, "a OK"}},
		{"smtp", 465, []string{"", "220 ", "EHLO x", "250 ", "AUTH OAUTHBEARER " + bearer, "235 "}},
		{"pop", 995, []string{"", "+OK", "AUTH XOAUTH2", "+ ", xoauth2, "+OK"}},
	} {
		c := dial(t, s, d.port)
		c.SetDeadline(time.Now().Add(10 * time.Second))
		last := len(d.ok) - 2
		if err := talk(c, d.ok[:last]...); err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		if _, err := io.WriteString(c, d.ok[last]+"\r\n"); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		if strings.HasPrefix(string(b[:n]), d.ok[last+1]) {
			taken += d.name + " "
			if d.name == "pop" { // the mailbox is free again before the reply
				if err := talk(c, "QUIT", "+OK"); err != nil {
					t.Error(err)
				}
			}
		} else if first := string(b[:n]); !strings.HasPrefix(first, "+ ") && !strings.HasPrefix(first, "334 ") {
			t.Errorf("%s refuses without a challenge: %q", d.name, first)
		}
		c.Close()
	}
	return strings.TrimSpace(taken)
}

// TestDances does the sign-in of Gmail, Outlook and a standard client, with only the host changed, and then logs in at the doors.
func TestDances(t *testing.T) {
	t.Parallel()
	s := startIssuer(t, server.Config{})
	for _, tc := range []struct {
		name, authorize, token string
		scopes                 []string
		opts                   []oauth2.AuthCodeOption
		renewed                bool // a refresh gives a new refresh token
		old                    bool // the old one still works then
	}{
		{"a standard client", "/oauth2/authorize", "/oauth2/token", []string{"imap", "pop", "smtp", "openid"}, nil, true, false},
		{"Gmail", "/o/oauth2/v2/auth", "/oauth2/v4/token", []string{"https://mail.google.com/"}, []oauth2.AuthCodeOption{oauth2.AccessTypeOffline}, false, true},
		{"Outlook", "/common/oauth2/v2.0/authorize", "/common/oauth2/v2.0/token", []string{"offline_access", "https://outlook.office.com/IMAP.AccessAsUser.All",
			"https://outlook.office.com/POP.AccessAsUser.All", "https://outlook.office.com/SMTP.Send"}, nil, true, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := oauthClient(s, tc.authorize, tc.token, tc.scopes...)
			token := signedIn(t, s, c, tc.opts...)
			if left := time.Until(token.Expiry); left < 59*time.Minute || left > time.Hour || token.RefreshToken == "" {
				t.Errorf("the token ends in %v, and the refresh token is %q", left, token.RefreshToken)
			}
			if got := loginWith(t, s, "alice@example.test", token.AccessToken); got != "imap smtp pop" {
				t.Errorf("the token is taken by %q", got)
			}
			if got := loginWith(t, s, "bob", token.AccessToken); got != "" {
				t.Errorf("alice's token lets bob in at %q", got)
			}
			refresh := func(refreshToken string) (*oauth2.Token, error) {
				return c.TokenSource(t.Context(), &oauth2.Token{RefreshToken: refreshToken}).Token()
			}
			next, err := refresh(token.RefreshToken)
			if err != nil {
				t.Fatal(err)
			}
			if next.AccessToken == token.AccessToken || (next.RefreshToken != token.RefreshToken) != tc.renewed {
				t.Error("the refresh gave the same access token, or the wrong kind of refresh token")
			}
			if got := loginWith(t, s, "alice", next.AccessToken); got != "imap smtp pop" {
				t.Errorf("the refreshed token is taken by %q", got)
			}
			if _, err := refresh(token.RefreshToken); (err == nil) != tc.old {
				t.Errorf("the old refresh token again: %v", err)
			}
		})
	}
}

func retrieveError(err error) *oauth2.RetrieveError {
	var e *oauth2.RetrieveError
	if errors.As(err, &e) {
		return e
	}
	return &oauth2.RetrieveError{ErrorCode: "none"}
}

// TestTokensThatAreNoGood checks what the doors do with tokens that have ended, or are for something else.
func TestTokensThatAreNoGood(t *testing.T) {
	t.Parallel()
	s := startIssuer(t, server.Config{TokenLifetime: time.Second})
	c := oauthClient(s, "/oauth2/authorize", "/oauth2/token", "imap")
	token := signedIn(t, s, c)
	for deadline := time.Now().Add(20 * time.Second); loginWith(t, s, "alice", token.AccessToken) != ""; {
		if time.Now().After(deadline) {
			t.Fatal("the token never ends")
		}
	}
	if got := loginWith(t, s, "alice", token.RefreshToken); got != "" {
		t.Errorf("the refresh token is taken by %q", got)
	}
	long := startIssuer(t, server.Config{})
	for _, tc := range []struct{ scope, taken string }{
		{"imap", "imap"},
		{"openid email", ""},
		{"https://graph.microsoft.com/Mail.Read", ""},
		{"https://outlook.office.com/SMTP.Send offline_access", "smtp"},
		{"https://mail.google.com/", "imap smtp pop"},
		{"mail-w", "imap smtp pop"},
		{"", "imap smtp pop"},
	} {
		c := oauthClient(long, "/oauth2/authorize", "/oauth2/token", strings.Fields(tc.scope)...)
		token := signedIn(t, long, c)
		if got := loginWith(t, long, "alice", token.AccessToken); got != tc.taken {
			t.Errorf("a token for %q is taken by %q, want %q", tc.scope, got, tc.taken)
		}
		resp, err := http.PostForm(long.HTTPURL()+"/oauth2/revoke", url.Values{"token": {token.AccessToken}})
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		resp.Body.Close()
		if got := loginWith(t, long, "alice", token.AccessToken); got != "" {
			t.Errorf("a revoked token is taken by %q", got)
		}
	}
}

// TestOtherGrants checks the device grant and client credentials with the library, and that a code works once.
func TestOtherGrants(t *testing.T) {
	t.Parallel()
	s := startIssuer(t, server.Config{Users: []server.User{{Name: "alice", Password: "secret"}}})
	c := oauthClient(s, "/oauth2/authorize", "/oauth2/token", "imap", "smtp", "pop")
	device, err := c.DeviceAuth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.PostForm(device.VerificationURI, url.Values{"user_code": {device.UserCode}, "user": {"alice"}, "password": {"secret"}, "decision": {"allow"}})
	if err != nil {
		t.Fatal(err)
	}
	page, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if !strings.Contains(string(page), "is connected") {
		t.Fatalf("%s", page)
	}
	device.Interval = 1
	token, err := c.DeviceAccessToken(t.Context(), device)
	if err != nil {
		t.Fatal(err)
	}
	if got := loginWith(t, s, "alice", token.AccessToken); got != "imap smtp pop" {
		t.Errorf("the device's token is taken by %q", got)
	}
	app := clientcredentials.Config{ClientID: "daemon", ClientSecret: "x", TokenURL: s.HTTPURL() + "/common/oauth2/v2.0/token", Scopes: []string{"https://outlook.office365.com/.default"}}
	if token, err = app.Token(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := loginWith(t, s, "alice", token.AccessToken); got != "imap smtp pop" {
		t.Errorf("the app's token is taken by %q", got)
	}
	if got := loginWith(t, s, "mallory", token.AccessToken); got != "" {
		t.Errorf("the app's token opens the account of an unknown user at %q", got)
	}
	back := browse(t, c.AuthCodeURL(""), "user", "alice", "password", "secret")
	if token, err = c.Exchange(t.Context(), back.Get("code")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Exchange(t.Context(), back.Get("code")); retrieveError(err).ErrorCode != "invalid_grant" {
		t.Errorf("the same code again: %v", err)
	}
	if got := loginWith(t, s, "alice", token.AccessToken); got != "" {
		t.Errorf("the code was used twice, and its token is taken by %q", got)
	}
	back = browse(t, c.AuthCodeURL("", oauth2.S256ChallengeOption(oauth2.GenerateVerifier())), "user", "alice", "password", "secret")
	if _, err := c.Exchange(t.Context(), back.Get("code"), oauth2.VerifierOption(oauth2.GenerateVerifier())); retrieveError(err).ErrorCode != "invalid_grant" {
		t.Errorf("a wrong verifier: %v", err)
	}
	if back = browse(t, c.AuthCodeURL("s"), "user", "alice", "decision", "deny"); back.Get("error") != "access_denied" || back.Get("code") != "" || back.Get("state") != "s" {
		t.Errorf("denied: %v", back)
	}
}

// TestIssuerInSessions checks that requests to the issuer are sessions, and that nothing secret is in them.
func TestIssuerInSessions(t *testing.T) {
	t.Parallel()
	s := startIssuer(t, server.Config{})
	c := oauthClient(s, "/oauth2/authorize", "/oauth2/token", "imap")
	c.ClientSecret = "canary-secret"
	token := signedIn(t, s, c)
	if _, err := c.TokenSource(context.Background(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token(); err != nil {
		t.Fatal(err)
	}
	loginWith(t, s, "alice", token.RefreshToken)
	var all strings.Builder
	asked := 0
	for _, session := range s.Sessions() {
		all.WriteString(session.Dialogue())
		if session.Protocol == "oauth" {
			asked++
		}
	}
	for _, path := range []string{"/api/v1/sessions", "/api/v1/findings", "/", "/metrics"} {
		resp, err := http.Get(s.HTTPURL() + path)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		all.Write(b)
	}
	if asked != 3 {
		t.Errorf("%d requests to the issuer are sessions, want 3:\n%s", asked, all.String())
	}
	for _, word := range []string{token.AccessToken, token.RefreshToken, "canary-secret", "mailrig-ac-"} {
		if strings.Contains(all.String(), word) {
			t.Errorf("%q can be read", word)
		}
	}
}

// TestTokenFindings checks that what a client does wrong with its tokens is a finding.
func TestTokenFindings(t *testing.T) {
	t.Parallel()
	s := startIssuer(t, server.Config{TokenLifetime: time.Second})
	c := oauthClient(s, "/common/oauth2/v2.0/authorize", "/common/oauth2/v2.0/token", "offline_access", "https://outlook.office.com/IMAP.AccessAsUser.All")
	back := browse(t, c.AuthCodeURL(""), "user", "alice")
	token, err := c.Exchange(t.Context(), back.Get("code"))
	if err != nil {
		t.Fatal(err)
	}
	// Before there are more sessions than findings look at.
	waitFor(t, s, server.Condition{What: server.Findings, IDs: []string{"pkce-missing"}})
	loginWith(t, s, "alice", token.AccessToken)  // not good for SMTP and POP3
	loginWith(t, s, "alice", token.RefreshToken) // good nowhere
	want := map[string]bool{"pkce-missing": true, "token-scope-missing": true, "refresh-token-sent": true, "token-not-refreshed": true, "refresh-token-lost": true}
	for deadline := time.Now().Add(30 * time.Second); len(want) > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("there is no %v", want)
		}
		found(s, want)
		if want["token-not-refreshed"] {
			loginWith(t, s, "alice", token.AccessToken)
			continue
		}
		time.Sleep(100 * time.Millisecond) // a thousand refreshes more, and the issuer forgets the first token
		if _, err := c.TokenSource(t.Context(), &oauth2.Token{RefreshToken: token.RefreshToken}).Token(); err != nil {
			t.Fatal(err)
		}
	}
}

// found removes the findings that there are from those that are wanted.
func found(s *server.Server, want map[string]bool) {
	for _, f := range s.Findings() {
		delete(want, f.ID)
	}
}

// TestRefusedTokenNamesTheIssuer checks that a client with a token that is no good learns where the issuer is (RFC 7628 section 3.2.2).
func TestRefusedTokenNamesTheIssuer(t *testing.T) {
	t.Parallel()
	s := startIssuer(t, server.Config{})
	token := signedIn(t, s, oauthClient(s, "/oauth2/authorize", "/oauth2/token", "smtp"))
	bearer := base64.StdEncoding.EncodeToString([]byte("n,a=alice,\x01auth=Bearer " + token.AccessToken + "\x01\x01"))
	want := base64.StdEncoding.EncodeToString([]byte(`{"status":"insufficient_scope","scope":"imap","openid-configuration":"` + s.HTTPURL() + `/.well-known/openid-configuration"}`))
	if err := talk(dial(t, s, 993), "", "* OK", "a AUTHENTICATE OAUTHBEARER "+bearer, "+ "+want, "AQ==", "a NO"); err != nil {
		t.Error(err)
	}
}

// TestIssuerRecordsNoCredential checks that a credential in the wrong place of a request isn't recorded, nor what moves a terminal's cursor.
func TestIssuerRecordsNoCredential(t *testing.T) {
	t.Parallel()
	s := startIssuer(t, server.Config{})
	token := signedIn(t, s, oauthClient(s, "/oauth2/authorize", "/oauth2/token", "imap"))
	claims := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"robot","sub":"alice:canary","scope":"\u001b[2J ` + token.RefreshToken + `","exp":4102444800}`))
	for _, form := range []url.Values{
		{"grant_type": {"refresh_token"}, "client_id": {token.AccessToken}, "refresh_token": {token.RefreshToken}},
		{"grant_type": {"client_credentials"}, "client_id": {"app"}, "scope": {"imap " + token.RefreshToken}},
		{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {"e30." + claims + ".c2ln"}},
	} {
		resp, err := http.PostForm(s.HTTPURL()+"/oauth2/token", form)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	var all strings.Builder
	for _, session := range s.Sessions() {
		all.WriteString(session.Dialogue())
	}
	if strings.Count(all.String(), "s -- ") != 5 {
		t.Errorf("the requests aren't all recorded:\n%s", all.String())
	}
	for _, word := range []string{"canary", token.AccessToken, token.RefreshToken, "\x1b"} {
		if strings.Contains(all.String(), word) {
			t.Errorf("%q can be read in\n%s", word, all.String())
		}
	}
}
