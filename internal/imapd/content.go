package imapd

import (
	"io"

	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
)

// content is what a FETCH shows of a message's bytes.
type content struct {
	envelope  rendered
	structure rendered
	extended  bool // the structure is a BODYSTRUCTURE rather than a BODY
	sections  []section
}

// section is a BODY[...]. It is data, or a stream if the store would otherwise read the whole message into memory.
type section struct {
	data   []byte
	stream *io.SectionReader
	opened io.Closer
}

func (s *section) size() int64 {
	if s.stream != nil {
		return s.stream.Size()
	}
	return int64(len(s.data))
}

// own returns what the engine can't write, with the names of the items.
func (c *content) own() (b []byte) {
	if c.envelope != nil {
		b = append(append(b, "ENVELOPE "...), c.envelope...)
	}
	if c.structure == nil {
		return b
	}
	if b != nil {
		b = append(b, ' ')
	}
	name := "BODY "
	if c.extended {
		name = "BODYSTRUCTURE "
	}
	return append(append(b, name...), c.structure...)
}

func (c *content) close() {
	for i := range c.sections {
		if c.sections[i].opened != nil {
			c.sections[i].opened.Close()
		}
	}
}

// read prepares what the client asks for. If there is no error, the caller must close the content.
func (s *session) read(m store.Message, o *imap.FetchOptions) (c content, err error) {
	if err := s.spend(stepCost); err != nil {
		return c, err
	}
	if o.Envelope || o.BodyStructure != nil {
		if err := s.spend(parseCost * m.Size()); err != nil {
			return c, err
		}
	}
	if o.Envelope {
		if c.envelope, err = envelope(s.ctx(), m); err != nil {
			return c, err
		}
	}
	if o.BodyStructure != nil {
		c.extended = o.BodyStructure.Extended
		if c.structure, err = bodyStructure(s.ctx(), m, c.extended); err != nil {
			return c, err
		}
	}
	if len(o.BodySection) > 0 {
		c.sections = make([]section, len(o.BodySection))
	}
	cut := cutter{session: s, message: m}
	for i, b := range o.BodySection {
		if c.sections[i], err = cut.section(b); err != nil {
			c.close()
			return c, err
		}
	}
	return c, nil
}

// cutter cuts the sections out of one message. It finds the message's structure once.
type cutter struct {
	*session
	message store.Message
	root    *message.Part
	raw     []byte
}

// section returns a BODY[...] from the raw bytes. A missing part is empty, because the engine can't write NIL for it.
// The whole message, which clients ask for most, is read while it is sent.
func (c *cutter) section(b *imap.FetchItemBodySection) (section, error) {
	part := message.Section{Path: b.Part, Fields: b.HeaderFields, FieldsNot: b.HeaderFieldsNot}
	if b.Partial != nil {
		part.Partial, part.Offset, part.Count = true, b.Partial.Offset, b.Partial.Size
	}
	switch b.Specifier {
	case imap.PartSpecifierHeader:
		part.Specifier = message.HEADER
	case imap.PartSpecifierText:
		part.Specifier = message.TEXT
	case imap.PartSpecifierMIME:
		part.Specifier = message.MIME
	}
	if len(part.Path) == 0 && part.Specifier == message.Whole {
		return c.whole(c.message, part)
	}
	if c.root == nil {
		if err := c.spend(parseCost * c.message.Size()); err != nil {
			return section{}, err
		}
		var err error
		if c.root, c.raw, err = parsed(c.ctx(), c.message); err != nil {
			return section{}, err
		}
	}
	cost := int64(stepCost)
	if len(part.Fields)+len(part.FieldsNot) > 0 { // its own header can't be longer than the message's
		cost += parseCost * int64(c.root.BodyStart)
		if len(part.Path) > 0 {
			cost = parseCost * c.message.Size()
		}
	}
	if err := c.spend(cost); err != nil {
		return section{}, err
	}
	data, _ := c.root.Section(c.raw, part)
	return section{data: data}, nil
}

func (s *session) whole(m store.Message, part message.Section) (section, error) {
	from, n := int64(0), m.Size()
	if part.Partial {
		from = min(max(part.Offset, 0), n)
		n = min(max(part.Count, 0), n-from)
	}
	if raw, ok := store.Whole(m); ok {
		return section{data: raw[from : from+n]}, nil
	}
	r, err := m.Open(s.ctx())
	if err != nil {
		return section{}, err
	}
	return section{stream: io.NewSectionReader(r, from, n), opened: r}, nil
}
