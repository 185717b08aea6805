package server

import (
	"crypto/x509"
	"strings"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/identity"
)

// defaultPassword is the password that mailrig hands out while anybody may log in.
const defaultPassword = "secret"

// authority returns who may log in: the listed users, or everybody if there are none. tokens knows what a token is
// worth. roots signs the certificates of clients.
func authority(users []User, canonical func(string) string, tokens identity.TokenAuthority, roots *x509.CertPool) identity.Authority {
	certificates := identity.Certificates{Roots: roots, Canonical: canonical}
	if len(users) == 0 {
		return identity.Anyone{Tokens: tokens, Canonical: canonical, Shared: defaultPassword, Certificates: certificates}
	}
	a := identity.NewAccounts(canonical)
	a.Tokens, a.Certificates = tokens, certificates
	for _, u := range users {
		a.Add(u.Name, u.Password)
	}
	return a
}

// AuthWords lists what Config.Auth can be made of, besides places: sets, mechanisms and APOP.
func AuthWords() []string { return identity.OfferWords() }

// CheckAuth reports what is wrong with a Config.Auth, and what to give instead. users says that there will be
// Config.Users.
func CheckAuth(words []string, users bool) error {
	_, err := (&Config{protocols: product(), Auth: words}).parseOffer(users)
	return err
}

func (c *Config) offer() (*identity.Offer, error) { return c.parseOffer(len(c.Users) > 0) }

func (c *Config) parseOffer(users bool) (*identity.Offer, error) {
	if len(c.Auth) == 0 {
		return nil, nil
	}
	var at identity.Places
	all := protocolsOf(c.protocols)
	for _, p := range all {
		at.Protocols = append(at.Protocols, p.Name)
	}
	for _, d := range door.Of(all) {
		at.Doors = append(at.Doors, d.Port)
	}
	return identity.ParseOffer(c.Auth, at, users)
}

// ClientCertificate mints a certificate for a user and its key (PEM), for logins by EXTERNAL.
func (s *Server) ClientCertificate(user string) (certAndKey []byte, err error) {
	return s.ca.Client(user)
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
	return "alice@" + s.cfg.Domain, defaultPassword
}
