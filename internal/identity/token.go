package identity

import (
	"context"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
)

// TokenAuthority is an issuer of bearer tokens (RFC 6750) that says what they are worth. Any goroutine may call it.
type TokenAuthority interface {
	// Examine looks at a token that a client logs in with, at a door of this protocol: smtp, imap or pop3. It returns an
	// error only if it can't decide now.
	Examine(ctx context.Context, token, protocol string) (Token, error)
}

// Token is what its issuer says of a token.
type Token struct {
	State TokenState
	User  string // whose token it is, as in a login; "" says that the issuer ties it to nobody
	// Wants is the scope that the service asks for. Configuration is the URL of the issuer's OpenID configuration. A
	// refused client is told both (RFC 7628 section 3.2.2); "" leaves them out.
	Wants, Configuration string
	// Foreign says that the user is known, and only the token isn't: it may be good for another issuer.
	Foreign bool
	// By is the scenario that made it no good; "" if none did.
	By string
	// Known is what the issuer knows of the token besides, for the record of a login that is refused. nil: nothing.
	Known *event.TokenUse
}

// TokenState says whether a token is good, and otherwise what is wrong with it.
type TokenState string

// The states of a token.
const (
	TokenValid         TokenState = "valid"
	TokenUnknown       TokenState = "unknown" // the issuer has never issued it
	TokenExpired       TokenState = "expired"
	TokenRevoked       TokenState = "revoked"
	TokenWrongAudience TokenState = "wrong-audience"
	TokenWrongScope    TokenState = "wrong-scope"
	TokenWrongUser     TokenState = "wrong-user" // it is another user's
)

// examine asks the issuer, which may be nil, about a token. A token that the issuer says is good counts only for its
// own user; canonical maps all names of one user to the same form.
func examine(ctx context.Context, issuer TokenAuthority, canonical func(string) string, user, token, protocol string) (Token, error) {
	if issuer == nil {
		return Token{State: TokenUnknown}, nil
	}
	t, err := issuer.Examine(ctx, token, protocol)
	if err == nil && t.State == TokenValid && t.User != "" && !strings.EqualFold(canonical(t.User), canonical(user)) {
		t.State = TokenWrongUser
	}
	if t.Known != nil {
		t.Known.State = string(t.State)
	}
	return t, err
}
