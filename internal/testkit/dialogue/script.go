// Package dialogue plays conversations between a mail client and a server. A file says what the client sends and what
// the server must answer. A test supplies the connections, and words of its own for what else happens in between.
//
// One line of a file is one event:
//
//	# text      a comment
//	C: text     the client sends the line and CRLF
//	C+ text     the same, in one segment with what the client sent before it
//	C- bytes    the client sends these bytes and nothing more; Go's escapes (\r\n, \x00) are understood
//	S: text     the server's next line, which ends in CRLF; "…" at its end matches anything
//	S- bytes    a line from the server that ends differently or has control characters, with Go's escapes
//	CLOSED      the server closes the connection without another word; then the client does
//	LEAVE       the client closes its side and goes on listening
//	word args   anything else is a word of the test's own (see Player.Words)
//
// C2: and S2:, LEAVE2 and so on belong to a second connection, which is opened when its name first occurs. Up to 9 are
// possible. Lines are in the order of the network: the answers to commands in one segment follow all of these commands.
//
// "go test -update" rewrites the server's lines. If a server speaks without being asked (an untagged line during IDLE),
// nobody can know when it has finished. The player waits for as many such lines as the file has.
package dialogue

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Line is one line of a file.
type Line struct {
	Word string // "C:", "S-", "CLOSED", or whatever else is before the first space
	Conn string // "", or the digit of another connection
	Text string // what follows; for C and S, the bytes

	file string
	n    int
	raw  string
}

// Where returns the file and line, for messages.
func (l *Line) Where() string { return fmt.Sprintf("%s:%d", l.file, l.n) }

// speaker returns the 'C' or 'S' of a line in the conversation, and 0 for other lines.
func (l *Line) speaker() byte {
	switch l.Word {
	case "C:", "C+", "C-", "S:", "S-":
		return l.Word[0]
	}
	return 0
}

// matches reports whether a line from the server, with its end, is what l expects.
func (l *Line) matches(got string) bool {
	if prefix, ok := strings.CutSuffix(l.Text, "…\r\n"); ok && l.Word == "S:" {
		return strings.HasPrefix(got, prefix) && strings.HasSuffix(got, "\r\n")
	}
	return got == l.Text
}

var event = regexp.MustCompile(`^(?:([CS])([2-9]?)([:+-])|(CLOSED|LEAVE)([2-9]?))$`)

// read parses a file.
func read(t testing.TB, file string) []*Line {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var lines []*Line
	for raw := range strings.Lines(strings.ReplaceAll(string(data), "\r\n", "\n")) {
		l := &Line{file: file, n: len(lines) + 1, raw: strings.TrimSuffix(raw, "\n")}
		lines = append(lines, l)
		if l.raw == "" || l.raw[0] == '#' {
			continue
		}
		l.Word, l.Text, _ = strings.Cut(l.raw, " ")
		m := event.FindStringSubmatch(l.Word)
		if m == nil {
			continue
		}
		l.Word, l.Conn = m[1]+m[3]+m[4], m[2]+m[5]
		switch l.Word {
		case "C:", "C+", "S:":
			l.Text += "\r\n"
		case "C-", "S-":
			if l.Text, err = unescape(l.Text); err != nil {
				t.Fatalf("%s: %v in %s", l.Where(), err, l.raw)
			}
		}
	}
	return lines
}

// unescape resolves Go's escapes. Quotation marks stand for themselves.
func unescape(s string) (string, error) {
	var b []byte
	for s != "" {
		r, wide, rest, err := strconv.UnquoteChar(s, 0)
		if err != nil {
			return "", err
		}
		if s = rest; wide {
			b = utf8.AppendRune(b, r)
		} else {
			b = append(b, byte(r))
		}
	}
	return string(b), nil
}

// said formats a line from the server as it is in a file.
func said(conn, line string) string {
	text, ended := strings.CutSuffix(line, "\r\n")
	if ended && utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl) {
		return "S" + conn + ": " + text
	}
	quoted := strings.ReplaceAll(strconv.Quote(line), `\"`, `"`)
	return "S" + conn + "- " + quoted[1:len(quoted)-1]
}
