package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"golang.org/x/oauth2"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// signedIn is what a script in node/oauth prints.
type signedIn struct {
	Token    string // an access token that is good
	Revoked  string // what the client says of one that has been revoked
	Outcomes map[string][]string
	Secrets  []string // everything that may be recorded nowhere
}

// signIn runs a script in node/oauth for Alice.
func (r *rig) signIn(t *testing.T, script, at string) (a signedIn) {
	t.Helper()
	ports := map[int]string{}
	for _, d := range r.Doors {
		ports[d.Port] = r.port(d.Port)
	}
	list, err := json.Marshal(ports)
	if err != nil {
		t.Fatal(err)
	}
	res := r.runIn(invocation{
		program: "node", args: []string{nodeScript(t, "oauth", script), at, string(list), r.CAFile, "alice@example.test"},
		env: []string{"NODE_EXTRA_CA_CERTS=" + r.CAFile},
	}).want(0)
	if err := json.Unmarshal([]byte(res.out), &a); err != nil {
		t.Fatalf("%v in %s", err, res.out)
	}
	return a
}

// download fetches mail over POP3 with a token.
func (r *rig) download(t *testing.T, token string) {
	t.Helper()
	need(t, "curl")
	r.run("curl", "-sS", "--cacert", r.CAFile, "-u", "alice@example.test:", "--oauth2-bearer", token, "pop3s://"+r.local(995)+"/1").want(0).says("Subject: with a token")
}

// TestOAuthWithNode signs in with client libraries for Node, and uses the tokens in all three protocols.
func TestOAuthWithNode(t *testing.T) {
	t.Parallel()
	needNode(t, "openid-client", "@azure/msal-node", "nodemailer", "imapflow")
	t.Run("openid-client", func(t *testing.T) {
		t.Parallel()
		r := start(t, "--auth", "tokens")
		a := r.signIn(t, "openid.mjs", r.HTTP)
		r.download(t, a.Token)
		if a.Revoked != "invalid_token" {
			t.Errorf("a revoked token: %q", a.Revoked)
		}
		r.keepsSecret(t, a.Secrets)
	})
	t.Run("MSAL", func(t *testing.T) {
		t.Parallel()
		r := start(t, "--auth", "tokens", "--https", "127.0.0.1:0")
		a := r.signIn(t, "msal.mjs", strings.Replace(r.HTTPS, "127.0.0.1", "localhost", 1))
		r.download(t, a.Token)
		r.keepsSecret(t, a.Secrets)
	})
}

// TestRefreshTokenLost checks that mailrig tells of two libraries that lose a refresh token where a refresh gives a new one.
func TestRefreshTokenLost(t *testing.T) {
	t.Parallel()
	needNode(t, "google-auth-library", "nodemailer")
	r := start(t, "--auth", "tokens")
	a := r.signIn(t, "lost.mjs", r.HTTP)
	for client, first := range map[string]string{"nodemailer": "sent", "google-auth-library": "refreshed"} {
		if got := a.Outcomes[client]; len(got) != 2 || got[0] != first || !strings.Contains(got[1], "invalid_grant") {
			t.Errorf("%s: %q", client, got)
		}
		if !slices.ContainsFunc(r.findings(t), func(f diagnose.Finding) bool {
			return f.ID == "refresh-token-lost" && strings.Contains(f.Explanation, client)
		}) {
			t.Errorf("mailrig doesn't tell that %s has lost its refresh token", client)
		}
	}
	r.keepsSecret(t, a.Secrets)
}

