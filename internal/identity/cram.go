package identity

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"

	"github.com/emersion/go-sasl"
)

// cramMD5Mechanism is CRAM-MD5 (RFC 2195). Both sides must know the password itself.
var cramMD5Mechanism = Mechanism{
	Name: "CRAM-MD5", Needs: NeedsSecret,
	Server: func(x Exchange) sasl.Server { return &cramMD5{decide: x.Decide, host: x.Host} },
}

type cramMD5 struct {
	decide    func(Attempt) error
	host      string
	challenge string // "" before it is sent
}

func (c *cramMD5) Next(response []byte) (challenge []byte, done bool, err error) {
	if c.challenge == "" {
		if len(response) > 0 {
			return nil, false, ErrMalformed // the server speaks first
		}
		c.challenge = NewStamp(c.host)
		return []byte(c.challenge), false, nil
	}
	at := bytes.LastIndexByte(response, ' ')
	if at < 1 {
		return nil, false, ErrMalformed
	}
	user, digest := string(response[:at]), response[at+1:]
	err = c.decide(secretAttempt("CRAM-MD5", user, func(secret []byte) bool {
		h := hmac.New(md5.New, secret)
		h.Write([]byte(c.challenge))
		return hmac.Equal([]byte(hex.EncodeToString(h.Sum(nil))), bytes.ToLower(digest))
	}))
	return nil, err == nil, err
}

// NewStamp returns a challenge that nobody has seen before, in the form of a message id (RFC 822's msg-id): "<…@host>".
func NewStamp(host string) string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails, says package crypto/rand
	return "<" + hex.EncodeToString(b[:]) + "@" + host + ">"
}

// secretAttempt returns the attempt of a mechanism that proves a shared secret. right checks the proof.
func secretAttempt(mechanism, user string, right func(secret []byte) bool) Attempt {
	return Attempt{Mechanism: mechanism, User: user, Proof: proof(func(ctx context.Context, a Authority) (bool, error) {
		secret, known, err := a.Secret(ctx, user)
		if err != nil || !known {
			return false, err
		}
		return right(secret), nil
	})}
}
