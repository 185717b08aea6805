package fault

import (
	"fmt"
	"strconv"

	"github.com/mailrig/mailrig/internal/protocol"
)

// maxRenumber bounds how far UIDs move, so that UIDs stay within 32 bits (RFC 9051 section 2.3.1.1).
const maxRenumber = 1_000_000

// Renumber moves the UIDs of all messages, under the same UIDVALIDITY. RFC 9051 section 2.3.1.1 forbids it; servers that
// lose their index do it. It is decided once for each login, when the client first looks into a mailbox. What the client
// is told and what it asks for agree for the rest of that login.
type Renumber struct{ By uint32 }

// Kind implements Fault.
func (*Renumber) Kind() Kind {
	return Kind{
		Name:    "renumber",
		Doc:     "IMAP's UIDs are this much higher than at other logins, under the same UIDVALIDITY.",
		Example: "1",
		New:     func() Fault { return new(Renumber) },
		ForUser: Always,
	}
}

// UnmarshalText parses how far UIDs move.
func (f *Renumber) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 10, 32)
	if err != nil || n < 1 || n > maxRenumber {
		return fmt.Errorf("%q doesn't say how far UIDs move; give a number from 1 to %d", b, maxRenumber)
	}
	f.By = uint32(n)
	return nil
}

// Explain says how far.
func (f *Renumber) Explain() string {
	return fmt.Sprintf("UIDs are %d higher than at other logins, under the same UIDVALIDITY", f.By)
}

// Renumber implements RenumberStage.
func (f *Renumber) Renumber() uint32 { return f.By }

// CheckRule refuses what could differ from one mailbox or one command to the next.
func (f *Renumber) CheckRule(r *Rule) error {
	m := r.Match
	if len(m.Command)+len(m.Sender)+len(m.Recipient)+len(m.Mailbox)+len(m.Arguments)+len(m.Message)+len(m.UID) > 0 {
		return fmt.Errorf("renumber: holds for all mailboxes of a login; match only door, protocol, tls, family, server-name, client, connection, user and mechanism")
	}
	return nil
}

// ActsIn implements Spoken.
func (f *Renumber) ActsIn(p *protocol.Protocol) bool { return p.Mailboxes }

// Renumber returns how much higher UIDs are for the user who is logged in, and the scenario that says so. Whoever asks
// keeps the answer: the next call counts another login.
func (c *Conn) Renumber() (higher uint32, by string) {
	return first(c, func(s RenumberStage) (uint32, bool) { return s.Renumber(), true })
}
