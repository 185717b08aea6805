package identity

import (
	"bytes"
	"context"

	"github.com/emersion/go-sasl"
)

// plainMechanism is PLAIN (RFC 4616).
var plainMechanism = Mechanism{
	Name: "PLAIN", Exposes: true, Needs: NeedsPassword,
	Server: func(x Exchange) sasl.Server { return &plain{decide: x.Decide} },
}

type plain struct {
	decide func(Attempt) error
	asked  bool
}

func (p *plain) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil && !p.asked {
		p.asked = true
		return []byte{}, false, nil
	}
	id, rest, ok := bytes.Cut(response, []byte{0})
	if !ok {
		return nil, false, ErrMalformed
	}
	user, password, ok := bytes.Cut(rest, []byte{0})
	if !ok || len(user) == 0 {
		return nil, false, ErrMalformed
	}
	a := passwordAttempt("PLAIN", string(user), string(password))
	if len(id) > 0 && !bytes.Equal(id, user) {
		// An authorization identity other than the user's own is refused like a wrong password: no account here may act
		// for another.
		a.Credential = ""
		a.Proof = proof(func(context.Context, Authority) (bool, error) { return false, nil })
	}
	if err := p.decide(a); err != nil {
		return nil, false, err
	}
	return nil, true, nil
}
