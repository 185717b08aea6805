package imapd

import (
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store/view"
)

// searched is a message that a SEARCH looks at. It reads the message when a criterion first needs it, and decodes its
// texts once, however many criteria there are.
type searched struct {
	*session
	item   *view.Item
	part   *message.Part // nil: not read yet
	raw    []byte
	fields []message.Field

	header, body texts
}

// texts are pieces of text in lower case. Small ones are kept for the next criterion.
type texts struct {
	list []string
	all  bool // list has all of them
}

// keepTexts is how many bytes of texts are kept. Of a larger message they are decoded again for each criterion.
const keepTexts = 1 << 20

// open reads the message.
func (m *searched) open() (err error) {
	if m.part != nil {
		return nil
	}
	if err := m.spend(parseCost * m.item.Message.Size()); err != nil {
		return err
	}
	part, raw, err := parsed(m.ctx(), m.item.Message)
	if err != nil {
		return err
	}
	m.part, m.raw = part, raw
	m.fields = message.Header(raw[part.Start:part.BodyStart])
	return nil
}

// content reports whether the message matches the criteria that need its bytes.
func (m *searched) content(q *query) (bool, error) {
	if len(q.header)+len(q.body)+len(q.text) == 0 {
		return true, nil
	}
	if err := m.open(); err != nil {
		return false, err
	}
	for i := range q.header {
		if err := m.spend(decodeCost * int64(m.part.BodyStart-m.part.Start)); err != nil {
			return false, err
		}
		if !inHeader(m.fields, q.header[i]) {
			return false, nil
		}
	}
	for _, t := range q.body {
		if found, err := m.has(&m.body, m.bodyTexts, t); !found || err != nil {
			return false, err
		}
	}
	for _, t := range q.text {
		found, err := m.has(&m.header, m.headerTexts, t)
		if !found && err == nil {
			found, err = m.has(&m.body, m.bodyTexts, t)
		}
		if !found || err != nil {
			return false, err
		}
	}
	return true, nil
}

// has reports whether one of the texts contains t. each finds them if they aren't kept.
func (m *searched) has(kept *texts, each func(yield func(string) error) error, t string) (bool, error) {
	if kept.all {
		for _, text := range kept.list {
			if err := m.spend(stepCost + int64(len(text))); err != nil {
				return false, err
			}
			if strings.Contains(text, t) {
				return true, nil
			}
		}
		return false, nil
	}
	found, size := false, 0 // of a small message all texts are found, because the next criterion may need them
	var list []string
	err := each(func(text string) error {
		if size += len(text); size <= keepTexts {
			list = append(list, text)
		} else if found {
			return errFound
		} else {
			list = nil
		}
		found = found || strings.Contains(text, t)
		return m.spend(stepCost + int64(len(text)))
	})
	if err != nil && err != errFound {
		return false, err
	}
	if size <= keepTexts {
		kept.list, kept.all = list, true
	}
	return found, nil
}

// errFound ends the search of a large message.
var errFound = errors.New("found")

// headerTexts are the fields of the header, decoded and as they stand.
func (m *searched) headerTexts(yield func(string) error) error { return m.fieldTexts(m.fields, yield) }

func (m *searched) fieldTexts(fields []message.Field, yield func(string) error) error {
	for i := range fields {
		line := fields[i].Name + ": " + fields[i].Value
		if err := m.spend(decodeCost * int64(len(line))); err != nil {
			return err
		}
		decoded := message.DecodeText(line)
		if err := yield(fold(decoded)); err != nil {
			return err
		}
		if decoded == line {
			continue
		}
		if err := yield(fold(line)); err != nil {
			return err
		}
	}
	return nil
}

// bodyTexts are the decoded leaves and the headers of enclosed messages.
func (m *searched) bodyTexts(yield func(string) error) error { return m.partTexts(m.part, yield) }

// partTexts skips encoded files.
func (m *searched) partTexts(p *message.Part, yield func(string) error) error {
	if len(p.Children) == 0 {
		if p.Type != "text" && p.Encoding == "base64" {
			return nil
		}
		if err := m.spend(decodeCost * int64(p.Octets)); err != nil {
			return err
		}
		return yield(fold(p.Text(m.raw)))
	}
	for _, c := range p.Children {
		if p.IsMessage() {
			if err := m.fieldTexts(message.Header(m.raw[c.Start:c.BodyStart]), yield); err != nil {
				return err
			}
		}
		if err := m.partTexts(c, yield); err != nil {
			return err
		}
	}
	return nil
}

// inHeader reports whether a header field has the value. An empty value asks only whether the field exists.
func inHeader(fields []message.Field, h imap.SearchCriteriaHeaderField) bool {
	return slices.ContainsFunc(fields, func(f message.Field) bool {
		return strings.EqualFold(f.Name, h.Key) && (hasText(f.Value, h.Value) || holdsAddress(&f, h.Value))
	})
}

// holdsAddress reports whether an address field contains a lower-case text in the form in which ENVELOPE shows its
// addresses: without the comments and blanks inside them (RFC 9051 section 6.4.4).
func holdsAddress(f *message.Field, text string) bool {
	switch strings.ToLower(f.Name) {
	case "from", "to", "cc", "bcc", "sender", "reply-to":
	default:
		return false
	}
	if !strings.ContainsAny(f.Value, "(@") {
		return false
	}
	return slices.ContainsFunc(message.ParseAddresses(f.Value), func(a message.Address) bool {
		return strings.Contains(fold(message.DecodeText(a.Name)+" <"+a.Mailbox+"@"+a.Host+">"), text)
	})
}

// hasText reports whether a header value contains a lower-case text, decoded or as it stands.
func hasText(value, text string) bool {
	return strings.Contains(fold(message.DecodeText(value)), text) || strings.Contains(fold(value), text)
}

// fold writes a text so that two can be compared: in lower case, and with a blank for each tab, because many programs fold a
// header with one.
func fold(s string) string { return strings.ReplaceAll(strings.ToLower(s), "\t", " ") }
