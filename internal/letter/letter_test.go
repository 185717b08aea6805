package letter

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// crlf writes a message with the line ends of mail.
func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

const signUp = `From: =?utf-8?q?Caf=C3=A9?= <shop@example.test>
To: "Bob B." <bob@example.test>, group: carol@example.test, dave@example.test;
Subject: =?iso-8859-1?q?Best=E4tigen?= Sie
 Ihre Adresse
Date: Thu, 26 Nov 2026 14:00:00 +0100
Message-ID: <1@example.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=outer

--outer
Content-Type: multipart/related; boundary=rel

--rel
Content-Type: multipart/alternative; boundary=alt

--alt
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Hallo, f=FCr die Anmeldung gilt der Code 482913. Oder folgen Sie https://example.test/c?a=3D1&b=
=3D2.
--alt
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: base64

PHA+SGFsbG8gPGEgaHJlZj0iaHR0cHM6Ly9leGFtcGxlLnRlc3QvYz9hPTEmYW1wO2I9MiI+aGllcjwvYT48L3A+PGltZyBzcmM9ImNpZDpsb2dvIj4=
--alt--
--rel
Content-Type: image/png
Content-ID: <logo>
Content-Disposition: inline; filename=logo.png
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--rel--
--outer
Content-Type: application/pdf; name="=?utf-8?q?r=C3=A9sum=C3=A9.pdf?="
Content-Disposition: attachment; filename*=utf-8''r%C3%A9sum%C3%A9.pdf
Content-Transfer-Encoding: base64

JVBERg==
--outer--
`

func TestOpen(t *testing.T) {
	t.Parallel()
	l := Open(crlf(signUp))
	for what, pair := range map[string][2]string{
		"subject":     {l.Subject, "Bestätigen Sie Ihre Adresse"},
		"from":        {fmt.Sprint(l.From), "[{Café shop@example.test}]"},
		"to":          {fmt.Sprint(l.To), "[{Bob B. bob@example.test} { carol@example.test} { dave@example.test}]"},
		"id":          {l.MessageID, "1@example.test"},
		"date":        {l.Date.UTC().Format(time.RFC3339), "2026-11-26T13:00:00Z"},
		"text":        {strings.TrimSpace(l.Text), "Hallo, für die Anmeldung gilt der Code 482913. Oder folgen Sie https://example.test/c?a=1&b=2."},
		"html":        {l.HTML, `<p>Hallo <a href="https://example.test/c?a=1&amp;b=2">hier</a></p><img src="cid:logo">`},
		"links":       {fmt.Sprint(l.Links), "[https://example.test/c?a=1&b=2]"},
		"codes":       {fmt.Sprint(l.Codes), "[482913]"},
		"field":       {l.Get("mime-version"), "1.0"},
		"problems":    {fmt.Sprint(l.Problems), "[]"},
		"attachments": {fmt.Sprint(len(l.Attachments)), "2"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s: %q, want %q", what, pair[0], pair[1])
		}
	}
	if l.TextFromHTML {
		t.Error("the text is its own")
	}
	var pdf, logo Part
	for _, p := range l.Attachments {
		if p.Type == "application/pdf" {
			pdf = p
		} else {
			logo = p
		}
	}
	if pdf.Name != "résumé.pdf" || string(pdf.Content) != "%PDF" || pdf.Size != 4 || pdf.Inline {
		t.Errorf("%+v", pdf)
	}
	if logo.Name != "logo.png" || logo.ContentID != "logo" || !logo.Inline || logo.Type != "image/png" {
		t.Errorf("%+v", logo)
	}
	if again, ok := l.Part(pdf.ID); !ok || again.Name != pdf.Name {
		t.Errorf("part %q: %+v", pdf.ID, again)
	}
	if _, ok := l.Part("99"); ok {
		t.Error("there is no part 99")
	}
}

