package issuer

import (
	"net/url"
	"slices"
	"strings"
)

// Rotation says what a refresh does to the refresh token.
type Rotation string

// The rotations.
const (
	RotateNever  Rotation = "none"   // the answer to a refresh has no refresh token (Google)
	RotateSoft   Rotation = "soft"   // it has a new one, and the old one stays valid (Microsoft)
	RotateStrict Rotation = "strict" // it has a new one, and the old one ends (RFC 9700 section 4.14.2)
)

// The rig's own paths.
const (
	configurationPath = "/.well-known/openid-configuration"
	signInPath        = "/oauth2/sign-in"
	verifyPath        = "/oauth2/verify" // where a user types the code of a device
	stylePath         = "/oauth2/style.css"
	introspectPath    = "/oauth2/introspect"
	registerPath      = "/oauth2/register"
)

// provider is what differs between the services that an issuer stands in for.
type provider struct {
	name     string
	rotation Rotation
	// offline reports whether a client gets a refresh token.
	offline func(scope []string, request url.Values) bool
	// tokenBytes is how long an access token is, before encoding. Real ones are long, and POP3's lines are short.
	tokenBytes int
	wording    func(problem) map[string]any
	// scopes are those that are good for all mail protocols together.
	scopes []string

	authorize, token, device, revoke, userinfo, keys []string // paths; the first of each is advertised
}

func (p *provider) paths() []string {
	return slices.Concat(p.authorize, p.token, p.device, p.revoke, p.userinfo, p.keys)
}

func providers() []*provider { return []*provider{own, google, microsoft} }

// own is the rig itself: what the RFCs say.
var own = &provider{
	name: "mailrig", rotation: RotateStrict, tokenBytes: 32, wording: plainWords,
	offline:   func([]string, url.Values) bool { return true },
	scopes:    []string{"imap", "pop", "smtp"},
	authorize: []string{"/oauth2/authorize"},
	token:     []string{"/oauth2/token"},
	device:    []string{"/oauth2/device"},
	revoke:    []string{"/oauth2/revoke"},
	userinfo:  []string{"/oauth2/userinfo"},
	keys:      []string{"/oauth2/keys"},
}

// google is Google: its refresh tokens don't change, and come only with access_type=offline.
// (https://developers.google.com/identity/protocols/oauth2)
var google = &provider{
	name: "google", rotation: RotateNever, tokenBytes: 160, wording: googleWords,
	offline: func(_ []string, request url.Values) bool {
		return request.Get("access_type") == "offline" || installed(request)
	},
	scopes:    []string{"https://mail.google.com/"},
	authorize: []string{"/o/oauth2/v2/auth", "/o/oauth2/auth"},
	token:     []string{"/token", "/oauth2/v4/token", "/oauth2/v3/token", "/o/oauth2/token"},
	device:    []string{"/device/code"},
	revoke:    []string{"/revoke", "/o/oauth2/revoke"},
	userinfo:  []string{"/v1/userinfo", "/oauth2/v3/userinfo"},
	keys:      []string{"/oauth2/v3/certs"},
}

// installed reports whether a client runs on the user's device. Google gives these a refresh token always.
func installed(request url.Values) bool {
	u, err := url.Parse(request.Get("redirect_uri"))
	return request.Get("redirect_uri") == "" || err == nil && (u.Scheme != "https")
}

// outlook begins the names of Microsoft's scopes for mail.
const outlook = "https://outlook.office.com/"

// microsoft is Microsoft's identity platform: a refresh gives a new refresh token, and the old one stays valid.
// (https://learn.microsoft.com/entra/identity-platform/refresh-tokens)
var microsoft = &provider{
	name: "microsoft", rotation: RotateSoft, tokenBytes: 1200, wording: microsoftWords,
	offline:   func(scope []string, _ url.Values) bool { return slices.Contains(scope, "offline_access") },
	scopes:    []string{outlook + "IMAP.AccessAsUser.All", outlook + "POP.AccessAsUser.All", outlook + "SMTP.Send"},
	authorize: []string{"/{tenant}/oauth2/v2.0/authorize"},
	token:     []string{"/{tenant}/oauth2/v2.0/token"},
	device:    []string{"/{tenant}/oauth2/v2.0/devicecode"},
	keys:      []string{"/{tenant}/discovery/v2.0/keys"},
}

// named returns the provider with this name, or the rig itself.
func named(name string) *provider {
	for _, p := range providers() {
		if p.name == name {
			return p
		}
	}
	return own
}

// scopes splits a list of scopes (RFC 6749 section 3.3).
func scopes(s string) []string { return strings.Fields(s) }

// needs returns the scope that a client must have for a protocol.
func (p *provider) needs(protocol string) string {
	for _, s := range p.scopes {
		if speaksOf(s, protocol) {
			return s
		}
	}
	return p.scopes[0]
}

// speaksOf reports whether a scope names a protocol: "imap", "https://outlook.office.com/POP.AccessAsUser.All".
func speaksOf(scope, protocol string) bool {
	return strings.Contains(strings.ToLower(scope), strings.TrimRight(protocol, "0123456789"))
}
