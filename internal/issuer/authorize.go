package issuer

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
)

// request is an authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3).
type request struct {
	provider  *provider
	client    string
	redirect  string
	scope     string
	state     string
	nonce     string
	hint      string // login_hint
	prompt    string
	mode      string
	challenge string
	method    string
	params    url.Values // as they came
}

// authorize answers at the authorization endpoint: with the sign-in page.
func (i *Issuer) authorize(p *provider) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			i.show(w, http.StatusBadRequest, view{Title: "This sign-in can't begin", Problem: "the request can't be read"})
			return
		}
		a, ok := i.begin(w, r, p, r.Form)
		if !ok {
			return
		}
		c := i.conditions(r.Context(), a.hint)
		switch {
		case c.SignIn == SignInDeny:
			i.deny(w, r, a, c.By, "an administrator doesn't allow this app")
		case a.prompt != "none":
			i.show(w, http.StatusOK, i.signInView(r, a, c))
		case !i.Anyone || a.hint == "":
			i.answer(w, r, a, url.Values{"error": {"login_required"}, "error_description": {"prompt=none needs a login_hint, and a mailrig where any password may sign in"}})
		case c.SignIn == SignInMFA:
			i.record(r, a.event(event.NeedsInteraction), c.By)
			i.answer(w, r, a, url.Values{"error": {"interaction_required"}, "error_description": {"the user must enter a one-time code"}})
		default:
			account, ok := i.SignIn(r.Context(), a.hint, "")
			if !ok {
				i.answer(w, r, a, url.Values{"error": {"login_required"}, "error_description": {"login_hint isn't a user name"}})
				return
			}
			i.allow(w, r, a, account, "")
		}
	}
}

// begin reads an authorization request. An error is shown to the user as long as it isn't certain where to send it (RFC 6749 section
// 4.1.2.1), and sent to the client afterwards.
func (i *Issuer) begin(w http.ResponseWriter, r *http.Request, p *provider, params url.Values) (a *request, ok bool) {
	a = &request{
		provider: p, client: params.Get("client_id"), redirect: params.Get("redirect_uri"), scope: params.Get("scope"), state: params.Get("state"),
		nonce: params.Get("nonce"), hint: params.Get("login_hint"), prompt: params.Get("prompt"), mode: params.Get("response_mode"),
		challenge: params.Get("code_challenge"), method: params.Get("code_challenge_method"), params: params,
	}
	known := i.registered(a.client)
	if a.redirect == "" && known != nil && len(known.redirects) == 1 {
		a.redirect = known.redirects[0]
	}
	problem := ""
	switch err := i.mayRedirect(a.redirect); {
	case a.client == "":
		problem = "client_id is missing"
	case err != nil:
		problem = err.Error()
	case known != nil && !slices.ContainsFunc(known.redirects, func(u string) bool { return sameRedirect(u, a.redirect) }):
		problem = "redirect_uri isn't one that this client has registered"
	case len(a.client) > maxText || len(a.scope) > maxText || len(a.nonce) > maxText || len(a.state) > maxState || len(a.hint) > maxText:
		problem = "a parameter is too long"
	}
	if problem != "" {
		i.record(r, a.event(event.RequestMalformed), "")
		i.show(w, http.StatusBadRequest, view{Title: "This sign-in can't begin", Problem: problem})
		return nil, false
	}
	if a.challenge != "" && a.method == "" {
		a.method = "plain" // RFC 7636 section 4.3
	}
	code := ""
	switch {
	case params.Get("response_type") != "code":
		code, problem = "unsupported_response_type", "only response_type=code is possible here"
	case a.mode != "" && a.mode != "query" && a.mode != "form_post":
		code, problem = "invalid_request", "response_mode must be query or form_post"
	case a.challenge != "" && (a.method != "S256" && a.method != "plain" || len(a.challenge) < 43 || len(a.challenge) > 128):
		code, problem = "invalid_request", "code_challenge needs 43 to 128 characters, and the method S256 or plain (RFC 7636)"
	}
	if code != "" {
		i.record(r, a.event(event.RequestMalformed), "")
		i.answer(w, r, a, url.Values{"error": {code}, "error_description": {problem}})
		return nil, false
	}
	return a, true
}

