package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/protocol"
)

// bearer is the server's side of the mechanisms that take a token in place of a password.
type bearer struct {
	bearerForm
	protocol string
	decide   func(Attempt) error

	asked bool
	no    *Refusal // set while the client's answer to the error challenge is due
}

// bearerForm is what sets one of these mechanisms apart.
type bearerForm struct {
	name  string
	parse func(response []byte) (user, token string, ok bool)
	// status is the name of the error in the challenge.
	status func(TokenState) string
	// explains says that the challenge names the issuer's configuration.
	explains bool
}

// mechanism returns a row for Mechanisms.
func (f bearerForm) mechanism() Mechanism {
	return Mechanism{
		Name: f.name, Exposes: true, Needs: NeedsToken,
		Server: func(x Exchange) sasl.Server {
			return &bearer{bearerForm: f, protocol: x.Protocol, decide: x.Decide}
		},
	}
}

func (b *bearer) Next(response []byte) (challenge []byte, done bool, err error) {
	if b.no != nil {
		if b.no.Answered != nil {
			// An empty line (XOAUTH2), or ^A (RFC 7628 section 3.2.3). Clients send either in both mechanisms.
			b.no.Answered(len(response) == 0 || bytes.Equal(response, []byte{1}))
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
	err = b.decide(Attempt{Mechanism: b.name, User: user, Exposes: true, Credential: token,
		Proof: func(ctx context.Context, a Authority) (*Refusal, error) {
			t, err := a.Token(ctx, user, token, b.protocol)
			if err != nil || t.State == TokenValid {
				return nil, err
			}
			return &Refusal{Reason: protocol.WrongPassword, Token: t.State, Known: t.Known, Injected: t.By, Foreign: t.Foreign, Challenge: b.challenge(t)}, nil
		}})
	if no := (*Refusal)(nil); errors.As(err, &no) && no.Challenge != "" {
		b.no = no
		return []byte(no.Challenge), false, nil
	}
	return nil, err == nil, err
}

// challenge is the error that a client with a refused token sees: JSON (RFC 7628 section 3.2.2, and Google's page).
func (f bearerForm) challenge(t Token) string {
	c := struct {
		Status        string `json:"status"`
		Schemes       string `json:"schemes,omitempty"`
		Scope         string `json:"scope,omitempty"`
		Configuration string `json:"openid-configuration,omitempty"`
	}{Status: f.status(t.State), Scope: t.Wants}
	if f.explains {
		c.Configuration = t.Configuration
	} else {
		c.Schemes = "Bearer"
	}
	text, _ := json.Marshal(c) // strings only: it can't fail
	return string(text)
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
