package issuer

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// pollInterval is how long a device must wait between two requests (RFC 8628 section 3.2).
const pollInterval = 5 * time.Second

// device is a device that waits for a user to sign in elsewhere.
type device struct {
	provider *provider
	client   string
	scope    string
	userCode string
	ends     time.Time
	interval time.Duration
	asked    time.Time // when the device last asked
	told     bool      // a request that came too early has been recorded
	denied   bool
	spent    bool
	grant    *grant // nil: nobody has signed in
}

// device answers at the device authorization endpoint (RFC 8628 section 3.1).
func (i *Issuer) device(p *provider) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		form, client, ok := i.form(w, r, p)
		if !ok {
			return
		}
		if len(form.Get("scope")) > maxText {
			refuse(w, p, badRequest.asked("scope is too long"))
			return
		}
		by, err := i.hindered(r.Context(), "")
		if err != nil {
			i.record(r, event.TokenRequest{Endpoint: event.AtDevice, Provider: p.name, Client: client.id, Trouble: failing.why}, by)
			refuse(w, p, failing)
			return
		}
		text := secret(devicePrefix, 24)
		d := &device{provider: p, client: client.id, scope: form.Get("scope"), userCode: userCode(), ends: i.Now().Add(deviceLife), interval: pollInterval}
		detach(&d.client, &d.scope)
		i.mu.Lock()
		i.state.devices.put(text, d)
		i.mu.Unlock()
		i.record(r, event.TokenRequest{Endpoint: event.AtDevice, Provider: p.name, Client: d.client, Scope: d.scope, Confidential: client.proved}, by)
		at := base(r) + verifyPath
		answer := map[string]any{
			"device_code": text, "user_code": d.userCode, "verification_uri": at, "verification_url": at, // Google's name
			"verification_uri_complete": at + "?user_code=" + d.userCode, "expires_in": int(deviceLife / time.Second), "interval": int(pollInterval / time.Second),
		}
		if p == microsoft {
			answer["message"] = "To sign in, use a web browser to open the page " + at + " and enter the code " + d.userCode + " to authenticate."
		}
		writeJSON(w, http.StatusOK, answer)
	}
}

// userCode makes a code for people to type: eight consonants, as RFC 8628 section 6.1 advises.
func userCode() string {
	const letters = "BCDFGHJKLMNPQRSTVWXZ" // 20: no vowels, so no words
	var b [8]byte
	_, _ = rand.Read(b[:])
	for n, c := range b {
		b[n] = letters[int(c)%len(letters)]
	}
	return string(b[:4]) + "-" + string(b[4:])
}

// waiting finds the device that shows a code. The caller holds the lock.
func (i *Issuer) waiting(code string) *device {
	code = strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(code))
	for _, d := range i.state.devices.items {
		if strings.ReplaceAll(d.userCode, "-", "") == code && d.grant == nil && !d.denied && i.Now().Before(d.ends) {
			return d
		}
	}
	return nil
}

// verify is the page on which a user signs in for a device.
func (i *Issuer) verify(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		i.show(w, http.StatusBadRequest, view{Title: "Connect a device", Problem: "the form can't be read"})
		return
	}
	asked := r.Form.Get("user_code")
	if asked == "" {
		i.show(w, http.StatusOK, view{Title: "Connect a device", AskCode: true, formAction: "'self'"})
		return
	}
	i.mu.Lock()
	d := i.waiting(asked)
	i.mu.Unlock()
	if d == nil {
		i.show(w, http.StatusOK, view{Title: "Connect a device", Problem: "No device waits with this code. It may have expired.", AskCode: true, formAction: "'self'"})
		return
	}
	page := view{
		Title: "Sign in", Client: d.client, Scope: scopes(d.scope), Device: d.userCode, Anyone: i.Anyone, Action: verifyPath, formAction: "'self'",
		Fields: url.Values{"user_code": {d.userCode}},
	}
	if r.Method != http.MethodPost {
		i.show(w, http.StatusOK, page)
		return
	}
	i.settle(w, r, d, page)
}

// settle takes the user's decision about a device.
func (i *Issuer) settle(w http.ResponseWriter, r *http.Request, d *device, page view) {
	e := event.TokenRequest{Endpoint: event.AtVerify, Provider: d.provider.name, Client: d.client, Scope: d.scope}
	page.User = r.PostForm.Get("user")
	account, ok := i.SignIn(r.Context(), page.User, r.PostForm.Get("password"))
	c := i.conditions(r.Context(), account)
	page.MFA = c.SignIn == SignInMFA
	by := ""
	denied := r.PostForm.Get("decision") == "deny" || ok && c.SignIn == SignInDeny
	switch {
	case denied:
		e.Trouble = event.Denied
		if c.SignIn == SignInDeny {
			by = c.By
		}
		i.mu.Lock()
		d.denied = true
		i.mu.Unlock()
		page = view{Title: "Connect a device", Finished: "The device gets nothing. You can close this page."}
	case !ok:
		e.Trouble = event.SignInWrong
		page.Problem = "The name or the password is wrong."
	case page.MFA && !isOneTimeCode(r.PostForm.Get("otp")):
		page.Problem = "Enter the one-time code too: any six digits."
		i.show(w, http.StatusOK, page)
		return
	default:
		i.mu.Lock()
		if d.grant == nil {
			d.grant = i.newGrant(c.shape(grant{
				provider: d.provider, client: d.client, user: account, scope: d.scope, offline: d.provider.offline(scopes(d.scope), nil),
			}))
		}
		e.User, e.Number, by = account, d.grant.number, d.grant.by
		i.mu.Unlock()
		page = view{Title: "Connect a device", Finished: "The device is connected. You can close this page."}
	}
	i.record(r, e, by)
	i.show(w, http.StatusOK, page)
}
