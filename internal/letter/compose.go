package letter

import (
	"bytes"
	"errors"
	"fmt"
	"mime"
	"net/mail"
	"strings"
	"time"

	"github.com/jhillyerd/enmime/v2"
)

// Draft is a message that is to be written. Addresses are in the form of a header field, like "Bob <bob@example.test>".
type Draft struct {
	From        string            `json:"from"`
	To          []string          `json:"to"`
	Cc          []string          `json:"cc"`
	Bcc         []string          `json:"bcc"` // not in the header
	ReplyTo     []string          `json:"reply_to"`
	Subject     string            `json:"subject"`
	Text        string            `json:"text"`
	HTML        string            `json:"html"`
	Headers     map[string]string `json:"headers"` // further fields
	Attachments []Attached        `json:"attachments"`
}

// Attached is an attachment of a Draft.
type Attached struct {
	Name      string `json:"name"`
	Type      string `json:"type"`       // media type; "" means application/octet-stream
	ContentID string `json:"content_id"` // makes it an inline part, to which HTML refers by cid:
	Content   []byte `json:"content"`    // in JSON: base64
}

// MostRecipients is how many recipients a Draft may have.
const MostRecipients = 1000

// Compose writes the message. sender and recipients are for the envelope. Errors say what is wrong with the draft.
func Compose(d Draft, now time.Time) (raw []byte, sender string, recipients []string, err error) {
	from, err := address("from", d.From)
	if err != nil {
		return nil, "", nil, err
	}
	b := enmime.Builder().From(from.Name, from.Address).Date(now)
	lists := map[string][]mail.Address{}
	for _, l := range []struct {
		name string
		list []string
	}{{"to", d.To}, {"cc", d.Cc}, {"bcc", d.Bcc}, {"reply_to", d.ReplyTo}} {
		for _, text := range l.list {
			a, err := address(l.name, text)
			if err != nil {
				return nil, "", nil, err
			}
			lists[l.name] = append(lists[l.name], *a)
			if l.name != "reply_to" {
				recipients = append(recipients, a.Address)
			}
		}
	}
	switch {
	case len(recipients) == 0:
		return nil, "", nil, errors.New(`the message has no recipient; give "to", such as ["bob@example.test"]`)
	case len(recipients) > MostRecipients:
		return nil, "", nil, fmt.Errorf("the message has %d recipients; give %d at most", len(recipients), MostRecipients)
	}
	if err := printable("subject", d.Subject); err != nil {
		return nil, "", nil, err
	}
	b = b.ToAddrs(lists["to"]).CCAddrs(lists["cc"]).BCCAddrs(lists["bcc"]).ReplyToAddrs(lists["reply_to"]).Subject(d.Subject)
	if d.Text != "" || d.HTML == "" {
		b = b.Text([]byte(d.Text))
	}
	if d.HTML != "" {
		b = b.HTML([]byte(d.HTML))
	}
	for name, value := range d.Headers {
		if err := field(name, value); err != nil {
			return nil, "", nil, err
		}
		b = b.Header(name, value)
	}
	for i, a := range d.Attachments {
		if a.Type == "" {
			a.Type = "application/octet-stream"
		}
		if _, _, err := mime.ParseMediaType(a.Type); err != nil || !strings.Contains(a.Type, "/") {
			return nil, "", nil, fmt.Errorf(`the type of attachment %d is %q; give one such as "image/png"`, i+1, a.Type)
		}
		if err := errors.Join(printable("an attachment's name", a.Name), printable("an attachment's content_id", a.ContentID)); err != nil {
			return nil, "", nil, err
		}
		if a.ContentID != "" {
			b = b.AddInline(a.Content, a.Type, a.Name, a.ContentID)
		} else {
			b = b.AddAttachment(a.Content, a.Type, a.Name)
		}
	}
	root, err := b.Build()
	if err != nil {
		return nil, "", nil, fmt.Errorf("write the message: %w", err)
	}
	var out bytes.Buffer
	if err := root.Encode(&out); err != nil {
		return nil, "", nil, fmt.Errorf("write the message: %w", err)
	}
	return out.Bytes(), from.Address, recipients, nil
}

func address(field, text string) (*mail.Address, error) {
	if text == "" {
		return nil, fmt.Errorf("%q has an empty address; give one such as bob@example.test", field)
	}
	a, err := mail.ParseAddress(text)
	if err != nil {
		return nil, fmt.Errorf(`%q has %q, which isn't an address (%w); write it as "Bob <bob@example.test>"`, field, text, err)
	}
	return a, nil
}

// own are the fields that a draft has other members for, and those that its structure needs.
var own = []string{"From", "To", "Cc", "Bcc", "Reply-To", "Subject", "Content-Type", "Content-Transfer-Encoding", "Content-Disposition", "MIME-Version"}

func field(name, value string) error {
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
		return fmt.Errorf("%q isn't the name of a header field (RFC 5322 section 2.2)", name)
	}
	for _, f := range own {
		if strings.EqualFold(name, f) {
			return fmt.Errorf(`"headers" can't set %s; the draft has members for what is in it`, f)
		}
	}
	return printable("the header field "+name, value)
}

// printable refuses what would end a line of the header.
func printable(what, text string) error {
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		return fmt.Errorf("%s has a control character, such as a line break; remove it", what)
	}
	return nil
}
