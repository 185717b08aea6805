package imapd

import (
	"context"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
)

// What is computed from a message is kept with it, because a message never changes.

func structure(ctx context.Context, m store.Message) (*message.Part, error) {
	return store.Memo(m, "message.Part", func() (*message.Part, error) {
		raw, err := store.ReadAll(ctx, m)
		if err != nil {
			return nil, err
		}
		return message.Parse(raw), nil
	})
}

func envelope(ctx context.Context, m store.Message) (*imap.Envelope, error) {
	return store.Memo(m, "imap.Envelope", func() (*imap.Envelope, error) {
		part, raw, err := parsed(ctx, m)
		if err != nil {
			return nil, err
		}
		return toEnvelope(part.Envelope(raw)), nil
	})
}

func bodyStructure(ctx context.Context, m store.Message) (imap.BodyStructure, error) {
	return store.Memo(m, "imap.BodyStructure", func() (imap.BodyStructure, error) {
		part, raw, err := parsed(ctx, m)
		if err != nil {
			return nil, err
		}
		return toBodyStructure(part, raw), nil
	})
}

// parsed returns a message's bytes and their structure.
func parsed(ctx context.Context, m store.Message) (*message.Part, []byte, error) {
	raw, err := store.ReadAll(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	part, err := structure(ctx, m)
	return part, raw, err
}

// toEnvelope converts an envelope to the library's type. The engine writes the date in one layout, whatever the header
// has, and NIL if it can't be parsed. It encodes raw 8-bit text.
func toEnvelope(e *message.Envelope) *imap.Envelope {
	env := &imap.Envelope{
		Date:      message.ParseDate(e.Date),
		Subject:   headerText(e.Subject),
		From:      toAddresses(e.From),
		Sender:    toAddresses(e.Sender),
		ReplyTo:   toAddresses(e.ReplyTo),
		To:        toAddresses(e.To),
		Cc:        toAddresses(e.Cc),
		Bcc:       toAddresses(e.Bcc),
		MessageID: unbracket(e.MessageID),
	}
	if e.InReplyTo != "" {
		env.InReplyTo = []string{unbracket(e.InReplyTo)}
	}
	return env
}

// headerText leaves encoded words as they are. The engine will encode raw 8-bit text as UTF-8, so headerText decodes
// the whole value around it. That way nothing is encoded twice, or as UTF-8 that isn't.
func headerText(s string) string {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return message.DecodeText(s)
		}
	}
	return s
}

// unbracket removes the outer brackets, which the engine adds again. The brackets of several ids stay inside.
func unbracket(s string) string {
	if strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") {
		return s[1 : len(s)-1]
	}
	return s
}

// toAddresses writes groups as RFC 9051 section 7.5.2 requires. An empty host or mailbox would look like a group, so a
// missing part gets the name that other servers use.
func toAddresses(l []message.Address) []imap.Address {
	out := make([]imap.Address, 0, len(l))
	for _, a := range l {
		if !a.Group {
			if a.Mailbox == "" {
				a.Mailbox = "MISSING_MAILBOX"
			}
			if a.Host == "" {
				a.Host = "MISSING_DOMAIN"
			}
		}
		out = append(out, imap.Address{Name: headerText(a.Name), Mailbox: a.Mailbox, Host: a.Host})
	}
	return out
}

func toBodyStructure(p *message.Part, raw []byte) imap.BodyStructure {
	var disposition *imap.BodyStructureDisposition
	if p.Disposition != "" {
		disposition = &imap.BodyStructureDisposition{Value: p.Disposition, Params: toParams(p.DispParams)}
	}
	if p.IsMultipart() {
		bs := &imap.BodyStructureMultiPart{
			Subtype: p.Subtype,
			Extended: &imap.BodyStructureMultiPartExt{
				Params:      toParams(p.Params),
				Disposition: disposition,
				Language:    p.Language,
				Location:    p.Location,
			},
		}
		for _, c := range p.Children {
			bs.Children = append(bs.Children, toBodyStructure(c, raw))
		}
		return bs
	}
	bs := &imap.BodyStructureSinglePart{
		Type:        p.Type,
		Subtype:     p.Subtype,
		Params:      toParams(p.Params),
		ID:          p.ID,
		Description: p.Description,
		Encoding:    p.Encoding,
		Size:        uint32(p.Octets),
		Extended: &imap.BodyStructureSinglePartExt{
			Disposition: disposition,
			Language:    p.Language,
			Location:    p.Location,
		},
	}
	switch {
	case p.IsMessage():
		bs.MessageRFC822 = &imap.BodyStructureMessageRFC822{
			Envelope:      toEnvelope(p.Children[0].Envelope(raw)),
			BodyStructure: toBodyStructure(p.Children[0], raw),
			NumLines:      int64(p.Lines),
		}
	case p.Type == "text":
		bs.Text = &imap.BodyStructureText{NumLines: int64(p.Lines)}
	}
	return bs
}

func toParams(l []message.Param) map[string]string {
	if len(l) == 0 {
		return nil
	}
	m := make(map[string]string, len(l))
	for _, p := range l {
		if _, twice := m[p.Name]; !twice {
			m[p.Name] = p.Value
		}
	}
	return m
}
