package message

import (
	"reflect"
	"strings"
	"testing"
)

const good = "From: a@example.test\r\nTo: b@example.test\r\nSubject: x\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-ID:\r\n <1@example.test>\r\n"

func TestExamine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, raw string
		want      *Form
	}{
		{"as it should be", good + "\r\nhi\r\n", nil},
		{"without a body", good, nil},
		{"a date with a comment, and an old zone", strings.Replace(good, "+0000", "GMT (Greenwich)", 1) + "\r\n", nil},
		{"without a weekday or seconds", strings.Replace(good, "Tue, 24 Nov 2026 10:00:00", "24 Nov 2026 10:00", 1) + "\r\n", nil},
		{"nothing but text", "hi\r\n", &Form{Missing: []string{"From", "Date", "Message-ID"}}},
		{"no Date", strings.Replace(good, "Date:", "X-Date:", 1) + "\r\nDate: in the body\r\n", &Form{Missing: []string{"Date"}}},
		{"two of From and To", good + "FROM: b@example.test\r\nTo: c@example.test\r\nto: d@example.test\r\n\r\nhi\r\n", &Form{Repeated: []string{"From", "To"}}},
		{"two of Received", "Received: x\r\nReceived: y\r\n" + good + "\r\n", nil},
		{"Bcc", good + "Bcc: c@example.test,\r\n d@example.test\r\n\r\n", &Form{Bcc: "c@example.test, d@example.test"}},
		{"an empty Bcc", good + "Bcc:\r\n\r\n", nil},
		{"a date of another form", strings.Replace(good, "Tue, 24 Nov 2026 10:00:00 +0000", "2026-11-24 10:00:00", 1) + "\r\n", &Form{Date: "2026-11-24 10:00:00"}},
		{"a date without a zone", strings.Replace(good, " +0000", "", 1) + "\r\n", &Form{Date: "Tue, 24 Nov 2026 10:00:00"}},
		{"bytes above 127", good + "X: M\xc3\xbcller\r\n\r\n", &Form{EightBit: true}},
		{"bytes above 127 in the body", good + "\r\nM\xfcller\r\n", nil},
		{"a multipart that ends", good + "Content-Type: multipart/mixed;\r\n\tboundary=\"a b\"\r\n\r\n--a b\r\n\r\nx\r\n--a b--\r\n", nil},
		{"one without a line end behind it", good + "Content-Type: Multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--", nil},
		{"one that doesn't end", good + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx --b--\r\n--bb--\r\n", &Form{Boundary: "b"}},
		{"one without a boundary", good + "Content-Type: multipart/mixed\r\n\r\nx\r\n", nil},
		{"a large header", strings.Repeat("X: "+strings.Repeat("x", 900)+"\r\n", 100) + good + "\r\n", nil},
	} {
		id, got := Examine([]byte(c.raw))
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
		if want := "<1@example.test>"; id != want && c.name != "nothing but text" && c.name != "a large header" {
			t.Errorf("%s: Message-ID %q", c.name, id)
		}
	}
}

func BenchmarkExamine(b *testing.B) {
	raw := []byte(good + "Content-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\n\r\n" + strings.Repeat("text\r\n", 10000))
	b.ReportAllocs()
	for b.Loop() {
		Examine(raw)
	}
}

func BenchmarkExamineMultipart(b *testing.B) {
	raw := []byte(good + "Content-Type: multipart/mixed; boundary=b\r\nMIME-Version: 1.0\r\n\r\n--b\r\n" + strings.Repeat("text\r\n", 100000) + "--b--\r\n")
	b.ReportAllocs()
	for b.Loop() {
		Examine(raw)
	}
}

func BenchmarkValue(b *testing.B) {
	raw := []byte(good + "Content-Type: text/plain; charset=utf-8\r\nMIME-Version: 1.0\r\n\r\n" + strings.Repeat("text\r\n", 10000))
	b.ReportAllocs()
	for b.Loop() {
		Value(raw[:min(len(raw), maxHeader)], "Message-ID")
	}
}
