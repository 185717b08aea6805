package wait

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/message"
)

// Mail is a message in a mailbox.
type Mail struct {
	Mailbox    string   `json:"mailbox"` // address of the account
	Folder     string   `json:"folder"`
	UID        uint32   `json:"uid"`
	From       string   `json:"from"`        // reverse-path; "" if it came by APPEND
	Recipients []string `json:"recipients"`  // forward-paths; none if it came by APPEND
	FromHeader string   `json:"from_header"` // decoded
	Subject    string   `json:"subject"`     // decoded
	Bytes      int64    `json:"bytes"`
	Session    string   `json:"session"` // id of the session that brought it; "" if it came by APPEND

	Flags    []string  `json:"-"`
	Received time.Time `json:"-"`

	// Read returns the whole message. The caller must not change it. It is nil if the Mail was read from JSON.
	Read func(context.Context) ([]byte, error) `json:"-"`
}

// Raw returns the whole message. The caller must not change it. It fails if the Mail was read from JSON.
func (m *Mail) Raw(ctx context.Context) ([]byte, error) {
	if m.Read == nil {
		return nil, errors.New("the message isn't at hand, only what is known of it")
	}
	return m.Read(ctx)
}

func (m *Mail) String() string {
	to := event.EscapeLine(m.Mailbox) // a client can choose any name
	if m.Folder != "INBOX" {
		to += " (" + event.EscapeLine(m.Folder) + ")"
	}
	return fmt.Sprintf("to %s %q", to, m.Subject)
}

// Heading is the part of a message's header that conditions match.
type Heading struct{ From, Subject string } // decoded

// MaxHeader is how far into a message HeadingOf reads the header, in bytes.
const MaxHeader = 64 << 10

// HeadingOf reads the heading of a message. It is small enough to be cached.
func HeadingOf(raw []byte) Heading {
	fields := message.Header(raw[:min(len(raw), MaxHeader)])
	value := func(name string) string { return message.DecodeText(message.Get(fields, name)) }
	return Heading{From: value("From"), Subject: value("Subject")}
}