// TestOAuthWithGo signs in with golang.org/x/oauth2 by the grants that mail clients use, and uses the tokens in all three protocols.
func TestOAuthWithGo(t *testing.T) {
	t.Parallel()
	r := start(t, "--auth", "tokens")
	r.blameless(t)
	c := &oauth2.Config{
		ClientID: "go", RedirectURL: "http://127.0.0.1:1/callback", Scopes: []string{"imap", "pop", "smtp"},
		Endpoint: oauth2.Endpoint{AuthURL: r.HTTP + "/oauth2/authorize", TokenURL: r.HTTP + "/oauth2/token", DeviceAuthURL: r.HTTP + "/oauth2/device"},
	}
	verifier := oauth2.GenerateVerifier()
	code := r.follow(t, c.AuthCodeURL("xyz", oauth2.S256ChallengeOption(verifier), oauth2.SetAuthURLParam("prompt", "none"), oauth2.SetAuthURLParam("login_hint", "alice"))).Get("code")
	token, err := c.Exchange(t.Context(), code, oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	r.mailWith(t, token.AccessToken, "with a token")
	ended := *token
	ended.Expiry = time.Now()
	next, err := c.TokenSource(t.Context(), &ended).Token()
	if err != nil || next.RefreshToken == token.RefreshToken {
		t.Fatalf("the refresh gives the same refresh token, or %v", err)
	}
	r.mailWith(t, next.AccessToken, "with a token of a refresh")

	device, err := c.DeviceAuth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.PostForm(device.VerificationURI, url.Values{"user_code": {device.UserCode}, "user": {"alice"}, "decision": {"allow"}})
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	third, err := c.DeviceAccessToken(t.Context(), device)
	if err != nil {
		t.Fatal(err)
	}
	r.mailWith(t, third.AccessToken, "with a token for a device")

	secrets := []string{verifier, code, device.DeviceCode}
	for _, got := range []*oauth2.Token{token, next, third} {
		secrets = append(secrets, got.AccessToken, got.RefreshToken)
	}
	r.keepsSecret(t, secrets)
}

// follow returns the query with which the client is called back.
func (r *rig) follow(t *testing.T, link string) url.Values {
	t.Helper()
	browser := &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return back.Query()
}

// mailWith sends a message to Alice, looks at her mailbox over IMAP and fetches a message over POP3, each with a token.
func (r *rig) mailWith(t *testing.T, token, subject string) {
	t.Helper()
	login := sasl.NewOAuthBearerClient(&sasl.OAuthBearerOptions{Username: "alice@example.test", Token: token})
	out, err := smtp.DialTLS(r.local(465), r.tlsConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if err := out.Auth(login); err != nil {
		t.Fatal(err)
	}
	if err := out.SendMail("alice@example.test", []string{"alice@example.test"}, bytes.NewReader(simple("alice@example.test", "alice@example.test", subject))); err != nil {
		t.Fatal(err)
	}
	if err := out.Quit(); err != nil {
		t.Error(err)
	}
	in, err := imapclient.DialTLS(r.local(993), &imapclient.Options{TLSConfig: r.tlsConfig()})
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	if err := in.Authenticate(login); err != nil {
		t.Fatal(err)
	}
	if box, err := in.Select("INBOX", nil).Wait(); err != nil || box.NumMessages == 0 {
		t.Fatalf("%+v, %v", box, err)
	}
	if err := in.Logout().Wait(); err != nil {
		t.Error(err)
	}
	r.download(t, token)
}

// TestSignInPage signs in with a browser: consent, refusal, a wrong password, a one-time code, a form that comes back, a device.
func TestSignInPage(t *testing.T) {
	t.Parallel()
	long(t)
	chromium := browser(t)
	const password = "a-long-password"
	r := start(t, "--auth", "tokens", "--user", "alice:"+password)
	res := execute(t, invocation{
		program: "node", args: []string{nodeScript(t, "oauth", "page.mjs"), r.HTTP, "alice@example.test", password},
		env: []string{"CHROMIUM=" + chromium}, limit: 8 * patience,
	}).want(0)
	var a signedIn
	if err := json.Unmarshal([]byte(res.out), &a); err != nil {
		t.Fatalf("%v in %s", err, res.out)
	}
	r.mailWith(t, a.Token, "with a token")
	r.keepsSecret(t, a.Secrets)
}
