package identity

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/emersion/go-sasl"
)

// bearer is the server's side of the mechanisms that take a token in place of a password. A server without accounts at
// an identity provider has no use for them, so mailrig advertises them only on request.
type bearer struct {
	name   string
	parse  func(response []byte) (user, token string, ok bool)
	ack    []byte // how the client must answer an error
	decide func(Attempt) error

	asked bool
	no    *Refusal // set while the client's answer to the error challenge is due
}

// newBearer returns a row for Mechanisms.
func newBearer(name string, parse func([]byte) (user, token string, ok bool), ack []byte) Mechanism {
	return Mechanism{
		Name: name, Exposes: true, Needs: NeedsToken, OnRequest: true,
		Server: func(x Exchange) sasl.Server {
			return &bearer{name: name, parse: parse, ack: ack, decide: x.Decide}
		},
	}
}

func (b *bearer) Next(response []byte) (challenge []byte, done bool, err error) {
	if b.no != nil {
		if b.no.Answered != nil {
			b.no.Answered(bytes.Equal(response, b.ack))
		}
		return nil, false, b.no
	}
	if response == nil && !b.asked {
		b.asked = true
		return []byte{}, false, nil
	}
	user, token, ok := b.parse(response)
	if !ok {
		return nil, false, ErrMalformed
	}
	err = b.decide(Attempt{Mechanism: b.name, User: user, Credential: token,
		Proof: func(ctx context.Context, a Authority) (bool, error) { return a.Token(ctx, user, token) }})
	if no := (*Refusal)(nil); errors.As(err, &no) && no.Challenge != "" {
		b.no = no
		return []byte(no.Challenge), false, nil
	}
	return nil, err == nil, err
}

// bearerToken returns the token from the fields of a response. The response ends with two ^A.
func bearerToken(fields []string) (token string, ok bool) {
	n := len(fields)
	if n < 3 || fields[n-1] != "" || fields[n-2] != "" {
		return "", false
	}
	for _, f := range fields {
		value, found := strings.CutPrefix(f, "auth=")
		scheme, token, spaced := strings.Cut(value, " ")
		if found && spaced && strings.EqualFold(scheme, "Bearer") {
			return token, true
		}
	}
	return "", false
}
