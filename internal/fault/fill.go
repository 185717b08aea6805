package fault

import (
	"errors"
	"strings"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Fill makes a large INBOX for the user who logs in by IMAP or POP3. Messages are made up when they are read, so
// 100,000 of them cost little memory. Their text is the same each time.
type Fill struct {
	Messages int `yaml:"messages" doc:"how many messages INBOX has then, 1 to 1000000; mailrig adds as many as are missing, once for each user"`
	Size     int `yaml:"size" doc:"bytes of each message, 600 to 1000000; 2000 by default"`
	Gap      int `yaml:"gap" doc:"how far apart the UIDs are, 1 to 1000; 1 by default"`
}

// Kind implements Fault.
func (*Fill) Kind() Kind {
	return Kind{
		Name:    "fill",
		Doc:     "Whoever logs in by IMAP or POP3 finds this many messages in INBOX, which mailrig makes up as they are read.",
		Example: "{messages: 100000, size: 2000, gap: 3}",
		New:     func() Fault { return new(Fill) },
		ForUser: Always,
	}
}

// Filling is the INBOX that a Fill wants. Once belongs to the user.
type Filling struct {
	Messages, Size, Gap int
	Once                *Once
	By                  string
}

// Validate fills in the defaults and checks the limits.
func (f *Fill) Validate() error {
	if f.Size == 0 {
		f.Size = 2000
	}
	if f.Gap == 0 {
		f.Gap = 1
	}
	switch {
	case f.Messages < 1 || f.Messages > 1_000_000:
		return errors.New("messages: give 1 to 1000000")
	case f.Size < 600 || f.Size > 1_000_000:
		return errors.New("size: give 600 to 1000000 bytes")
	case f.Gap < 1 || f.Gap > 1000:
		return errors.New("gap: give 1 to 1000")
	}
	return nil
}

// Fill implements FillStage.
func (f *Fill) Fill(user string, n Counts) Filling {
	return Filling{Messages: f.Messages, Size: f.Size, Gap: f.Gap, Once: n.Once(strings.ToLower(user))}
}

// CheckRule refuses counters, and conditions that nobody can know yet.
func (f *Fill) CheckRule(r *Rule) error { return r.atLogin() }

// ActsIn implements Spoken.
func (f *Fill) ActsIn(p *protocol.Protocol) bool { return p.Receives }

// Fill returns how large the INBOX of the user who has just logged in becomes. ok is false if it stays as it is.
func (c *Conn) Fill() (f Filling, ok bool) {
	standing(c, func(r *rule, s FillStage) bool {
		f = s.Fill(c.User, Counts{c, r})
		f.By = c.acts(r)
		return true
	})
	return f, f.Once != nil
}
