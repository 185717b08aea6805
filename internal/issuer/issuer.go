// Package issuer is an OAuth 2.0 authorization server (RFC 6749) with the parts of OpenID Connect that mail clients use. It issues the
// tokens with which a client logs in by XOAUTH2 and OAUTHBEARER. It runs inside the HTTP door. Everything is in
// memory; tokens, clients and the key may be kept besides.
//
// A client may point at it in three ways: by the rig's own paths (/oauth2/…, found through discovery), by Google's and by Microsoft's. A
// [provider] holds what differs: paths, rotation of refresh tokens, when there is one, the wording of errors.
//
//	issuer.go      what it needs, its paths, what every request passes
//	provider.go    the rig's own ways, Google's and Microsoft's
//	metadata.go    discovery (RFC 8414, OpenID), keys
//	authorize.go   the authorization endpoint and the sign-in page; redirect.go: where a code may be sent
//	device.go      the device grant (RFC 8628)
//	token.go       the token endpoint: one function for each grant
//	client.go      who the client is; registration (RFC 7591)
//	inspect.go     introspection (RFC 7662), revocation (RFC 7009), userinfo
//	judge.go       what a token is worth at a mail door
//	tokens.go      codes, grants and tokens, and how many of them are kept
//	idtoken.go     the ID token and its key
//	kept.go        what outlives the process
//	problem.go     errors, in each provider's words
//	addon.go       the add-on that teaches Thunderbird this issuer
//
// It is made for clients under test. Any client_id is known, a token needn't be a JWT because only this rig reads it, and a scenario can
// make it wrong on purpose ([Conditions]). That is why it isn't a library: docs/oauth.md says more. Every request that matters is told
// to Config.Record without any secret: tokens have numbers there.
package issuer

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/state"
)

// Config says how an issuer works.
type Config struct {
	// Lifetime is how long an access token lasts. 0 means DefaultLifetime.
	Lifetime time.Duration
	// SignIn checks who signs in, and returns the account's address. ok is false for a wrong name or password.
	SignIn func(ctx context.Context, user, password string) (account string, ok bool)
	// Anyone says that any name and any password may sign in. Requests with prompt=none then need no page.
	Anyone bool
	// Host reports whether a web address on this host belongs to the rig, besides localhost and names reserved for tests. nil: none does.
	Host func(name string) bool
	// Conditions returns what scenarios want. Neither it nor SignIn may call the issuer. user is "" as long as nobody knows who signs in. nil: nothing.
	Conditions func(ctx context.Context, user string) Conditions
	// Record is told each request that matters, and the scenario behind what came of it. It must be quick. nil: nobody is told.
	Record func(r *http.Request, what event.TokenRequest, by string)
	// Address returns the account that a user name stands for. nil: a name is an account.
	Address func(user string) string
	// Protocols are the names of the mail protocols. A scope that names one is good for that one.
	Protocols []string
	// URL is the issuer's address, for clients whose token a mail door refuses. "" is told to nobody.
	URL string
	// MailHosts are names with a dot under which clients reach the mail doors, besides 127.0.0.1.
	MailHosts []string
	// Room is the memory that codes, tokens, devices and registered clients may take. Without room the oldest are forgotten. nil: only
	// their number is limited.
	Room *budget.Share
	// State keeps tokens, registered clients and the key of ID tokens, so that they outlive the process. nil: nothing does.
	State  state.Store
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil is silent
}

// DefaultLifetime is how long an access token lasts if nobody says otherwise.
const DefaultLifetime = time.Hour

// Conditions are what scenarios change.
type Conditions struct {
	SignIn    SignIn
	Refresh   Fate
	Rotation  Rotation      // "" means the provider's
	Lifetime  time.Duration // 0 means Config.Lifetime
	Scope     string        // granted in place of what was asked for; "" means what was asked for
	Audience  string        // whom tokens are for; "" means the rig
	Discovery string        // provider whose endpoints the rig's own discovery document names; "" means the rig's own
	Down      bool          // who asks for a token or a device code gets status 503
	Delay     time.Duration // how long the answer to that takes
	Skew      time.Duration // the mail doors' clock is so far ahead of the issuer's
	By        string        // the scenario
}

// SignIn is what the sign-in page does.
type SignIn string

// The ways of the sign-in page.
const (
	SignInUsual SignIn = ""
	SignInDeny  SignIn = "deny" // an administrator has forbidden this client
	SignInMFA   SignIn = "mfa"  // a one-time code of six digits is asked for, too
)

// Fate is what happens to a refresh token that is right.
type Fate string

// The fates of a refresh.
const (
	FateUsual   Fate = ""
	FateSignIn  Fate = "sign-in-again" // the grant is over: the user must sign in again
	FateMFA     Fate = "mfa"           // the user must prove more
	FateFailing Fate = "failing"       // the issuer has trouble: status 503
)

