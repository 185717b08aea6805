package identity

import (
	"context"
	"crypto/x509"

	"github.com/emersion/go-sasl"
)

// externalMechanism is EXTERNAL (RFC 4422 appendix A): the client's TLS certificate says who it is.
var externalMechanism = Mechanism{
	Name: "EXTERNAL", Needs: NeedsCertificate, ByName: true, InTLS: true,
	Server: func(x Exchange) sasl.Server { return &external{peer: x.Peer, decide: x.Decide} },
}

type external struct {
	peer   []*x509.Certificate
	decide func(Attempt) error
	asked  bool
}

func (e *external) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil && !e.asked {
		e.asked = true
		return []byte{}, false, nil
	}
	user := string(response) // empty: whom the certificate names
	if user == "" && len(e.peer) > 0 {
		user = CertificateUser(e.peer[0])
	}
	err = e.decide(Attempt{Mechanism: "EXTERNAL", User: user, Proof: proof(func(ctx context.Context, a Authority) (bool, error) {
		if len(e.peer) == 0 {
			return false, nil
		}
		return a.Certificate(ctx, user, e.peer)
	})})
	return nil, err == nil, err
}

// CertificateUser returns the user whom a client certificate names: by its first e-mail address, or its common name.
func CertificateUser(c *x509.Certificate) string {
	if len(c.EmailAddresses) > 0 {
		return c.EmailAddresses[0]
	}
	return c.Subject.CommonName
}
