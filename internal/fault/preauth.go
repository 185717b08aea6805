package fault

import (
	"errors"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Preauth begins IMAP logged in (RFC 9051 section 7.1.4). In clear this is an attack: a client that needs TLS can no
// longer ask for it (CVE-2020-12398).
type Preauth struct{ User string }

// Kind implements Fault.
func (*Preauth) Kind() Kind {
	return Kind{
		Name:    "preauth",
		Doc:     "IMAP begins logged in as this user: the greeting is PREAUTH.",
		Example: "alice@example.test",
		New:     func() Fault { return new(Preauth) },
	}
}

// UnmarshalText parses the user's name.
func (f *Preauth) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		return errors.New("name the user")
	}
	f.User = string(b)
	return nil
}

// Start implements StartStage.
func (f *Preauth) Start(s *Start) { s.User = f.User }

// CheckRule refuses conditions that nobody can know yet.
func (f *Preauth) CheckRule(r *Rule) error { return r.early() }

// ActsIn implements Spoken. PREAUTH is an IMAP greeting.
func (f *Preauth) ActsIn(p *protocol.Protocol) bool { return p.Name == "imap" }

// Start returns the state in which the engine begins.
func (c *Conn) Start() Start {
	st, by := first(c, func(s StartStage) (st Start, ok bool) {
		s.Start(&st)
		return st, true
	})
	st.By = by
	return st
}