// Issuer is an authorization server. It is an http.Handler for the paths that Patterns lists. Any goroutine may call its methods.
type Issuer struct {
	Config
	mux *http.ServeMux
	key func() (*signer, error) // made when it is first needed

	mu    sync.Mutex
	state *remembered
	changes
}

// New makes an issuer.
func New(c Config) *Issuer {
	if c.Lifetime == 0 {
		c.Lifetime = DefaultLifetime
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	i := &Issuer{Config: c, mux: http.NewServeMux(), state: newRemembered(c.Room)}
	i.key = sync.OnceValues(i.openKey)
	i.load()
	for pattern, h := range i.routes() {
		i.mux.HandleFunc(pattern, h)
	}
	return i
}

// Patterns lists the issuer's paths, for a ServeMux, without methods.
func Patterns() (list []string) {
	list = []string{
		configurationPath, "/.well-known/oauth-authorization-server", "/.well-known/oauth-authorization-server/{tenant}/v2.0",
		signInPath, verifyPath, stylePath, introspectPath, registerPath, AddOnPath,
		"/{tenant}/v2.0/.well-known/openid-configuration", "/common/discovery/instance",
	}
	for _, p := range providers() {
		list = append(list, p.paths()...)
	}
	return list
}

// routes are the resources, by path. Each provider has its own paths for the same endpoints.
func (i *Issuer) routes() map[string]http.HandlerFunc {
	routes := map[string]http.HandlerFunc{
		configurationPath:                                       only(http.MethodGet, i.discovery(own)),
		"/.well-known/oauth-authorization-server":               only(http.MethodGet, i.discovery(own)),
		"/.well-known/oauth-authorization-server/{tenant}/v2.0": only(http.MethodGet, i.discovery(microsoft)),
		"/{tenant}/v2.0/.well-known/openid-configuration":       only(http.MethodGet, i.discovery(microsoft)),
		"/common/discovery/instance":                            only(http.MethodGet, i.instances),
		signInPath:                                              only(http.MethodPost, i.signIn),
		verifyPath:                                              i.verify,
		stylePath:                                               only(http.MethodGet, style),
		introspectPath:                                          only(http.MethodPost, i.introspect),
		registerPath:                                            only(http.MethodPost, i.register),
		AddOnPath:                                               only(http.MethodGet, i.addOn),
	}
	for _, p := range providers() {
		for _, path := range p.authorize {
			routes[path] = i.authorize(p)
		}
		for _, path := range p.token {
			routes[path] = only(http.MethodPost, i.token(p))
		}
		for _, path := range p.device {
			routes[path] = only(http.MethodPost, i.device(p))
		}
		for _, path := range p.revoke {
			routes[path] = only(http.MethodPost, i.revoke)
		}
		for _, path := range p.userinfo {
			routes[path] = i.userinfo
		}
		for _, path := range p.keys {
			routes[path] = only(http.MethodGet, i.keys)
		}
	}
	return routes
}

// maxForm is how long the parameters of a request may be together, in bytes.
const maxForm = 64 << 10

// ServeHTTP implements http.Handler.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(r.URL.RawQuery) > maxForm {
		http.Error(w, "the query is too long for any request to an issuer", http.StatusRequestURITooLong)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	i.mux.ServeHTTP(w, r)
}

// only answers other methods with status 405.
func only(method string, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Method != method && !(method == http.MethodGet && r.Method == http.MethodHead) {
			w.Header().Set("Allow", method)
			http.Error(w, r.Method+" is not possible here; use "+method, http.StatusMethodNotAllowed)
			return
		}
		next(w, r)
	}
}

// base is the address under which the client reaches the rig. Every issuer and endpoint in an answer begins with it.
func base(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// shape gives a new grant the scope and the audience that a scenario wants.
func (c Conditions) shape(g grant) grant {
	if c.Scope != "" || c.Audience != "" {
		g.scope, g.audience, g.by = cmp.Or(c.Scope, g.scope), c.Audience, c.By
	}
	return g
}

func (i *Issuer) conditions(ctx context.Context, user string) Conditions {
	if i.Conditions == nil {
		return Conditions{}
	}
	return i.Config.Conditions(ctx, user)
}

// record tells what came of a request, without what could be a credential. It shortens nothing: the recorder does.
func (i *Issuer) record(r *http.Request, e event.TokenRequest, by string) {
	if i.Record != nil {
		e.Grant, e.Client, e.Scope, e.User = shown(e.Grant), shown(e.Client), shown(e.Scope), identity.Shown(e.User)
		i.Record(r, e, by)
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store") // RFC 6749 section 5.1
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}
