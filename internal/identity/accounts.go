package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
)

// Anyone is the authority that lets everybody in who names a user and brings
// something as a password. It knows no secrets, so that mechanisms that need one
// aren't offered.
type Anyone struct{}

// Meets implements Authority.
func (Anyone) Meets(n Need) bool { return n == NeedsPassword || n == NeedsToken }

// Password implements Authority.
func (Anyone) Password(_ context.Context, user, password string) (bool, error) {
	return user != "" && password != "", nil
}

// Token implements Authority.
func (Anyone) Token(_ context.Context, user, token string) (bool, error) {
	return user != "" && token != "", nil
}

// Secret implements Authority.
func (Anyone) Secret(context.Context, string) ([]byte, bool, error) { return nil, false, nil }

// Certificate implements Authority.
func (Anyone) Certificate(context.Context, string, []*x509.Certificate) (bool, error) {
	return false, nil
}

// Accounts is the authority of a fixed list of users.
type Accounts struct {
	canonical func(user string) string
	passwords map[string]string // by canonical name
}

// NewAccounts makes an empty list. canonical gives names that mean the same user the
// same form.
func NewAccounts(canonical func(user string) string) *Accounts {
	return &Accounts{canonical: canonical, passwords: map[string]string{}}
}

// Add lets a user in. It isn't to be called once the list is in use.
func (a *Accounts) Add(user, password string) { a.passwords[a.canonical(user)] = password }

// Meets implements Authority. No account has a certificate.
func (a *Accounts) Meets(n Need) bool { return n != NeedsCertificate }

// Password implements Authority.
func (a *Accounts) Password(_ context.Context, user, password string) (bool, error) {
	want, ok := a.passwords[a.canonical(user)]
	return same(want, password) && ok && password != "", nil
}

// Token implements Authority. Nobody knows which tokens are right: where they are taken
// at all, all of them are.
func (a *Accounts) Token(_ context.Context, user, token string) (bool, error) {
	_, ok := a.passwords[a.canonical(user)]
	return ok && token != "", nil
}

// Secret implements Authority: the secret is the password.
func (a *Accounts) Secret(_ context.Context, user string) ([]byte, bool, error) {
	password, ok := a.passwords[a.canonical(user)]
	return []byte(password), ok, nil
}

// Certificate implements Authority.
func (a *Accounts) Certificate(context.Context, string, []*x509.Certificate) (bool, error) {
	return false, nil
}

// same compares two secrets in a time that depends on neither, nor on their lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
