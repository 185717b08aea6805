package issuer

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// grants are the grant types, by name. Each function finds out whether there is a grant and what the client gets of it.
var grants = map[string]func(*exchange) (gets, error){
	"authorization_code": (*exchange).code,
	"refresh_token":      (*exchange).refresh,
	"client_credentials": (*exchange).credentials,
	"password":           (*exchange).password,
	"urn:ietf:params:oauth:grant-type:device_code": (*exchange).device,
	"device_code": (*exchange).device, // as MSAL says it
	"urn:ietf:params:oauth:grant-type:jwt-bearer": (*exchange).assertion,
}

func grantTypes() []string { return slices.Sorted(maps.Keys(grants)) }

// gets is what a client gets.
type gets struct {
	grant   *grant
	scope   string
	renewed *token // the refresh token that it sent; nil: it sent none
	once    bool   // no refresh token
}

// exchange is a request to the token endpoint. Its methods run while the issuer is locked.
type exchange struct {
	*Issuer
	ctx      context.Context
	provider *provider
	form     url.Values
	caller   caller
	issuer   string // as the client knows it
	wants    Conditions
	event    event.TokenRequest
	by       string // the scenario behind the answer
	silent   bool   // don't record it
}

// token answers at the token endpoint (RFC 6749 section 3.2).
func (i *Issuer) token(p *provider) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		form, who, ok := i.form(w, r, p)
		if !ok {
			return
		}
		x := &exchange{Issuer: i, ctx: r.Context(), provider: p, form: form, caller: who, issuer: issuerOf(p, r)}
		x.event = event.TokenRequest{
			Endpoint: event.AtToken, Grant: form.Get("grant_type"), Provider: p.name, Client: who.id, Confidential: who.proved, Scope: form.Get("scope"),
		}
		answer, err := x.answer()
		trouble := problem{}
		if errors.As(err, &trouble) {
			x.event.Trouble = trouble.why
		}
		if !x.silent {
			i.record(r, x.event, x.by)
		}
		switch {
		case trouble.code != "":
			refuse(w, p, trouble)
		case err != nil:
			i.broken(w, err)
		default:
			writeJSON(w, http.StatusOK, answer)
		}
	}
}

// answer runs the request, if a scenario lets it through.
func (x *exchange) answer() (map[string]any, error) {
	by, err := x.hindered(x.ctx, x.subject())
	x.by = by
	if err != nil {
		return nil, err
	}
	return x.run()
}

