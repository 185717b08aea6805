package message

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

const nested = "From: a@example.test\r\n" +
	"Content-Type: multipart/mixed;\r\n\tboundary=\"o(u)ter\"\r\n" +
	"\r\n" +
	"preamble\r\n" +
	"--o(u)ter\r\n" +
	"Content-Type: text/plain; charset=utf-8\r\n\r\nhello\r\n" +
	"--o(u)ter  \r\n" +
	"Content-Type: message/rfc822\r\n\r\n" +
	"Subject: inner\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n" +
	"--in\r\n\r\none\r\n--in\r\nContent-Type: text/html\r\nContent-ID: <x>\r\n\r\ntwo\r\n--in--\r\nepilogue\r\n" +
	"--o(u)ter--\r\nend\r\n"

// tree formats the structure as "type/subtype[octets]{children}".
func tree(p *Part) string {
	s := fmt.Sprintf("%s/%s[%d]", p.Type, p.Subtype, p.Octets)
	if len(p.Children) > 0 {
		var kids []string
		for _, c := range p.Children {
			kids = append(kids, tree(c))
		}
		s += "{" + strings.Join(kids, " ") + "}"
	}
	return s
}

func TestParse(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ raw, want string }{
		"empty":              {"", "text/plain[0]"},
		"no blank line":      {"Subject: x\r\n", "text/plain[0]"},
		"bare LF":            {"Subject: x\n\nbody\n", "text/plain[5]"},
		"only body":          {"\r\nbody", "text/plain[4]"},
		"From_ line":         {"From me Mon\r\nSubject: x\r\n\r\nb", "text/plain[1]"},
		"nested":             {nested, "multipart/mixed[288]{text/plain[5] message/rfc822[152]{multipart/alternative[84]{text/plain[3] text/html[3]}}}"},
		"no boundary":        {"Content-Type: multipart/mixed\r\n\r\n--x\r\n", "text/plain[5]"},
		"boundary never":     {"Content-Type: multipart/mixed; boundary=x\r\n\r\nabc", "text/plain[3]"},
		"not closed":         {"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nabc\n", "multipart/mixed[9]{text/plain[4]}"},
		"inner not closed":   {"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/mixed; boundary=i\n\n--i\n\na\n--o\n\nb\n--o--\n", "multipart/mixed[67]{multipart/mixed[6]{text/plain[1]} text/plain[1]}"},
		"part without blank": {"Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/html\n--o--\n", "multipart/mixed[34]{text/html[0]}"},
		"rfc2231 boundary":   {"Content-Type: multipart/mixed; boundary*0=\"a\"; boundary*1*=%62\n\n--ab\n\nx\n--ab--\n", "multipart/mixed[15]{text/plain[1]}"},
		"prefix boundary":    {"Content-Type: multipart/mixed; boundary=a\n\n--ab\n--a\n\nx\n--a--\n", "multipart/mixed[18]{text/plain[1]}"},
		"digest":             {"Content-Type: multipart/digest; boundary=a\n\n--a\n\nSubject: y\n\nz\n--a--\n", "multipart/digest[25]{message/rfc822[13]{text/plain[1]}}"},
		"bad type":           {"Content-Type: nonsense\r\n\r\nx", "text/plain[1]"},
		"NULs":               {"A\x00: b\r\n\r\n\x00\x00", "text/plain[2]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := Parse([]byte(c.raw))
			if got := tree(p); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			check(t, []byte(c.raw), p)
		})
	}
}

// check checks what must be true of every input.
func check(t *testing.T, raw []byte, p *Part) {
	t.Helper()
	if all, ok := p.Section(raw, Section{}); !ok || !bytes.Equal(all, raw) {
		t.Errorf("BODY[] is not the message: %q", all)
	}
	var walk func(p *Part, from, to int)
	walk = func(p *Part, from, to int) {
		if p.Start < from || p.BodyStart < p.Start || p.End < p.BodyStart || p.End > to {
			t.Errorf("part %d-%d-%d outside of %d-%d in %q", p.Start, p.BodyStart, p.End, from, to, raw)
			return
		}
		if p.IsMultipart() && len(p.Children) == 0 {
			t.Errorf("multipart without parts in %q", raw)
		}
		from = p.BodyStart
		for _, c := range p.Children {
			walk(c, from, p.End)
			from = c.End
		}
	}
	walk(p, 0, len(raw))
}

func TestDepthAndCountAreBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	for range 200 {
		b.WriteString("Content-Type: message/rfc822\r\n\r\n")
	}
	raw := []byte(b.String())
	p := Parse(raw)
	check(t, raw, p)
	depth := 0
	for ; len(p.Children) > 0; p = p.Children[0] {
		depth++
	}
	if depth != MaxDepth || p.Subtype != "octet-stream" {
		t.Errorf("depth %d, innermost %s/%s", depth, p.Type, p.Subtype)
	}

	raw = []byte("Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n\n", 3*MaxParts))
	p = Parse(raw)
	check(t, raw, p)
	if n := len(p.Children); n != MaxParts-1 {
		t.Errorf("%d parts", n)
	}
}

