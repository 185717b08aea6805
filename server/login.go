package server

import (
	"strings"

	"github.com/mailrig/mailrig/internal/identity"
)

// authority returns who may log in: the listed users, or everybody if there are none. tokens knows what a token is worth.
func authority(users []User, canonical func(string) string, tokens identity.TokenAuthority) identity.Authority {
	if len(users) == 0 {
		return identity.Anyone{Tokens: tokens, Canonical: canonical}
	}
	a := identity.NewAccounts(canonical)
	a.Tokens = tokens
	for _, u := range users {
		a.Add(u.Name, u.Password)
	}
	return a
}

// userNames lists who may log in. None means everybody.
func (s *Server) userNames() (names []string) {
	for _, u := range s.cfg.Users {
		names = append(names, u.Name)
	}
	return names
}

// LoginRule says who may log in, in words.
func (s *Server) LoginRule() string {
	if len(s.cfg.Users) == 0 {
		return "any user name with any password"
	}
	return "only " + strings.Join(s.userNames(), ", ")
}

// Credentials returns a user name and a password that may log in.
func (s *Server) Credentials() (user, password string) {
	if len(s.cfg.Users) > 0 {
		return s.cfg.Users[0].Name, s.cfg.Users[0].Password
	}
	return "alice@" + s.cfg.Domain, "secret"
}