func (x *exchange) run() (map[string]any, error) {
	find := grants[x.form.Get("grant_type")]
	switch {
	case find == nil:
		x.event.Grant = ""
		return nil, badGrantType
	case len(x.form.Get("scope")) > maxText:
		return nil, badScope.asked("scope has more than %d bytes", maxText)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	defer x.save()
	g, err := find(x)
	if err != nil {
		return nil, err
	}
	return x.issue(g)
}

// about notes whose grant it is, and asks what scenarios want.
func (x *exchange) about(g *grant) {
	x.event.User, x.event.Number = g.user, g.number
	x.wants = x.conditions(x.ctx, g.user)
}

// mine reports whether a grant is this client's.
func (x *exchange) mine(g *grant) error {
	switch x.caller.id {
	case g.client:
		return nil
	case "":
		return badRequest.asked("client_id is missing")
	}
	return codeOfOther
}

// code is the authorization code grant (RFC 6749 section 4.1.3, RFC 7636 section 4.6).
func (x *exchange) code() (gets, error) {
	c, ok := x.state.codes.get(x.form.Get("code"))
	if !ok {
		return gets{}, codeUnknown
	}
	x.about(c.grant)
	x.event.PKCE, x.event.Scope = c.method, c.scope
	if err := x.mine(c.grant); err != nil {
		return gets{}, err
	}
	switch {
	case c.used:
		c.revoked = true // RFC 6749 section 4.1.2
		x.touchAll(c.grant)
		return gets{}, codeUsed
	case !x.Now().Before(c.ends):
		return gets{}, codeUnknown
	case x.form.Get("redirect_uri") != c.redirect && x.form.Has("redirect_uri"), c.redirect != "" && !x.form.Has("redirect_uri"):
		return gets{}, badRedirect
	case !c.proves(x.form.Get("code_verifier")):
		return gets{}, badVerifier
	}
	c.used = true
	return gets{grant: c.grant, scope: c.scope}, nil
}

// proves reports whether a verifier fits the challenge (RFC 7636 section 4.6). Without a challenge there must be none: somebody may have
// removed it on the way (RFC 9700 section 4.8.2).
func (c *code) proves(verifier string) bool {
	switch c.method {
	case "":
		return verifier == ""
	case "S256":
		sum := sha256.Sum256([]byte(verifier))
		verifier = b64(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(verifier), []byte(c.challenge)) == 1
}

// refresh is the grant of a refresh token (RFC 6749 section 6).
func (x *exchange) refresh() (gets, error) {
	t, ok := x.known(x.form.Get("refresh_token"))
	if !ok || !t.refresh {
		return gets{}, refreshUnknown
	}
	x.about(t.grant)
	x.event.Token = t.number
	if err := x.mine(t.grant); err != nil {
		return gets{}, err
	}
	if !t.replaced.IsZero() {
		x.event.Replaced, x.event.NextUsed = max(x.Now().Sub(t.replaced), 1), t.nextUsed
	}
	if err := x.fate(t); err != nil {
		return gets{}, err
	}
	scope, err := x.narrower(t.grant)
	if err != nil {
		return gets{}, err
	}
	if t.from != nil {
		x.touch(t)
		x.touch(t.from)
		t.from.nextUsed, t.from = true, nil
	}
	return gets{grant: t.grant, scope: scope, renewed: t}, nil
}

// fate returns why a refresh token gets nothing.
func (x *exchange) fate(t *token) error {
	switch x.wants.Refresh {
	case FateSignIn:
		t.grant.revoked, x.by = true, x.wants.By
		x.touchAll(t.grant)
		return refreshRevoked
	case FateMFA:
		x.by = x.wants.By
		return needsMore
	case FateFailing:
		x.by = x.wants.By
		return failing
	}
	switch {
	case !t.replaced.IsZero() && x.rotation(t.grant) == RotateStrict:
		t.grant.revoked = true // RFC 9700 section 4.14.2: one of the two who have it isn't the client
		x.touchAll(t.grant)
		return refreshReplaced
	case t.revoked || t.grant.revoked:
		return refreshRevoked
	case !x.Now().Before(t.ends):
		return refreshUnknown
	}
	return nil
}

func (x *exchange) rotation(g *grant) Rotation { return cmp.Or(x.wants.Rotation, g.provider.rotation) }

// narrower returns the scope of the next access token. Microsoft takes any scope, because one refresh token is for all resources.
func (x *exchange) narrower(g *grant) (string, error) {
	asked := x.form.Get("scope")
	switch {
	case asked == "" || x.wants.Scope != "" || g.provider == google:
		return g.scope, nil
	case g.provider == microsoft:
		return asked, nil
	}
	for _, s := range scopes(asked) {
		if !slices.Contains(scopes(g.scope), s) {
			return "", badScope
		}
	}
	return asked, nil
}

// credentials is the client credentials grant (RFC 6749 section 4.4). The token is good for every mailbox, as Microsoft's
// IMAP.AccessAsApp is once an administrator has allowed it.
func (x *exchange) credentials() (gets, error) {
	if !x.caller.proved || x.caller.id == "" {
		return gets{}, badClient
	}
	return x.newly("", x.caller.id, x.form.Get("scope"), true)
}

// password is the resource owner password grant (RFC 6749 section 4.3).
func (x *exchange) password() (gets, error) {
	account, ok := x.SignIn(x.ctx, x.form.Get("username"), x.form.Get("password"))
	if !ok {
		return gets{}, wrongPassword
	}
	return x.newly(account, x.caller.id, x.form.Get("scope"), !x.provider.offline(scopes(x.form.Get("scope")), nil))
}

// assertion is the JWT bearer grant (RFC 7523 section 2.1): a service account acts for a user.
func (x *exchange) assertion() (gets, error) {
	claims := claimsOf(x.form.Get("assertion"))
	text := func(name string) string { s, _ := claims[name].(string); return s }
	ends, _ := claims["exp"].(float64)
	switch {
	case text("iss") == "" || len(text("iss"))+len(text("sub"))+len(text("scope")) > maxText:
		return gets{}, badRequest.asked("assertion must be a JWT with iss, sub, scope and exp")
	case x.Now().Unix() >= int64(ends):
		return gets{}, codeUnknown.asked("the assertion has expired")
	}
	x.event.Client, x.event.Scope = text("iss"), text("scope")
	return x.newly(x.address(text("sub")), text("iss"), text("scope"), true)
}

// address returns the account that a name stands for.
func (i *Issuer) address(user string) string {
	if i.Address == nil || user == "" {
		return user
	}
	return i.Address(user)
}

// newly makes a grant for which nobody signs in at the page.
func (x *exchange) newly(user, client, scope string, once bool) (gets, error) {
	c := x.conditions(x.ctx, user)
	g := x.newGrant(c.shape(grant{provider: x.provider, client: client, user: user, scope: scope, offline: !once}))
	x.about(g)
	return gets{grant: g, scope: g.scope, once: once}, nil
}

// device is the device grant (RFC 8628 section 3.4).
func (x *exchange) device() (gets, error) {
	d, ok := x.state.devices.get(x.form.Get("device_code"))
	now := x.Now()
	switch {
	case !ok || d.spent || !now.Before(d.ends):
		return gets{}, deviceExpired
	case d.client != x.caller.id:
		return gets{}, codeOfOther
	case d.denied:
		return gets{}, deviceDenied
	case d.grant == nil:
		quick := !d.asked.IsZero() && now.Sub(d.asked) < d.interval-time.Second // networks aren't exact
		d.asked = now
		if !quick {
			x.silent = true
			return gets{}, pending
		}
		d.interval += 5 * time.Second
		x.silent, d.told = d.told, true
		return gets{}, tooQuick
	}
	d.spent = true
	x.about(d.grant)
	x.event.Scope = d.grant.scope
	return gets{grant: d.grant, scope: d.grant.scope, once: !d.grant.offline}, nil
}

// issue makes the tokens and the answer (RFC 6749 section 5.1).
func (x *exchange) issue(g gets) (map[string]any, error) {
	lifetime := cmp.Or(x.wants.Lifetime, x.Lifetime)
	if x.wants.Lifetime != 0 || x.wants.Skew != 0 || x.wants.Scope != "" || x.wants.Audience != "" {
		x.by = x.wants.By
	}
	text, t := x.accessToken(g.grant, g.scope, x.Now().Add(lifetime-x.wants.Skew))
	x.event.Token, x.event.Lifetime, x.event.Scope = t.number, lifetime, g.scope
	seconds := max(1, int64((lifetime+time.Second-1)/time.Second)) // never 0: clients would take that for "never ends"
	answer := map[string]any{"access_token": text, "token_type": "Bearer", "expires_in": seconds}
	if g.scope != "" {
		answer["scope"] = g.scope
	}
	if x.provider == microsoft {
		answer["ext_expires_in"] = seconds
	}
	if refresh := x.renew(g); refresh != "" {
		answer["refresh_token"] = refresh
	}
	if slices.Contains(scopes(g.scope), "openid") && g.grant.user != "" {
		id, err := x.idToken(g.grant, x.issuer, lifetime)
		if err != nil {
			return nil, err
		}
		answer["id_token"] = id
	}
	return answer, nil
}

// renew returns the refresh token of an answer, or "" if it has none.
func (x *exchange) renew(g gets) string {
	rotation := x.rotation(g.grant)
	x.event.Rotation = string(rotation)
	if x.wants.Rotation != "" && g.renewed != nil {
		x.by = x.wants.By
	}
	if g.once || !g.grant.offline || g.renewed != nil && rotation == RotateNever {
		return ""
	}
	text, next := x.refreshToken(g.grant)
	if old := g.renewed; old != nil {
		next.from = old
		if old.replaced.IsZero() {
			old.replaced = x.Now()
			x.touch(old)
		}
	}
	return text
}
