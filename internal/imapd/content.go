package imapd

import (
	"io"
	"reflect"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/store"
)

// content is what a FETCH shows of a message's bytes.
type content struct {
	envelope      rendered
	body          rendered // a structure without extension data
	bodyStructure rendered
	sections      []section
}

// structures says which forms of the structure a FETCH asks for. The engine's options know only one of them.
type structures struct{ body, bodyStructure bool }

// structuresOf looks into the engine's writer.
func structuresOf(w *imapserver.FetchWriter, o *imap.FetchOptions) structures {
	if o.BodyStructure == nil {
		return structures{}
	}
	wanted := structures{body: !o.BodyStructure.Extended, bodyStructure: o.BodyStructure.Extended}
	if f := reflect.ValueOf(w).Elem().FieldByName("options").FieldByName("bodyStructure").FieldByName("nonExtended"); f.Kind() == reflect.Bool {
		wanted.body = wanted.body || f.Bool()
	}
	return wanted
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
	for _, item := range []struct {
		name string
		data rendered
	}{{"ENVELOPE", c.envelope}, {"BODY", c.body}, {"BODYSTRUCTURE", c.bodyStructure}} {
		if item.data == nil {
			continue
		}
		if b != nil {
			b = append(b, ' ')
		}
		b = append(append(append(b, item.name...), ' '), item.data...)
	}
	return b
}

func (c *content) close() {
	for i := range c.sections {
		if c.sections[i].opened != nil {
			c.sections[i].opened.Close()
		}
	}
}

// read prepares what the client asks for. If there is no error, the caller must close the content.
func (s *session) read(m store.Message, o *imap.FetchOptions, wanted structures) (c content, err error) {
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
	if wanted.body {
		if c.body, err = bodyStructure(s.ctx(), m, false); err != nil {
			return c, err
		}
	}
	if wanted.bodyStructure {
		if c.bodyStructure, err = bodyStructure(s.ctx(), m, true); err != nil {
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