func TestBroken(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ raw, text, html string }{
		"empty":                {"", "", ""},
		"no header":            {"\n\nhello", "hello", ""},
		"only a header":        {"Subject: x", "", ""},
		"bare text":            {"Subject: x\n\nhello\n", "hello", ""},
		"lying charset":        {"Content-Type: text/plain; charset=utf-8\n\nf\xfcr", "f\uFFFDr", ""},
		"unknown charset":      {"Content-Type: text/plain; charset=x-none\n\nhello", "hello", ""},
		"windows-1252":         {"Content-Type: text/plain; charset=windows-1252\n\n\x93hi\x94", "“hi”", ""},
		"iso-2022-jp":          {"Content-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B%F%9%H\x1b(B", "テスト", ""},
		"gb18030":              {"Content-Type: text/plain; charset=gb18030\n\n\xc4\xe3\xba\xc3", "你好", ""},
		"bad quoted-printable": {"Content-Transfer-Encoding: quoted-printable\n\na=ZZb=41", "a=ZZbA", ""},
		"bad base64":           {"Content-Transfer-Encoding: base64\n\naGV*sbG8=", "hello", ""},
		"open multipart":       {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nhello", "hello", ""},
		"no boundary":          {"Content-Type: multipart/mixed\n\nhello", "hello", ""},
		"html only":            {"Content-Type: text/html\n\n<p>hello <b>you</b></p><script>x</script>", "hello *you*", "<p>hello <b>you</b></p><script>x</script>"},
		"attached text":        {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nno\n--b--\n", "", ""},
		"long boundary":        {"Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 5000) + "\n\n--" + strings.Repeat("b", 5000) + "\n\nhello\n", "hello", ""},
		"two texts":            {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\n\ntwo\n--b--\n", "one", ""},
		"deep":                 {strings.Repeat("Content-Type: multipart/mixed; boundary=b\n\n--b\n", 3) + "Content-Type: text/plain\n\nhello\n--b--\n", "hello", ""},
	} {
		l := Open([]byte(tc.raw))
		if got := strings.TrimSpace(l.Text); !strings.HasPrefix(got, tc.text) || tc.text == "" && got != "" || l.HTML != tc.html {
			t.Errorf("%s: %q and %q, want %q and %q (%q)", name, l.Text, l.HTML, tc.text, tc.html, l.Problems)
		}
	}
}

// TestManyParts checks that a message which enmime can't be given still has its text and its attachments.
func TestManyParts(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nhello\n")
	for i := range 30_000 {
		fmt.Fprintf(&b, "--b\nContent-Type: application/x; name=n%d\n\n%d\n", i, i)
	}
	l := Open([]byte(b.String()))
	if l.Text != "hello" || len(l.Attachments) != mostParts || l.Attachments[1].Name != "n1" || string(l.Attachments[1].Content) != "1" {
		t.Errorf("%q, %d", l.Text, len(l.Attachments))
	}
}

func TestCodes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		subject, text string
		want          []string
	}{
		{"", "Your verification code is 123456.", []string{"123456"}},
		{"Your code", "\n\n  0042  \n\nIt expires in 10 minutes.", []string{"0042"}},
		{"482 913 is your login code", "Hello", []string{"482913"}},
		{"", "G-123456 is your Google verification code.", []string{"123456"}},
		{"", "Enter this confirmation code:\nABC-1D2F\nThanks, 2026", []string{"ABC-1D2F"}},
		{"", "Ihr Bestätigungscode: *739201*", []string{"739201"}},
		{"", "您的验证码：835712，请勿泄露", []string{"835712"}},
		{"", "Your one-time password is 4711. Call +49 30 1234567 for help, or (030) 123 456 78.", []string{"4711"}},
		{"Invoice", "Order 123456 of 2026-11-26, 1,234.56 EUR", []string{}},
		{"Your login code", "Confirm at https://example.test/123456 before 12:3045 or 10/2026", []string{}},
		{"Confirm", "Security © 2026 Example Inc.", []string{}},
		{"Code", "first\n111111\nsecond\n222222\n111111", []string{"111111", "222222"}},
	} {
		if got := codes(&Letter{Subject: tc.subject, Text: tc.text}); !slices.Equal(got, tc.want) {
			t.Errorf("%q %q: %q, want %q", tc.subject, tc.text, got, tc.want)
		}
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	got := links(&Letter{
		Text: "See <https://a.test/x>, (https://b.test/y_(z)) or http://c.test/?q=1&r=2. Not ftp, not mailto:x@y. HTTPS://D.test!",
		HTML: `<a href=" https://e.test/a&amp;b ">x</a><a href="mailto:x@y">y</a><A HREF='app://open/1'><area href=https://f.test><a href="javascript:alert(1)"><img src="https://g.test/pixel"><a href="https://a.test/x">`,
	})
	want := []string{"https://a.test/x", "https://b.test/y_(z)", "http://c.test/?q=1&r=2", "HTTPS://D.test", "https://e.test/a&b", "app://open/1", "https://f.test"}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
	if got := links(&Letter{Text: strings.Repeat("https://a.test/x ", 3) + strings.Repeat("x", 100)}); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

// TestCostGrowsWithLength checks that no message costs more than in proportion to its length.
func TestCostGrowsWithLength(t *testing.T) {
	for name, m := range map[string][2]string{
		"parts":          {"Content-Type: multipart/mixed; boundary=b\n\n", "--b\n\n\n"},
		"nested":         {"", "Content-Type: multipart/mixed; boundary=b\n\n--b\n"},
		"nested data":    {"", "Content-Type: application/x; boundary=b\n\n--b\n"},
		"long header":    {"", "Subject: x\n"},
		"folded":         {"Content-Type: text/plain", ";\n a=b"},
		"one line":       {"Content-Type: text/plain; ", "a=b; "},
		"open quotes":    {"Content-Type: text/plain; a=", `"\`},
		"addresses":      {"To: ", "a@b, "},
		"bad base64":     {"Content-Transfer-Encoding: base64\n\n", "*=a"},
		"bad quoted":     {"Content-Transfer-Encoding: quoted-printable\n\n", "=Z=\n"},
		"no charset":     {"\n", "\xe4b "},
		"links":          {"\n", "https://a.test "},
		"one link":       {"\n\nhttps://a.test/", "((."},
		"many links":     {"\n\n", "(http://x) "},
		"codes":          {"Subject: code\n\n", "123456 code\n"},
		"digits":         {"Subject: code\n\n", "123 "},
		"tags":           {"Content-Type: text/html\n\n", "<p><b>x"},
		"open tags":      {"Content-Type: text/html\n\n", "<a href=x"},
		"divs":           {"Content-Type: text/html\n\n", "<div>"},
		"quotes":         {"Content-Type: text/html\n\n", "<blockquote>a"},
		"tables":         {"Content-Type: text/html\n\n", "<table><tr><td>a"},
		"cells":          {"Content-Type: text/html\n\n<table>", "<tr><td>a<td>b"},
		"columns":        {"Content-Type: text/html\n\n<table><tr>", "<td>a"},
		"formatting":     {"Content-Type: text/html\n\n", "<a><b><i></p>"},
		"lists":          {"Content-Type: text/html\n\n", "<ul><li>x"},
		"entities":       {"Content-Type: text/html\n\n", "&amp;&notit;&"},
		"comments":       {"Content-Type: text/html\n\n", "<!--"},
		"dashes":         {"Content-Type: multipart/mixed; boundary=\"-\"\n\n", "---\n"},
		"empty boundary": {"Content-Type: multipart/mixed; boundary=\"\"\n\n", "--\n"},
		"utf-7":          {"Content-Type: text/plain; charset=utf-7\n\n", "+AGE-"},
	} {
		best := 100.0
		const most = 12 // 16 would be the square; long texts are matched by a slower engine of package regexp
		message := func(n int) string { return m[0] + strings.Repeat(m[1], n/len(m[1])) }
		n := 1 << 12 // where it takes long enough to be measured
		for n < 1<<16 && cost(message(n)) < 2e-3 {
			n *= 2
		}
		for try := 0; try < 15 && best > most; try++ {
			best = min(best, cost(message(4*n))/cost(message(n)))
		}
		if best > most {
			t.Errorf("%s: four times the length costs %.1f times as much", name, best)
		}
		if os.Getenv("COSTS") != "" {
			t.Logf("%s: %.1f ms for 16 KiB", name, 1e3*cost(message(1<<14)))
		}
	}
}

// TestCostOfNesting checks the same for multiparts inside multiparts.
func TestCostOfNesting(t *testing.T) {
	nested := func(levels int) string {
		var b strings.Builder
		for i := range levels {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\nX: %s\n\n--b%d\n", i, strings.Repeat("x", 300), i)
		}
		return b.String()
	}
	best := 100.0
	const most = 10 // 16 would be the square
	for try := 0; try < 10 && best > most; try++ {
		best = min(best, cost(nested(400))/cost(nested(100)))
	}
	if best > most {
		t.Errorf("four times the length costs %.1f times as much", best)
	}
}

// cost returns the least time of three, in seconds, and at least half a millisecond.
func cost(s string) float64 {
	least := time.Hour
	for range 3 {
		began := time.Now()
		Open([]byte(s))
		least = min(least, time.Since(began))
	}
	return max(least.Seconds(), 5e-4)
}

func FuzzOpen(f *testing.F) {
	f.Add(crlf(signUp))
	f.Add([]byte("Content-Type: text/html\n\n<a href=https://x.test>code 123456</a>"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=\"\"\n\n--\n\n----\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l := Open(raw)
		texts := append([]string{l.Subject, l.Text, l.HTML, l.MessageID}, append(l.Links, l.Codes...)...)
		for _, p := range l.Attachments {
			texts = append(texts, p.ID, p.Name, p.Type, p.ContentID)
			if p.Size != len(p.Content) {
				t.Errorf("part %s has %d bytes, not %d", p.ID, len(p.Content), p.Size)
			}
		}
		for _, s := range texts {
			if !utf8.ValidString(s) {
				t.Errorf("%q isn't UTF-8", s)
			}
		}
	})
}
