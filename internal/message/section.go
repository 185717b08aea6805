package message

// Specifier says which piece of a part a section asks for.
type Specifier int

// The section specifiers of RFC 9051 section 6.4.5.1.
const (
	Whole  Specifier = iota // BODY[], BODY[1.2]
	HEADER                  // BODY[HEADER], BODY[1.2.HEADER]
	TEXT
	MIME // only with a part number
)

// Section names a piece of a message as FETCH BODY[...] does.
type Section struct {
	Path      []int // part numbers; none means the message itself
	Specifier Specifier

	// Fields and FieldsNot, if not empty, choose HEADER.FIELDS and HEADER.FIELDS.NOT. Specifier is HEADER then.
	Fields, FieldsNot []string

	// Partial limits the result to at most Count bytes from Offset.
	Partial       bool
	Offset, Count int64
}

// Section returns the bytes of a section. They are a slice of raw, except for HEADER.FIELDS. If the message has no such
// part, ok is false and the bytes are empty.
func (p *Part) Section(raw []byte, s Section) (data []byte, ok bool) {
	data, ok = p.whole(raw, s)
	if s.Partial {
		n := int64(len(data))
		from := min(max(s.Offset, 0), n)
		data = data[from : from+min(max(s.Count, 0), n-from)]
	}
	return data, ok
}

func (p *Part) whole(raw []byte, s Section) ([]byte, bool) {
	part := p
	if len(s.Path) > 0 {
		if part = p.Find(s.Path); part == nil {
			return nil, false
		}
		switch s.Specifier {
		case Whole:
			return raw[part.BodyStart:part.End], true
		case MIME:
			return raw[part.Start:part.BodyStart], true
		}
		// HEADER and TEXT after a part number are those of the message inside it.
		if !part.IsMessage() {
			return nil, false
		}
		part = part.Children[0]
	}
	switch s.Specifier {
	case HEADER:
		header := raw[part.Start:part.BodyStart]
		switch {
		case len(s.Fields) > 0:
			return HeaderFields(header, s.Fields, false), true
		case len(s.FieldsNot) > 0:
			return HeaderFields(header, s.FieldsNot, true), true
		}
		return header, true
	case TEXT:
		return raw[part.BodyStart:part.End], true
	case MIME:
		return nil, false
	}
	return raw[part.Start:part.End], true
}

// Find follows part numbers as RFC 9051 section 6.4.5.1 counts them. A message that isn't a multipart has one part,
// number 1, its body. Find returns nil if there is no such part.
func (p *Part) Find(path []int) *Part {
	msg := p // the numbers count inside this message or multipart
	for i, n := range path {
		if i > 0 {
			switch {
			case p.IsMessage():
				msg = p.Children[0]
			case p.IsMultipart():
				msg = p
			default:
				return nil
			}
		}
		switch {
		case msg.IsMultipart():
			if n < 1 || n > len(msg.Children) {
				return nil
			}
			p = msg.Children[n-1]
		case n == 1:
			p = msg
		default:
			return nil
		}
	}
	return p
}
