package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"strings"
	"unicode"
)

// Anyone is an authority that accepts every login with a user name and a password that aren't empty.
//
// A name with a colon or a control character is nobody's: the client has sent user:password in place of the name, or
// the end of a line with it. Its account would carry the password about.
type Anyone struct {
	// Tokens is an issuer whose word counts for its own tokens. Any other token is as good as any password. nil means
	// that there is no issuer.
	Tokens TokenAuthority
	// Canonical maps all names of one user to the same form. nil: only the case of letters differs.
	Canonical func(user string) string
	// Shared is the password by which a client can log in with a mechanism that proves the password without sending it.
	// Nobody can tell from such a proof which password it is of.
	Shared string
	Certificates
}

func isName(user string) bool {
	return user != "" && !strings.Contains(user, ":") && !strings.ContainsFunc(user, unicode.IsControl)
}

// Meets implements Authority.
func (a Anyone) Meets(n Need) bool {
	return n == NeedsPassword || n == NeedsToken || n == NeedsNothing || n == NeedsSecret && a.Shared != "" || a.Certificates.meets(n)
}

// Password implements Authority.
func (Anyone) Password(_ context.Context, user, password string) (bool, error) {
	return isName(user) && password != "", nil
}

// Token implements Authority.
func (a Anyone) Token(ctx context.Context, user, token, protocol string) (Token, error) {
	canonical := a.Canonical
	if canonical == nil {
		canonical = strings.ToLower
	}
	t, err := examine(ctx, a.Tokens, canonical, user, token, protocol)
	if t.State == TokenUnknown && isName(user) && token != "" {
		t.State = TokenValid
	}
	return t, err
}

// Secret implements Authority.
func (a Anyone) Secret(_ context.Context, user string) ([]byte, bool, error) {
	return []byte(a.Shared), a.Shared != "" && isName(user), nil
}

// Certificate implements Authority.
func (a Anyone) Certificate(_ context.Context, user string, chain []*x509.Certificate) (bool, error) {
	return isName(user) && a.Certificates.belongs(user, chain), nil
}

// Accounts is the authority for a fixed list of users.
type Accounts struct {
	// Tokens is the issuer of the users' tokens. nil means that there is none: any token of a known user will do.
	Tokens TokenAuthority
	Certificates

	canonical func(user string) string
	passwords map[string]string // by canonical name
}

// NewAccounts returns an empty list. canonical maps all names of one user to the same form.
func NewAccounts(canonical func(user string) string) *Accounts {
	return &Accounts{canonical: canonical, passwords: map[string]string{}}
}

// Add adds a user. Don't call it once the list is in use.
func (a *Accounts) Add(user, password string) { a.passwords[a.canonical(user)] = password }

// Meets implements Authority.
func (a *Accounts) Meets(n Need) bool { return n != NeedsCertificate || a.Certificates.meets(n) }

// Password implements Authority.
func (a *Accounts) Password(_ context.Context, user, password string) (bool, error) {
	want, ok := a.passwords[a.canonical(user)]
	return same(want, password) && ok && password != "", nil
}

// Token implements Authority.
func (a *Accounts) Token(ctx context.Context, user, token, protocol string) (Token, error) {
	_, known := a.passwords[a.canonical(user)]
	t, err := examine(ctx, a.Tokens, a.canonical, user, token, protocol)
	switch {
	case !known && t.State == TokenValid:
		t.State = TokenUnknown
	case known && a.Tokens == nil && token != "":
		t.State = TokenValid
	case known && token != "":
		t.Foreign = t.State == TokenUnknown
	}
	return t, err
}

// Secret implements Authority. The secret is the password.
func (a *Accounts) Secret(_ context.Context, user string) ([]byte, bool, error) {
	password, ok := a.passwords[a.canonical(user)]
	return []byte(password), ok, nil
}

// Certificate implements Authority.
func (a *Accounts) Certificate(_ context.Context, user string, chain []*x509.Certificate) (bool, error) {
	_, known := a.passwords[a.canonical(user)]
	return known && a.Certificates.belongs(user, chain), nil
}

// same compares two secrets in constant time. The time depends neither on their contents nor on their lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
