package issuer

import (
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
)

// client is a client that has registered (RFC 7591). Clients that haven't are known, too: any client_id is, with any secret.
type client struct {
	name      string
	secret    hash
	public    bool // has no secret
	redirects []string
}

// caller is who sends a request to the token endpoint.
type caller struct {
	id     string
	proved bool // it sent a secret or an assertion
}

// registered returns a registered client, or nil.
func (i *Issuer) registered(id string) *client {
	i.mu.Lock()
	defer i.mu.Unlock()
	c, _ := i.state.clients.get(id)
	return c
}

// form reads the form of a request and finds out who the client is (RFC 6749 section 2.3). If that fails, it answers.
func (i *Issuer) form(w http.ResponseWriter, r *http.Request, p *provider) (url.Values, caller, bool) {
	if err := r.ParseForm(); err != nil {
		refuse(w, p, badRequest.asked("the body must be a form of at most 64 KiB (application/x-www-form-urlencoded)"))
		return nil, caller{}, false
	}
	form := r.PostForm
	c := caller{id: form.Get("client_id"), proved: form.Get("client_secret") != ""}
	secret := form.Get("client_secret")
	if id, password, ok := r.BasicAuth(); ok {
		c.id, secret, c.proved = unescape(id), unescape(password), password != ""
	}
	if a := form.Get("client_assertion"); a != "" {
		c.proved = true
		if c.id == "" {
			c.id, _ = claimsOf(a)["sub"].(string)
		}
	}
	if len(c.id) > maxText {
		c.id = ""
	}
	known := i.registered(c.id)
	if known != nil && !known.public {
		sent := hashOf(secret)
		if subtle.ConstantTimeCompare(sent[:], known.secret[:]) == 0 {
			i.record(r, event.TokenRequest{Endpoint: event.AtToken, Grant: form.Get("grant_type"), Provider: p.name, Client: c.id, Trouble: event.ClientWrong}, "")
			refuse(w, p, badClient)
			return nil, caller{}, false
		}
	}
	return form, c, true
}

// unescape decodes a part of a client's Basic authentication (RFC 6749 section 2.3.1). Many clients don't encode it.
func unescape(s string) string {
	if u, err := url.QueryUnescape(s); err == nil {
		return u
	}
	return s
}

// claimsOf reads the claims of a JWT without checking its signature: no client has told this issuer its key.
func claimsOf(jwt string) map[string]any {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return nil
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil
	}
	var claims map[string]any
	_ = json.Unmarshal(b, &claims)
	return claims
}

// register registers a client (RFC 7591 section 3).
func (i *Issuer) register(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Name      string   `json:"client_name"`
		Redirects []string `json:"redirect_uris"`
		Method    string   `json:"token_endpoint_auth_method"`
		Scope     string   `json:"scope"`
	}
	wrong := func(code, text string) {
		writeJSON(w, http.StatusBadRequest, map[string]any{"error": code, "error_description": text})
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		wrong("invalid_client_metadata", "the body must be JSON of at most 64 KiB")
		return
	}
	if len(asked.Redirects) > 8 || len(asked.Name) > maxText || len(asked.Scope) > maxText {
		wrong("invalid_client_metadata", "at most 8 redirect_uris, and no text longer than 512 bytes")
		return
	}
	for _, u := range asked.Redirects {
		if err := i.mayRedirect(u); err != nil {
			wrong("invalid_redirect_uri", err.Error())
			return
		}
	}
	c := &client{name: asked.Name, public: asked.Method == "none", redirects: slices.Clone(asked.Redirects)}
	id, text := secret("mailrig-client-", 9), secret(secretPrefix, 24)
	answer := map[string]any{
		"client_id": id, "client_id_issued_at": i.Now().Unix(), "client_name": c.name, "redirect_uris": c.redirects,
		"token_endpoint_auth_method": asked.Method, "grant_types": grantTypes(), "response_types": []string{"code"}, "scope": asked.Scope,
	}
	if !c.public {
		c.secret = hashOf(text)
		answer["client_secret"], answer["client_secret_expires_at"] = text, 0
		if asked.Method == "" {
			answer["token_endpoint_auth_method"] = "client_secret_basic"
		}
	}
	i.mu.Lock()
	i.state.clients.put(id, c)
	i.keepClient(id, c)
	i.save()
	i.mu.Unlock()
	i.record(r, event.TokenRequest{Endpoint: event.AtRegister, Provider: own.name, Client: id, Scope: asked.Scope, Confidential: !c.public}, "")
	writeJSON(w, http.StatusCreated, answer)
}
