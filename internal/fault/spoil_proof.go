package fault

import (
	"errors"

	"github.com/mailrig/mailrig/internal/identity"
)

// SpoilProof makes the server's side of a SCRAM exchange wrong (RFC 5802 section 3). A server without the right proof
// doesn't know the password: it may be an attacker's.
type SpoilProof struct{ Part identity.ProofPart }

// Kind implements Fault.
func (*SpoilProof) Kind() Kind {
	return Kind{
		Name:    "spoil-proof",
		Doc:     "In a login by SCRAM, the server's nonce or its signature is wrong.",
		Example: "signature",
		New:     func() Fault { return new(SpoilProof) },
	}
}

// UnmarshalText parses the part.
func (f *SpoilProof) UnmarshalText(b []byte) error {
	switch p := identity.ProofPart(b); p {
	case identity.ServerNonce, identity.ServerSignature:
		f.Part = p
		return nil
	}
	return &ValueError{Value: string(b), Known: []string{string(identity.ServerNonce), string(identity.ServerSignature)}}
}

// Spoils implements ProofStage.
func (f *SpoilProof) Spoils(p identity.ProofPart) bool { return p == f.Part }

// CheckRule refuses conditions that mean nothing here.
func (f *SpoilProof) CheckRule(r *Rule) error {
	if m := r.Match; len(m.Command)+len(m.User)+len(m.Sender)+len(m.Recipient)+len(m.Mailbox)+len(m.Mechanism) > 0 {
		return errors.New("spoil-proof: acts in a login exchange; leave out command, user, sender, recipient, mailbox and mechanism")
	}
	return nil
}

// Explain says what is wrong.
func (f *SpoilProof) Explain() string {
	if f.Part == identity.ServerNonce {
		return "in a login by SCRAM, the server's nonce doesn't begin with the client's"
	}
	return "in a login by SCRAM, the server's signature is wrong"
}

// SpoilsProofs reports whether a rule may make the server's side of a login exchange wrong.
func (c *Conn) SpoilsProofs() bool { return has[ProofStage](c) }

// SpoilsProof returns the scenario that makes this part of the server's side of a login exchange wrong, or "".
func (c *Conn) SpoilsProof(part identity.ProofPart) (by string) {
	_, by = first(c, func(s ProofStage) (bool, bool) { return true, s.Spoils(part) })
	return by
}
