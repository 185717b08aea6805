package wait

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/message"
)

// Mail is a message in a mailbox.
type Mail struct {
	ID         string   `json:"id"`      // unique; a copy in another mailbox has another one
	Mailbox    string   `json:"mailbox"` // address of the account
	Folder     string   `json:"folder"`
	UID        uint32   `json:"uid"`
	From       string   `json:"from"`        // reverse-path; "" if it came by APPEND
	Recipients []string `json:"recipients"`  // forward-paths; none if it came by APPEND
	FromHeader string   `json:"from_header"` // decoded
	Subject    string   `json:"subject"`     // decoded
	Bytes      int64    `json:"bytes"`
	Session    string   `json:"session"` // id of the session that brought it; "" if it came by APPEND

	Received time.Time `json:"received"`

	Flags   []string `json:"-"`
	Arrival uint64   `json:"-"` // number of this entry among all that have come into a mailbox
	First   uint64   `json:"-"` // number of the message's first entry, if it is a copy; 0 if unknown

	// Read returns the whole message. The caller must not change it. It is nil if the Mail was read from JSON.
	Read func(context.Context) ([]byte, error) `json:"-"`

	// Body returns the text that body: searches, as BodyOf makes it. If it is nil, the message is read.
	Body func(context.Context) (string, error) `json:"-"`

	heading Heading
}

// SetHeading sets what the message's header says.
func (m *Mail) SetHeading(h Heading) { m.FromHeader, m.Subject, m.heading = h.From, h.Subject, h }

// body returns the folded text of the message.
func (m *Mail) body(ctx context.Context) (string, error) {
	if m.Body != nil {
		return m.Body(ctx)
	}
	raw, err := m.Raw(ctx)
	return BodyOf(raw), err
}

// Since reports whether the message came after the first n entries, and not only as a copy of an older message.
func (m *Mail) Since(n uint64) bool { return m.Arrival > n && (m.First == 0 || m.First > n) }

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
type Heading struct {
	From, Subject string // decoded

	read          bool
	from, subject string // folded

	plain bool // the text can be sought in the bytes from body on; see plain.go
	body  int
	grams grams // of those bytes; nil if they are many
}

// Size returns about how much memory the heading takes, in bytes.
func (h *Heading) Size() int {
	return 192 + len(h.From) + len(h.Subject) + len(h.from) + len(h.subject) + 8*len(h.grams)
}

// MaxHeader is how far into a message HeadingOf reads the header, in bytes.
const MaxHeader = 64 << 10

// HeadingOf reads the heading of a message, whose first MaxHeader bytes are enough. It is small enough to be cached.
func HeadingOf(raw []byte) Heading {
	fields := message.Header(raw[:min(len(raw), MaxHeader)])
	value := func(name string) string { return message.DecodeText(message.Get(fields, name)) }
	from, subject := value("From"), value("Subject")
	h := Heading{read: true, From: from, Subject: subject, from: fold(from), subject: fold(subject)}
	if h.body, h.plain = plainBody(raw); h.plain && len(raw) < MaxHeader { // a longer one may go on
		h.grams = gramsOf(raw[h.body:])
	}
	return h
}

// BodyOf returns the decoded text parts of a message, folded.
func BodyOf(raw []byte) string {
	var b strings.Builder
	bodyOf(&b, message.Parse(raw), raw)
	return b.String()
}

func bodyOf(b *strings.Builder, p *message.Part, raw []byte) {
	if len(p.Children) == 0 && p.Type == "text" {
		b.WriteString(fold(p.Text(raw)))
		b.WriteByte(0) // nothing matches across two parts
	}
	for _, c := range p.Children {
		bodyOf(b, c, raw)
	}
}

// fold puts a text into the form in which texts are compared: lower case, and white space counts once, because headers
// are folded and words come one at a time.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }
