// Package letter reads a message as a person does: its text, its HTML, its decoded header, the links and the one-time
// codes in it, and what is attached.
//
// [Open] never fails: what is broken is shown as far as it can be read, and Problems says what is wrong. enmime does the
// MIME (RFC 2045 to 2049) and the charsets. Its cost grows with the square of the length for messages that were made to
// hurt, so mime.go gives those to package message instead, which finds parts in one pass. links.go and codes.go search
// the text.
//
// The HTTP API, GET /api/v1/wait, webhooks and mailtest show letters. Bytes that must stay exact (IMAP, POP3, raw
// downloads) never come from here.
package letter

import (
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/message"
)

// Limits of a letter. What lies beyond is left out.
const (
	MaxLinks  = 500
	MaxCodes  = 20
	MaxFields = 2000 // of the header
)

// Letter is a message as a person reads it. All text is valid UTF-8.
type Letter struct {
	Header    []Field   `json:"headers"` // in the order of the message
	From      []Address `json:"from"`
	To        []Address `json:"to"`
	Cc        []Address `json:"cc"`
	Bcc       []Address `json:"bcc"`
	ReplyTo   []Address `json:"reply_to"`
	Subject   string    `json:"subject"`
	MessageID string    `json:"message_id"` // without angle brackets
	Date      time.Time `json:"date,omitzero"`

	// Text is the text/plain body. Several such parts are joined by lines of "--". If the message has none, it is made
	// from HTML, and TextFromHTML is true.
	Text         string `json:"text"`
	TextFromHTML bool   `json:"text_from_html,omitempty"`
	HTML         string `json:"html"`

	// Links are the URLs that a person can follow: those in the text and the href of each <a> and <area>, in order,
	// each once.
	Links []string `json:"links"`
	// Codes are what looks like a one-time code, the likeliest first.
	Codes []string `json:"codes"`

	// Attachments are all parts that aren't shown as Text or HTML.
	Attachments []Part `json:"attachments"`

	Problems []string `json:"problems"` // what is wrong with the message's MIME
}

// Field is a field of the header, decoded (RFC 2047).
type Field struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Address is a mailbox in an address field.
type Address struct {
	Name    string `json:"name"` // decoded
	Address string `json:"address"`
}

// Part is an attachment, or another part that isn't the text.
type Part struct {
	ID        string `json:"id"`         // part number, like "2" or "1.2"; "0" is the message's own body
	Name      string `json:"name"`       // file name, decoded; may contain anything; "" if there is none
	Type      string `json:"type"`       // media type in lower case, without parameters
	Inline    bool   `json:"inline"`     // meant to be shown in the text, like an image of the HTML
	ContentID string `json:"content_id"` // without angle brackets
	Size      int    `json:"size"`       // of Content, in bytes

	// Content is the part with its transfer encoding undone. A text part is in UTF-8.
	Content []byte `json:"-"`
}

// Open reads a message. It takes time and memory in proportion to the message's length.
func Open(raw []byte) *Letter {
	l := Heading(raw)
	l.body(raw)
	if l.Text == "" && l.HTML != "" {
		l.Text, l.TextFromHTML = textOf(l.HTML), true
	}
	l.Links = links(l)
	l.Codes = codes(l)
	return l
}

// Heading reads only the header of a message. The rest of the Letter is empty.
func Heading(raw []byte) *Letter {
	l := &Letter{Header: []Field{}, Links: []string{}, Codes: []string{}, Attachments: []Part{}, Problems: []string{}}
	fields := message.Header(headerOf(raw))
	for _, f := range fields[:min(len(fields), MaxFields)] {
		if f.Name != "" {
			l.Header = append(l.Header, Field{strings.ToValidUTF8(f.Name, "\uFFFD"), message.DecodeText(f.Value)})
		}
	}
	addresses := func(name string) []Address { return addressList(message.Get(fields, name)) }
	l.From, l.To, l.Cc, l.Bcc, l.ReplyTo = addresses("From"), addresses("To"), addresses("Cc"), addresses("Bcc"), addresses("Reply-To")
	l.Subject = message.DecodeText(message.Get(fields, "Subject"))
	l.MessageID = message.DecodeText(strings.Trim(message.Get(fields, "Message-ID"), "<> \t"))
	l.Date = message.ParseDate(message.Get(fields, "Date"))
	return l
}

// headerOf returns the header of a message, and at most 1 MiB of it.
func headerOf(raw []byte) []byte {
	const most = 1 << 20
	return raw[:min(len(raw), most)]
}

func addressList(value string) []Address {
	list := []Address{}
	for _, a := range message.ParseAddresses(value) {
		if a.Group {
			continue
		}
		address := a.Mailbox
		if a.Host != "" {
			address += "@" + a.Host
		}
		list = append(list, Address{message.DecodeText(a.Name), message.DecodeText(address)})
	}
	return list
}

// Get returns the first value of a header field, decoded. It returns "" if there is none.
func (l *Letter) Get(name string) string {
	for _, f := range l.Header {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// Shown returns what a person sees at first: the HTML's text, without a layout, or the plain text.
func (l *Letter) Shown() string {
	if l.HTML == "" {
		return l.Text
	}
	return stripped(l.HTML)
}

// Part returns the attachment with this ID.
func (l *Letter) Part(id string) (Part, bool) {
	for _, p := range l.Attachments {
		if p.ID == id {
			return p, true
		}
	}
	return Part{}, false
}
