package identity

import (
	"context"

	"github.com/emersion/go-sasl"
)

// AnonymousUser is the account of whoever logs in by ANONYMOUS.
const AnonymousUser = "anonymous"

// anonymousMechanism is ANONYMOUS (RFC 4505). What the client sends says who it is, and proves nothing. It isn't
// recorded: nobody knows what a client puts there.
var anonymousMechanism = Mechanism{
	Name: "ANONYMOUS", Needs: NeedsNothing, ByName: true,
	Server: func(x Exchange) sasl.Server { return &anonymous{decide: x.Decide} },
}

type anonymous struct {
	decide func(Attempt) error
	asked  bool
}

func (a *anonymous) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil && !a.asked {
		a.asked = true
		return []byte{}, false, nil
	}
	err = a.decide(Attempt{Mechanism: "ANONYMOUS", User: AnonymousUser, Proof: proof(func(context.Context, Authority) (bool, error) {
		return true, nil
	})})
	return nil, err == nil, err
}
