package session_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"

	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
)

// cramMD5 is CRAM-MD5 (RFC 2195), a mechanism that needs a stored secret. In place of mailrig's own, its
// challenge is the example in the RFC and never changes.
var cramMD5 = identity.Mechanism{
	Name: "CRAM-MD5", Needs: identity.NeedsSecret,
	Server: func(x identity.Exchange) sasl.Server { return &cram{decide: x.Decide} },
}

const cramChallenge = "<1896.697170952@postoffice.reston.mci.net>"

type cram struct {
	decide func(identity.Attempt) error
	asked  bool
}

func (c *cram) Next(response []byte) (challenge []byte, done bool, err error) {
	if !c.asked {
		c.asked = true
		if len(response) > 0 {
			return nil, false, identity.ErrMalformed // the server speaks first
		}
		return []byte(cramChallenge), false, nil
	}
	i := bytes.LastIndexByte(response, ' ')
	if i < 1 {
		return nil, false, identity.ErrMalformed
	}
	user, digest := string(response[:i]), response[i+1:]
	err = c.decide(identity.Attempt{Mechanism: "CRAM-MD5", User: user,
		Proof: func(ctx context.Context, a identity.Authority) (*identity.Refusal, error) {
			secret, ok, err := a.Secret(ctx, user)
			h := hmac.New(md5.New, secret)
			h.Write([]byte(cramChallenge))
			want := hex.EncodeToString(h.Sum(nil))
			if !ok || !hmac.Equal([]byte(want), digest) {
				return &identity.Refusal{Reason: protocol.WrongPassword}, err
			}
			return nil, err
		}})
	return nil, err == nil, err
}