func TestSection(t *testing.T) {
	t.Parallel()
	raw := []byte(nested)
	p := Parse(raw)
	for _, c := range []struct {
		s    Section
		want string
	}{
		{Section{Specifier: HEADER, Fields: []string{"FROM", "Nope"}}, "From: a@example.test\r\n\r\n"},
		{Section{Specifier: HEADER, FieldsNot: []string{"from"}}, "Content-Type: multipart/mixed;\r\n\tboundary=\"o(u)ter\"\r\n\r\n"},
		{Section{Path: []int{1}}, "hello"},
		{Section{Path: []int{1}, Specifier: MIME}, "Content-Type: text/plain; charset=utf-8\r\n\r\n"},
		{Section{Path: []int{2}, Specifier: HEADER, Fields: []string{"subject"}}, "Subject: inner\r\n\r\n"},
		{Section{Path: []int{2}, Specifier: HEADER}, "Subject: inner\r\nContent-Type: multipart/alternative; boundary=in\r\n\r\n"},
		{Section{Path: []int{2}, Specifier: TEXT, Partial: true, Offset: 2, Count: 4}, "in\r\n"},
		{Section{Path: []int{2, 1}}, "one"},
		{Section{Path: []int{2, 2}}, "two"},
		{Section{Path: []int{2, 2}, Specifier: MIME}, "Content-Type: text/html\r\nContent-ID: <x>\r\n\r\n"},
		{Section{Path: []int{1}, Partial: true, Offset: 3, Count: 100}, "lo"},
		{Section{Path: []int{1}, Partial: true, Offset: 30, Count: 100}, ""},
	} {
		got, ok := p.Section(raw, c.s)
		if !ok || string(got) != c.want {
			t.Errorf("%+v: %v %q, want %q", c.s, ok, got, c.want)
		}
	}
	for _, s := range []Section{
		{Path: []int{3}}, {Path: []int{1, 1}}, {Path: []int{0}}, {Path: []int{2, 3}},
		{Path: []int{1}, Specifier: HEADER}, {Specifier: MIME}, {Path: []int{1}, Specifier: TEXT},
	} {
		if got, ok := p.Section(raw, s); ok || len(got) != 0 {
			t.Errorf("%+v: %v %q, want nothing", s, ok, got)
		}
	}

	raw = []byte("Subject: y\n folded\nBroken line\n\nbody")
	p = Parse(raw)
	for want, s := range map[string]Section{
		"body":                                 {Path: []int{1}},
		"Subject: y\n folded\n\n":              {Specifier: HEADER, Fields: []string{"Subject"}},
		"Broken line\n\n":                      {Specifier: HEADER, FieldsNot: []string{"Subject"}},
		"Subject: y\n folded\nBroken line\n\n": {Path: []int{1}, Specifier: MIME},
	} {
		if got, ok := p.Section(raw, s); !ok || string(got) != want {
			t.Errorf("%+v: %q, want %q", s, got, want)
		}
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	fields := Header([]byte(" lost\r\nFrom me\r\nSubject : a\r\n b\r\nX:\r\nbad name: y\r\n\r\nbody: no\r\n"))
	var got []string
	for _, f := range fields {
		got = append(got, f.Name+"="+f.Value)
	}
	want := "= lost|=From me|Subject=a b|X=|=bad name: y"
	if s := strings.Join(got, "|"); s != strings.Replace(want, "= lost", "=lost", 1) {
		t.Errorf("got %q", s)
	}
	if Get(fields, "SUBJECT") != "a b" || Get(fields, "To") != "" {
		t.Errorf("Get: %q", Get(fields, "SUBJECT"))
	}
}

func TestParams(t *testing.T) {
	t.Parallel()
	v, params := ParseParams(`attachment (really); filename="a \"b\";c.txt"; size=12 (bytes); x=two words; name=f(1).txt; junk; t*0*=utf-8'en'%41; t*1="B"; u*=iso-8859-1''%e9; open="half`)
	if v != "attachment" {
		t.Errorf("value %q", v)
	}
	for name, want := range map[string]string{
		"filename": `a "b";c.txt`, "size": "12", "x": "two words", "name": "f(1).txt",
		"t": "AB", "u": "\xe9", "open": "half", "junk": "",
	} {
		if got := Lookup(params, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestDecode(t *testing.T) {
	t.Parallel()
	if got := DecodeText("=?iso-8859-1?q?caf=E9?= =?utf-8?b?w6k=?= =?windows-1252?q?=80?= plain \xe9"); got != "caféé€ plain é" {
		t.Errorf("%q", got)
	}
	for raw, want := range map[string]string{
		"Content-Transfer-Encoding: base64\n\naGVs\r\nbG8*=":                                                     "hello",
		"Content-Transfer-Encoding: Quoted-Printable\nContent-Type: text/plain; charset=latin1\n\n=E9=\r\n=zz= ": "é=zz= ",
		"Content-Type: text/plain; charset=iso-8859-15\n\n\xa4":                                                  "€",
		"\n\xff": "ÿ",
	} {
		if got := Parse([]byte(raw)).Text([]byte(raw)); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}
