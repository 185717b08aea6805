package issuer

import (
	"context"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/identity"
)

// Examine implements identity.TokenAuthority: it says what a token is worth at a mail door that speaks a protocol.
func (i *Issuer) Examine(_ context.Context, text, protocol string) (identity.Token, error) {
	if !strings.HasPrefix(text, accessPrefix) && !strings.HasPrefix(text, refreshPrefix) {
		return identity.Token{State: identity.TokenUnknown}, nil
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	t, ok := i.known(text)
	if !ok {
		return identity.Token{State: identity.TokenUnknown}, nil
	}
	known := &event.TokenUse{
		Number: t.number, Grant: t.grant.number, Provider: t.provider.name, Client: shown(t.client), Scope: shown(t.scope), Needs: t.provider.needs(protocol),
		Ends: t.ends.Sub(i.Now()), Refreshable: t.offline, IsRefresh: t.refresh,
	}
	worth := identity.Token{State: i.worth(t, protocol), User: t.user, Wants: known.Needs, Configuration: i.configuration(), Known: known}
	if worth.State == identity.TokenWrongScope || worth.State == identity.TokenWrongAudience {
		worth.By = t.by
	}
	return worth, nil
}

// configuration returns where a client with a token that is no good finds the issuer (RFC 7628 section 3.2.2).
func (i *Issuer) configuration() string {
	if i.URL == "" {
		return ""
	}
	return i.URL + configurationPath
}

// worth returns what a token is worth for whom it belongs to. The caller holds the lock.
func (i *Issuer) worth(t *token, protocol string) identity.TokenState {
	scope, audience := i.allows(t.scope, protocol)
	switch {
	case t.revoked || t.grant.revoked:
		return identity.TokenRevoked
	case !i.Now().Before(t.ends):
		return identity.TokenExpired
	case t.audience != "" || !audience:
		return identity.TokenWrongAudience
	case !scope || t.refresh:
		return identity.TokenWrongScope
	}
	return identity.TokenValid
}

// aboutUser are the scopes that say who the user is, and are good for nothing else.
var aboutUser = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// elsewhere begins the scopes of other services of the same providers.
var elsewhere = []string{"https://graph.microsoft.com/", "https://www.googleapis.com/auth/"}

// allows reports whether a scope is good for a protocol, and whether it is for mail servers at all. A scope that names protocols, like
// https://outlook.office.com/IMAP.AccessAsUser.All, is good for these; any other one, like https://mail.google.com/, for all.
func (i *Issuer) allows(scope, protocol string) (ok, audience bool) {
	list := slices.DeleteFunc(scopes(scope), func(s string) bool { return slices.Contains(aboutUser, s) })
	if scope == "" {
		return true, true
	}
	foreign := 0
	for _, s := range list {
		if slices.ContainsFunc(elsewhere, func(begin string) bool { return strings.HasPrefix(s, begin) }) {
			foreign++
			continue
		}
		if speaksOf(s, protocol) || !slices.ContainsFunc(i.Protocols, func(p string) bool { return speaksOf(s, p) }) {
			return true, true
		}
	}
	return false, foreign < len(list) || foreign == 0
}
