package fault

import (
	"errors"
	"strings"
)

// Fill makes a large INBOX for whoever logs in, by IMAP or POP3. The messages are made
// up as they are read, so that a hundred thousand cost little; they are the same each time.
type Fill struct {
	Messages int `yaml:"messages" doc:"how many messages INBOX has then, 1 to 1000000; as many as are missing are added, once for each user"`
	Size     int `yaml:"size" doc:"bytes of each message, 600 to 1000000; 2000 when left out"`
	Gap      int `yaml:"gap" doc:"how far the UIDs are apart, 1 to 1000; 1 when left out"`
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

// Filling is what a Fill wants of an INBOX; Once is the user's.
type Filling struct {
	Messages, Size, Gap int
	Once                *Once
	By                  string
}

// Validate fills in the usual values and checks the bounds.
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

// CheckRule refuses conditions that can't be known yet, and counters.
func (f *Fill) CheckRule(r *Rule) error { return r.atLogin() }

// Protocols are those that read mailboxes.
func (f *Fill) Protocols() []string { return []string{"imap", "pop3"} }
