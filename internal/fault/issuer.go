package fault

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Issuer changes what the issuer of OAuth tokens does. A setting that is left out changes nothing.
type Issuer struct {
	SignIn    string        `yaml:"sign-in" doc:"deny (an administrator has forbidden the client) or mfa (the page asks for a one-time code too)" enum:"deny,mfa"`
	Refresh   string        `yaml:"refresh" doc:"what a refresh gets: sign-in-again (the grant is revoked), mfa (the user must prove more) or failing (the issuer has trouble)" enum:"sign-in-again,mfa,failing"`
	Rotation  string        `yaml:"rotation" doc:"what a refresh does to the refresh token: none (Google: it stays), soft (Microsoft: there is a new one, and the old one stays valid) or strict (there is a new one, and the old one ends)" enum:"none,soft,strict"`
	Lifetime  time.Duration `yaml:"lifetime" doc:"how long an access token lasts, like 5s; 1s to 24h"`
	Scope     string        `yaml:"scope" doc:"the scope that is granted in place of the one that was asked for"`
	Audience  string        `yaml:"audience" doc:"another service that tokens are for; the mail doors refuse them"`
	Discovery string        `yaml:"discovery" doc:"google: the discovery document names the endpoints that are at Google's paths" enum:"google"`
	Down      bool          `yaml:"down" doc:"whoever asks for a token or a device code gets status 503"`
	Delay     time.Duration `yaml:"delay" doc:"how long whoever asks for a token or a device code waits for the answer; at most 45s"`
	Skew      time.Duration `yaml:"skew" doc:"how far the mail doors' clock is ahead of the issuer's, so that tokens end that much earlier than the client was told; at most 24h"`
}

// Kind implements Fault.
func (*Issuer) Kind() Kind {
	return Kind{
		Name:    "issuer",
		Doc:     "The issuer of OAuth tokens at the HTTP door does something else than usual.",
		Example: "{rotation: strict, lifetime: 20s}",
		New:     func() Fault { return new(Issuer) },
		ForUser: Always,
	}
}

// Validate checks the settings.
func (f *Issuer) Validate() error {
	switch {
	case *f == Issuer{}:
		return errors.New("changes nothing; give sign-in, refresh, rotation, lifetime, scope, audience, discovery, down, delay or skew")
	case f.Lifetime != 0 && (f.Lifetime < time.Second || f.Lifetime > 24*time.Hour):
		return errors.New("lifetime: give 1s to 24h")
	case f.Skew < 0 || f.Skew > 24*time.Hour:
		return errors.New("skew: give a time of at most 24h, like 10m")
	case f.Delay < 0 || f.Delay > maxIssuerDelay:
		return fmt.Errorf("delay: give a time of at most %v, like 5s", maxIssuerDelay)
	case len(f.Scope) > 512:
		return errors.New("scope: has more than 512 bytes")
	case len(f.Audience) > 512:
		return errors.New("audience: has more than 512 bytes")
	}
	return nil
}

// maxIssuerDelay is less than the HTTP door has for an answer.
const maxIssuerDelay = 45 * time.Second

// Waits implements Waiter.
func (f *Issuer) Waits() time.Duration { return f.Delay }

// ActsIn implements Spoken: tokens are for every protocol.
func (*Issuer) ActsIn(*protocol.Protocol) bool { return true }

// CheckRule refuses what needs a mail connection. The issuer knows only the user.
func (f *Issuer) CheckRule(r *Rule) error {
	m := r.Match
	m.User = nil
	if m.late() || len(m.Door)+len(m.Protocol)+len(m.Family)+len(m.Client)+len(m.Connection)+len(m.ServerName) > 0 || m.TLS != nil {
		return errors.New("issuer: match only user; the issuer isn't a mail door, and knows nothing else")
	}
	if r.Limited() || r.Skip > 0 || r.Times > 0 || r.Per != PerScenario {
		return errors.New("issuer: acts as long as the scenario is active; leave out skip, times, per, after, until and chance")
	}
	return nil
}

// Explain lists what the issuer does.
func (f *Issuer) Explain() string {
	var all []string
	if f.SignIn != "" {
		all = append(all, map[string]string{
			"deny": "lets nobody sign in, as if an administrator had forbidden the client",
			"mfa":  "asks for a one-time code at the sign-in",
		}[f.SignIn])
	}
	if f.Refresh != "" {
		all = append(all, map[string]string{
			"sign-in-again": "revokes the grant at a refresh",
			"mfa":           "answers a refresh with interaction_required",
			"failing":       "answers a refresh with status 503",
		}[f.Refresh])
	}
	if f.Rotation != "" {
		all = append(all, map[string]string{
			"none":   "keeps the refresh token at a refresh",
			"soft":   "gives a new refresh token at a refresh, and still takes the old one",
			"strict": "gives a new refresh token at a refresh, and revokes the grant if the old one comes again",
		}[f.Rotation])
	}
	if f.Lifetime != 0 {
		all = append(all, fmt.Sprintf("lets access tokens last %v", f.Lifetime))
	}
	if f.Scope != "" {
		all = append(all, "grants the scope "+f.Scope+" whatever was asked for")
	}
	if f.Audience != "" {
		all = append(all, "issues tokens for "+f.Audience+", which the mail doors refuse")
	}
	if f.Discovery != "" {
		all = append(all, "names the endpoints at Google's paths in its discovery document")
	}
	if f.Down {
		all = append(all, "answers whoever asks for a token with status 503")
	}
	if f.Delay != 0 {
		all = append(all, fmt.Sprintf("waits %v before it answers whoever asks for a token", f.Delay))
	}
	if f.Skew != 0 {
		all = append(all, fmt.Sprintf("lets tokens end %v earlier than the client was told", f.Skew))
	}
	return "the issuer of tokens " + strings.Join(all, "; it ")
}

// Issue implements IssueStage. What a rule before it wants stays.
func (f *Issuer) Issue(want *Issuer) {
	*want = Issuer{
		SignIn: cmp.Or(want.SignIn, f.SignIn), Refresh: cmp.Or(want.Refresh, f.Refresh), Rotation: cmp.Or(want.Rotation, f.Rotation),
		Lifetime: cmp.Or(want.Lifetime, f.Lifetime), Scope: cmp.Or(want.Scope, f.Scope), Audience: cmp.Or(want.Audience, f.Audience),
		Discovery: cmp.Or(want.Discovery, f.Discovery), Down: want.Down || f.Down, Delay: cmp.Or(want.Delay, f.Delay), Skew: cmp.Or(want.Skew, f.Skew),
	}
}

// Issuer returns what the plan's rules want of the issuer for a user, who is "" until somebody signs in. For each setting the first rule
// that has it counts. by is the scenario of the first rule that has any.
func (p *Plan) Issuer(user string) (want Issuer, by string) {
	if p == nil {
		return want, ""
	}
	for _, r := range p.rules {
		s, ok := r.Fault.(IssueStage)
		if !ok || !glob(r.Match.User, user) {
			continue
		}
		s.Issue(&want)
		r.acted.Store(true)
		by = cmp.Or(by, r.Scenario)
	}
	return want, by
}
