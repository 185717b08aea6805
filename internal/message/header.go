package message

import (
	"bytes"
	"iter"
	"slices"
	"strings"
)

// Field is one header field.
type Field struct {
	Name  string // as written; "" for a line that isn't a field (From_, no colon)
	Raw   []byte // the whole field as it is, with folded lines and line ends
	Value string // unfolded (RFC 5322 section 2.2.3), without blanks around it
}

// Header splits a header, with or without its blank line, into its fields, in order. All Raw values and the blank line
// together are the input.
func Header(header []byte) []Field {
	var fields []Field
	for name, raw := range eachField(header) {
		fields = append(fields, Field{Name: string(name), Raw: raw, Value: fieldValue(name, raw)})
	}
	return fields
}

// Value returns the value of a header's first field with this name, unfolded, or "".
func Value(header []byte, name string) string {
	for n, raw := range eachField(header) {
		if len(n) == len(name) && strings.EqualFold(string(n), name) {
			return fieldValue(n, raw)
		}
	}
	return ""
}

// eachField yields the name of each field, and the whole field. It unfolds nothing.
func eachField(header []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(name, raw []byte) bool) {
		for pos := 0; pos < len(header); {
			end := nextLine(header, pos)
			if isBlank(header[pos:end]) {
				return
			}
			for end < len(header) && (header[end] == ' ' || header[end] == '\t') {
				end = nextLine(header, end)
			}
			if !yield(fieldName(header[pos:end]), header[pos:end]) {
				return
			}
			pos = end
		}
	}
}

func nextLine(b []byte, pos int) int {
	if i := bytes.IndexByte(b[pos:], '\n'); i >= 0 {
		return pos + i + 1
	}
	return len(b)
}

// fieldName returns what is before the colon. It tolerates blanks in between (RFC 5322 section 4.5.3). It returns
// nothing if this can't be a name.
func fieldName(field []byte) []byte {
	name, _, found := bytes.Cut(field, []byte{':'})
	if !found {
		return nil
	}
	name = bytes.TrimRight(name, " \t")
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return nil
		}
	}
	return name
}

// fieldValue unfolds: it removes a line break and keeps the blank after it.
func fieldValue(name, raw []byte) string {
	if len(name) > 0 {
		_, raw, _ = bytes.Cut(raw, []byte{':'})
	}
	if bytes.IndexByte(raw, '\n') < 0 {
		return string(bytes.Trim(raw, " \t\r"))
	}
	var b strings.Builder
	for line := range bytes.Lines(raw) {
		b.Write(bytes.TrimRight(line, "\r\n"))
	}
	return strings.Trim(b.String(), " \t")
}

// Get returns the value of the first field with this name, or "".
func Get(fields []Field, name string) string {
	for i := range fields {
		if strings.EqualFold(fields[i].Name, name) {
			return fields[i].Value
		}
	}
	return ""
}

// among returns a function that reports whether a name is one of names, in any case. A client may name thousands.
func among(names []string) func(name []byte) bool {
	const few = 16
	if len(names) <= few {
		return func(name []byte) bool {
			return slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, string(name)) })
		}
	}
	set := make(map[string]struct{}, len(names))
	for _, n := range names {
		set[strings.ToLower(n)] = struct{}{}
	}
	return func(name []byte) bool {
		_, ok := set[strings.ToLower(string(name))]
		return ok
	}
}

// HeaderFields returns HEADER.FIELDS, or HEADER.FIELDS.NOT if not is true: the chosen fields exactly as they are,
// followed by the header's own empty line (RFC 9051 section 6.4.5.1).
func HeaderFields(header []byte, names []string, not bool) []byte {
	var out []byte
	chooses := among(names)
	for name, raw := range eachField(header) {
		chosen := len(name) > 0 && chooses(name)
		if chosen != not {
			out = append(out, raw...)
		}
	}
	if n := len(out); n > 0 && out[n-1] != '\n' {
		out = append(out, "\r\n"...)
	}
	return append(out, blankLine(header)...)
}

// blankLine returns the empty line at the end of a header, or nothing if it has none: then there is no body either (RFC 3501
// section 6.4.5).
func blankLine(header []byte) []byte {
	for _, end := range []string{"\r\n", "\n"} {
		if before, found := bytes.CutSuffix(header, []byte(end)); found && (len(before) == 0 || before[len(before)-1] == '\n') {
			return header[len(before):]
		}
	}
	return nil
}
