package mailpit

import (
	"context"
	"io"
	"mime"
	"net/mail"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/html/charset"

	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
)

func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// address is an address in Mailpit's JSON.
type address struct{ Name, Address string }

// head is what the header and the envelope say about a letter.
type head struct {
	from                  address
	to, cc, bcc, replyTo  []address // nil if there is none
	unnamed               []string  // recipients of the envelope that the header doesn't name
	subject, messageID    string
	hasID                 bool // the header has a Message-ID
	date                  time.Time
	returnPath            string
	unsubscribe, oneClick string
	tags                  []string // that the letter has from the start
}

// mostHeader is how much of a header is read, in bytes.
const mostHeader = 256 << 10

// headOf returns what the header of a letter says. It is kept with the message.
func headOf(ctx context.Context, l *Entry) (*head, error) {
	return store.MemoSized(l.msg, "mailpit.head", 2048, func() (*head, error) {
		raw, ok := store.Whole(l.msg)
		if !ok {
			r, err := l.msg.Open(ctx)
			if err != nil {
				return nil, err
			}
			defer r.Close()
			raw = make([]byte, min(l.msg.Size(), mostHeader))
			if _, err := io.ReadFull(r, raw); err != nil {
				return nil, err
			}
		}
		return readHead(raw[:min(len(raw), mostHeader)], l), nil
	})
}

// words decodes the encoded words of a phrase in an address (RFC 2047 section 5).
var words = mail.AddressParser{WordDecoder: &mime.WordDecoder{CharsetReader: charset.NewReaderLabel}}

func readHead(raw []byte, l *Entry) *head {
	fields := message.Header(raw)
	get := func(name string) string { return message.Get(fields, name) }
	h := &head{
		to: addresses(get("To")), cc: addresses(get("Cc")), bcc: addresses(get("Bcc")), replyTo: addresses(get("Reply-To")),
		subject:     message.DecodeText(get("Subject")),
		messageID:   message.DecodeText(strings.Trim(get("Message-ID"), "<> \t")),
		date:        message.ParseDate(get("Date")),
		returnPath:  l.origin.Envelope.From,
		unsubscribe: message.DecodeText(get("List-Unsubscribe")), oneClick: message.DecodeText(get("List-Unsubscribe-Post")),
	}
	if from := get("From"); from != "" {
		if list := addresses(from); len(list) > 0 {
			h.from = list[0]
		} else {
			h.from.Name = message.DecodeText(from) // as Mailpit does with what it can't read
		}
	}
	if h.hasID = h.messageID != ""; !h.hasID {
		h.messageID = shortened("Message-ID "+l.id) + "@mailpit"
	}
	if h.date.IsZero() {
		h.date = l.created
	}
	named := map[string]bool{}
	for _, list := range [][]address{h.to, h.cc, h.bcc} {
		for _, a := range list {
			named[strings.ToLower(a.Address)] = true
		}
	}
	tags := strings.Split(message.DecodeText(get("X-Tags")), ",")
	for _, to := range l.origin.Envelope.Recipients {
		if key := strings.ToLower(to); !named[key] {
			named[key] = true
			h.unnamed = append(h.unnamed, to)
			h.bcc = append(h.bcc, address{Address: strings.ToValidUTF8(to, "\uFFFD")})
		}
		local, _, _ := strings.Cut(to, "@")
		if _, plus, ok := strings.Cut(local, "+"); ok {
			tags = append(tags, strings.Split(plus, "+")...)
		}
	}
	h.tags = cleanTags(tags)
	return h
}

// addresses parses a field strictly. Mailpit shows no address of a field that has a mistake.
func addresses(value string) (list []address) {
	if value == "" {
		return nil
	}
	parsed, err := words.ParseList(value)
	if err != nil {
		return nil
	}
	for _, a := range parsed {
		list = append(list, address{strings.ToValidUTF8(a.Name, "\uFFFD"), strings.ToValidUTF8(a.Address, "\uFFFD")})
	}
	return list
}

// added returns the fields that Mailpit would have put in front of the message.
func (h *head) added() string {
	var b strings.Builder
	if len(h.unnamed) > 0 {
		b.WriteString("Bcc: " + strings.Join(h.unnamed, ", ") + "\r\n")
	}
	if !h.hasID {
		b.WriteString("Message-ID: <" + h.messageID + ">\r\n")
	}
	return b.String()
}
