package e2e

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestRecordedDebian compares Debian's Dovecot and Postfix with what check --save makes of them, as a client sees them:
// greetings, capabilities before and after TLS and login, mechanisms, words, folders.
func TestRecordedDebian(t *testing.T) {
	t.Parallel()
	long(t)
	d := startDebian(t)
	const password = "secret"
	for _, folder := range []string{"Sent", "Rechnungen", "Rechnungen/2026"} {
		at := dialog(t, d.address(993), 993)
		at.say("a LOGIN alice@example.test "+password, "a ")
		at.say("a CREATE "+strings.ReplaceAll(folder, "/", "."), "a ")
		at.close()
	}
	file := filepath.Join(t.TempDir(), "debian.yaml")
	d.check(t, password, nil, "--ca", d.ca, "--user", "alice@example.test", "--save", file).want(0)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, private := range []string{password, "alice", "127.0.0.1", "AGFsaWNl"} {
		if strings.Contains(string(text), private) {
			t.Errorf("the file has %q in it:\n%s", private, text)
		}
	}
	r := start(t, "--scenario", file)
	for door, script := range recordedDialogues(password) {
		server, rig := d.address(door), net.JoinHostPort("127.0.0.1", r.port(door))
		want, got := played(t, server, door, script), played(t, rig, door, script)
		if !slices.Equal(want, got) {
			t.Errorf("door %d: the server said\n%s\nthe recorded scenario\n%s\nof\n%s", door, strings.Join(want, "\n"), strings.Join(got, "\n"), text)
		}
	}
}

// step is a line that a client says, and how the last line of the answer begins. An empty answer begins TLS.
type step struct{ say, until string }

// recordedDialogues are what is compared at each door.
func recordedDialogues(password string) map[int][]step {
	plain := base64.StdEncoding.EncodeToString([]byte("\x00alice@example.test\x00" + password))
	imap := func(more ...step) []step {
		return append(more, step{"a CAPABILITY", "a "}, step{"a AUTHENTICATE PLAIN", "+"}, step{plain, "a "}, step{"a CAPABILITY", "a "},
			step{`a LIST "" *`, "a "}, step{"a NOOP", "a "}, step{"a LOGOUT", "a "})
	}
	pop3 := func(more ...step) []step {
		return append(more, step{"CAPA", "."}, step{"AUTH PLAIN", "+"}, step{plain, "+OK"}, step{"CAPA", "."}, step{"NOOP", "+OK"}, step{"QUIT", "+OK"})
	}
	smtp := func(more ...step) []step {
		return append(more, step{"EHLO client.example.test", "250 "}, step{"AUTH PLAIN " + plain, "235 "}, step{"NOOP", "250 "}, step{"RSET", "250 "}, step{"QUIT", "221 "})
	}
	return map[int][]step{
		993: imap(), 143: imap(step{"a CAPABILITY", "a "}, step{"a STARTTLS", "a "}, step{}),
		995: pop3(), 110: pop3(step{"CAPA", "."}, step{"STLS", "+OK"}, step{}),
		465: smtp(), 587: smtp(step{"EHLO client.example.test", "250 "}, step{"STARTTLS", "220 "}, step{}),
		25: {{"EHLO client.example.test", "250 "}, {"STARTTLS", "220 "}, {}, {"EHLO client.example.test", "250 "}, {"QUIT", "221 "}},
	}
}

// comparing is a client that reads line by line.
type comparing struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func dialog(t *testing.T, address string, door int) *comparing {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := &comparing{t: t, conn: conn}
	if c.in = bufio.NewReader(conn); door == 993 || door == 995 || door == 465 {
		c.tls()
	}
	return c
}

func (c *comparing) tls() {
	c.conn = tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true}) // who it is doesn't matter here
	c.in = bufio.NewReader(c.conn)
}

func (c *comparing) close() { _ = c.conn.Close() }

// until reads up to the line that begins so.
func (c *comparing) until(prefix string) (lines []string) {
	c.t.Helper()
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			c.t.Fatalf("waiting for %q after %q: %v", prefix, lines, err)
		}
		lines = append(lines, strings.TrimRight(line, "\r\n"))
		if strings.HasPrefix(line, prefix) {
			return lines
		}
	}
}

func (c *comparing) say(line, until string) []string {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(line + "\r\n")); err != nil {
		c.t.Fatal(err)
	}
	return c.until(until)
}

var quotedName = regexp.MustCompile(` "([A-Za-z0-9.]+)"$`)

// played returns what a server says, without what differs from one connection to the next, or is no text: the first
// line of EHLO's reply, times, quotes around names, marks of folders that aren't special uses, lists that nobody asked for.
func played(t *testing.T, address string, door int, script []step) (said []string) {
	t.Helper()
	c := dialog(t, address, door)
	defer c.close()
	said = c.until("")
	for _, s := range script {
		if s.say == "" {
			c.tls()
			continue
		}
		lines := c.say(s.say, s.until)
		if strings.HasPrefix(s.say, "EHLO") {
			lines = lines[1:]
		}
		switch {
		case strings.HasPrefix(s.say, "a LIST"):
			for i := range lines {
				lines[i] = quotedName.ReplaceAllString(lines[i], " $1")
			}
			slices.Sort(lines)
		case s.until == "a " && !strings.HasPrefix(s.say, "a "): // a login may bring a list unasked
			lines = lines[len(lines)-1:]
		}
		said = append(said, lines...)
	}
	for i, line := range said {
		line = regexp.MustCompile(`\([0-9.]+ \+ [^)]*\)`).ReplaceAllString(line, "(times)")
		said[i] = regexp.MustCompile(`\\(HasNoChildren|HasChildren|UnMarked|Marked) ?`).ReplaceAllString(line, "")
	}
	return said
}