// signInView returns the sign-in page of a request.
func (i *Issuer) signInView(r *http.Request, a *request, c Conditions) view {
	return view{
		Title: "Sign in", Client: a.client, Scope: scopes(a.scope), User: a.hint, Anyone: i.Anyone, MFA: c.SignIn == SignInMFA,
		Action: signInPath, formAction: "'self' " + formAction(a.redirect),
		Fields: url.Values{"request": {a.params.Encode()}, "provider": {a.provider.name}, "tenant": {r.PathValue("tenant")}},
	}
}

// signIn takes the form of the sign-in page.
func (i *Issuer) signIn(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		i.show(w, http.StatusBadRequest, view{Title: "This sign-in can't begin", Problem: "the form can't be read"})
		return
	}
	form := r.PostForm
	params, _ := url.ParseQuery(form.Get("request"))
	r.SetPathValue("tenant", strings.Trim(form.Get("tenant"), "/"))
	a, ok := i.begin(w, r, named(form.Get("provider")), params)
	if !ok {
		return
	}
	if form.Get("decision") == "deny" {
		i.deny(w, r, a, "", "the user has refused")
		return
	}
	account, ok := i.SignIn(r.Context(), form.Get("user"), form.Get("password"))
	c := i.conditions(r.Context(), account)
	again := i.signInView(r, a, c)
	again.User = form.Get("user")
	switch {
	case !ok:
		i.record(r, a.event(event.SignInWrong), "")
		again.Problem = "The name or the password is wrong."
		i.show(w, http.StatusOK, again)
	case c.SignIn == SignInDeny:
		i.deny(w, r, a, c.By, "an administrator doesn't allow this app")
	case c.SignIn == SignInMFA && !isOneTimeCode(form.Get("otp")):
		again.Problem = "Enter the one-time code too: any six digits."
		i.show(w, http.StatusOK, again)
	default:
		by := ""
		if c.SignIn == SignInMFA {
			by = c.By
		}
		i.allow(w, r, a, account, by)
	}
}

func isOneTimeCode(s string) bool {
	return len(s) == 6 && strings.Trim(s, "0123456789") == ""
}

// allow sends the client a code.
func (i *Issuer) allow(w http.ResponseWriter, r *http.Request, a *request, user, by string) {
	c := i.conditions(r.Context(), user)
	text := secret(codePrefix, 24)
	i.mu.Lock()
	g := i.newGrant(c.shape(grant{
		provider: a.provider, client: a.client, user: user, scope: a.scope, nonce: a.nonce, offline: a.provider.offline(scopes(a.scope), a.params),
	}))
	detach(&a.redirect, &a.challenge, &a.method)
	i.state.codes.put(text, &code{grant: g, redirect: a.redirect, challenge: a.challenge, method: a.method, ends: i.Now().Add(codeLife)})
	i.mu.Unlock()
	e := a.event("")
	e.User, e.Number = user, g.number
	i.record(r, e, cmp.Or(by, g.by))
	i.answer(w, r, a, url.Values{"code": {text}})
}

// deny tells the client that it gets nothing.
func (i *Issuer) deny(w http.ResponseWriter, r *http.Request, a *request, by, why string) {
	i.record(r, a.event(event.Denied), by)
	i.answer(w, r, a, url.Values{"error": {"access_denied"}, "error_description": {why}})
}

// event says what is recorded of the request.
func (a *request) event(trouble event.TokenTrouble) event.TokenRequest {
	return event.TokenRequest{
		Endpoint: event.AtAuthorize, Provider: a.provider.name, Client: a.client, Scope: a.scope, PKCE: a.method, Trouble: trouble,
	}
}
