package server

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/issuer"
)

// lazyIssuer makes the issuer of tokens when somebody first asks for it.
type lazyIssuer func() *issuer.Issuer

// Patterns implements httpapi.Mounted.
func (lazyIssuer) Patterns() []string { return issuer.Patterns() }

// ServeHTTP implements http.Handler.
func (l lazyIssuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { l().ServeHTTP(w, r) }

// Examine implements identity.TokenAuthority.
func (l lazyIssuer) Examine(ctx context.Context, token, protocol string) (identity.Token, error) {
	return l().Examine(ctx, token, protocol)
}

// newIssuer makes the issuer of tokens.
func (s *Server) newIssuer() *issuer.Issuer {
	c := issuer.Config{
		Lifetime: s.cfg.TokenLifetime, Anyone: len(s.cfg.Users) == 0, SignIn: s.signIn, Conditions: s.conditions, Address: s.store.Address, Record: s.asked, Logger: s.cfg.Logger, Room: s.bounds.tokens, State: s.state,
		Host: func(name string) bool { return hostListed(s.cfg.Hostnames, name) }, MailHosts: []string{s.hostname()}, URL: cmp.Or(s.httpURL, s.httpsURL),
	}
	for _, p := range s.protocols {
		c.Protocols = append(c.Protocols, p.Name)
	}
	for _, name := range s.cfg.Hostnames {
		if strings.Contains(name, ".") && !strings.Contains(name, "*") {
			c.MailHosts = append(c.MailHosts, name)
		}
	}
	return issuer.New(c)
}

// conditions returns what the active scenarios want of the issuer: the user's own first, then everybody's.
func (s *Server) conditions(ctx context.Context, user string) issuer.Conditions {
	plan := s.active.plan(ctx)
	if user != "" {
		user = s.store.Address(user)
		plan = fault.Join(s.active.of(ctx, user), plan)
	}
	f, by := plan.Issuer(user)
	return issuer.Conditions{
		SignIn: issuer.SignIn(f.SignIn), Refresh: issuer.Fate(f.Refresh), Rotation: issuer.Rotation(f.Rotation),
		Lifetime: f.Lifetime, Scope: f.Scope, Audience: f.Audience, Discovery: f.Discovery, Down: f.Down, Delay: f.Delay, Skew: f.Skew, By: by,
	}
}

func hostListed(names []string, host string) bool {
	for _, name := range names {
		if strings.EqualFold(name, host) {
			return true
		}
	}
	return false
}

// signIn checks a user's name and password at the sign-in page. Where any password may log in, none is needed there.
func (s *Server) signIn(ctx context.Context, user, password string) (account string, ok bool) {
	if len(s.cfg.Users) == 0 && password == "" {
		password = "none"
	}
	right, err := s.sessions.Authority.Password(ctx, user, password)
	if err != nil || !right || len(user) > 256 {
		return "", false
	}
	return s.store.Address(user), true
}

// Standard ports and IANA service names of the doors at which the issuer is.
const (
	httpPort, httpService   = 80, "http"
	httpsPort, httpsService = 443, "https"
)

// asked makes a session of a request to the issuer.
func (s *Server) asked(r *http.Request, what event.TokenRequest, by string) {
	info := event.Info{
		Door: httpPort, Service: httpService, Protocol: event.OAuth, Security: "clear", Client: r.RemoteAddr, Scenarios: s.active.plan(s.ctx).Scenarios(),
	}
	if a, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		info.Server = a.String()
	}
	if r.TLS != nil {
		info.Door, info.Service, info.Security = httpsPort, httpsService, "tls"
	}
	rec := s.journal.Begin(info)
	if t := r.TLS; t != nil {
		rec.Add(&event.Handshake{Outcome: event.Established, Version: t.Version, Cipher: t.CipherSuite}, "")
	}
	rec.Add(&what, by)
	rec.End(event.EndedByServer)
}
