package fault

import (
	"errors"
	"fmt"
	"strings"
	"sync"
)

// Fill makes a large INBOX for whoever logs in, by IMAP or POP3. The messages are made
// up as they are read, so that a hundred thousand cost little; they are the same each time.
type Fill struct {
	Messages int `yaml:"messages" doc:"how many messages INBOX has then, 1 to 1000000; as many as are missing are added, once for each user"`
	Size     int `yaml:"size" doc:"bytes of each message, 600 to 1000000; 2000 when left out"`
	Gap      int `yaml:"gap" doc:"how far the UIDs are apart, 1 to 1000; 1 when left out"`

	mu   sync.Mutex
	done map[string]*sync.Once
}

// Filling is what a Fill wants of an INBOX; Once is the user's.
type Filling struct {
	Messages, Size, Gap int
	Once                *sync.Once
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

func (f *Fill) fresh() any {
	return &Fill{Messages: f.Messages, Size: f.Size, Gap: f.Gap, done: map[string]*sync.Once{}}
}

func (f *Fill) fill(user string) Filling {
	user = strings.ToLower(user)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.done[user] == nil {
		f.done[user] = new(sync.Once)
	}
	return Filling{Messages: f.Messages, Size: f.Size, Gap: f.Gap, Once: f.done[user]}
}

// CheckRule refuses conditions that can't be known yet, and counters.
func (f *Fill) CheckRule(r *Rule) error { return checkAccount("fill", r) }

// checkAccount is for what is done to an account at a login.
func checkAccount(kind string, r *Rule) error {
	m := r.Match
	if len(m.Command)+len(m.Sender)+len(m.Recipient)+len(m.Mailbox) > 0 {
		return fmt.Errorf("%s: is done at login; command, sender, recipient and mailbox can't be matched", kind)
	}
	return checkUncounted(kind, r)
}
