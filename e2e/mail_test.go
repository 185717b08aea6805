package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// crlf turns the lines of a Go literal into wire lines.
func crlf(s string) []byte {
	return []byte(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\n", "\r\n"))
}

// simple returns an ordinary message.
func simple(from, to, subject string) []byte {
	return crlf(fmt.Sprintf(`From: %s
To: %s
Subject: %s
Date: Mon, 05 Jan 2026 10:00:00 +0000
Message-ID: <%s@example.test>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Hello, this is %s.
`, from, to, subject, strings.ReplaceAll(subject, " ", "-"), subject))
}

// nasty returns a message that shows whether anybody rewrites it. It has no MIME although it has 8-bit bytes that
// aren't even UTF-8, dots at line starts, lines longer than SMTP allows (longest, in octets), empty lines, blanks at
// line ends, and headers that are oddly spelt, strangely folded, and duplicated.
func nasty(subject string, longest int) []byte {
	return []byte("Subject: " + subject + "\r\n" +
		"fROM:   \"Gr\xfc\xdfe\"   <bob@example.test>\r\n" +
		"To: undisclosed-recipients:;\r\n" +
		"X-Folded: one\r\n\t \r\n two\t\r\n" +
		"X-Twice: 1\r\nX-Twice:2\r\n" +
		"X-Empty:\r\n" +
		"Content-Length: 3\r\n" +
		"\r\n" +
		".\r\n..\r\n...three\r\n.dot\r\n. \r\n" +
		"From the start of a line\r\n>From quoted\r\n" +
		"\r\n\r\n\r\n" +
		"8-bit: \xe4\xf6\xfc \xc3\xa4 \xff\xfe\x80\r\n" +
		"controls: \x01\x02\x07\x1b[31m\x7f \t\r\n" +
		strings.Repeat("x", longest) + "\r\n" +
		strings.Repeat(".", longest) + "\r\n" +
		"--boundary that isn't one\r\n" +
		"* 1 FETCH (FLAGS ())\r\na1 OK not a reply\r\n+OK neither\r\n354 nor this\r\n{12}\r\n)\r\n" +
		"trailing blanks   \r\n" +
		"\r\n" +
		".\r\n")
}

// received matches the trace header fields of a fetched message: one Return-Path and one Received, either of which may
// be folded. What follows must be the message as it was sent.
var received = regexp.MustCompile(`\AReturn-Path: <[^\r\n]*>\r\nReceived: from [^\r\n]*\r\n(?:[\t ][^\r\n]*\r\n)*`)

// same checks that, after the trace header fields, what came back is what was sent, byte for byte.
func same(t testing.TB, got, sent []byte) {
	t.Helper()
	head := received.Find(got)
	if head == nil {
		t.Fatalf("the message doesn't begin with Return-Path and Received:\n%q", clip(string(got)))
	}
	diff(t, got[len(head):], sent)
}

// diff shows where two messages differ.
func diff(t testing.TB, got, want []byte) {
	t.Helper()
	if string(got) == string(want) {
		return
	}
	n := 0
	for n < len(got) && n < len(want) && got[n] == want[n] {
		n++
	}
	from := max(0, n-60)
	t.Fatalf("the message differs at byte %d of %d (it came back with %d bytes)\nsent: %q\ngot:  %q",
		n, len(want), len(got), want[from:min(len(want), n+60)], got[from:min(len(got), n+60)])
}
