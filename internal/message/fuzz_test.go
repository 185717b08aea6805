package message

import (
	"testing"
	"unicode/utf8"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(nested))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=x\n\n--x\n--x\n\n--x--\n"))
	f.Add([]byte("Content-Type: message/rfc822\r\n\r\nContent-Transfer-Encoding: base64\n\nYQ"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		p := Parse(raw)
		check(t, raw, p)
		p.Envelope(raw)
		var walk func(p *Part)
		walk = func(p *Part) {
			if len(p.Children) == 0 && p.Type == "text" && !utf8.ValidString(p.Text(raw)) {
				t.Error("text is not UTF-8")
			}
			for _, c := range p.Children {
				walk(c)
			}
		}
		walk(p)
		n := 0
		header := raw[:p.BodyStart]
		for _, fd := range Header(header) {
			n += len(fd.Raw)
		}
		if rest := header[n:]; len(rest) > 0 && !isBlank(rest) {
			t.Errorf("fields leave %q of %q", rest, header)
		}
		p.Section(raw, Section{Path: []int{1, 1, 1}, Specifier: HEADER, FieldsNot: []string{"x"}, Partial: true, Offset: 1, Count: 3})
	})
}

func FuzzAddresses(f *testing.F) {
	f.Add(`A group: "a \" b" <@r:u@x>, (c) d@[1]; =?utf-8?q?x?= <y`)
	f.Fuzz(func(t *testing.T, s string) {
		open := false
		for _, a := range ParseAddresses(s) {
			if a.Group {
				if open == (a.Mailbox != "") {
					t.Errorf("groups don't nest in %q", s)
				}
				open = !open
			}
		}
		if open {
			t.Errorf("group left open in %q", s)
		}
		ParseParams(s)
		ParseDate(s)
		DecodeText(s)
	})
}
