package server_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// TestRecordedSession lets a client meet a server, and then the scenario that its session was recorded as: the client must see
// the same.
func TestRecordedSession(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	again := start(t, server.Config{})
	for _, name := range []string{
		"outlook", "fastmail", "icloud", // greetings, lists, folders
		"imap-dot-delimiter", "imap-inbox-prefix", "imap-no-move", "pop3-no-top", "smtp-no-8bitmime",
		"auth-only-scram", "starttls-not-offered", "starttls-refused", "starttls-stripped", // ways to log in
		"smtp-sender-not-owned", "smtp-recipient-forwarded", "smtp-one-recipient-refused", "smtp-spam-refused", "smtp-attachment-refused", // decisions
		"auth-blocked-after-failures", "imap-unavailable", "starttls-says-goodbye", "greylisting",
	} {
		for _, door := range []int{587, 993, 110} {
			if _, err := s.Use(load(t, name)...); err != nil {
				t.Fatal(err)
			}
			want, client := look(t, s, door)
			if client == "" { // the door is closed
				continue
			}
			text := recordedAs(t, s, client)
			if strings.Contains(text, "alice") {
				t.Errorf("%s, door %d: the user is in\n%s", name, door, text)
			}
			played, err := scenarios.Parse("played.yaml", []byte(text))
			if err != nil {
				t.Fatalf("%s, door %d: %v\n%s", name, door, err, text)
			}
			if _, err := again.Use(played); err != nil {
				t.Fatal(err)
			}
			if got, _ := look(t, again, door); !slices.Equal(got, want) {
				t.Errorf("%s, door %d: the server said\n\t%s\nthe recorded scenario\n\t%s\nof\n%s", name, door, strings.Join(want, "\n\t"), strings.Join(got, "\n\t"), text)
			}
		}
	}
}

// recordedAs returns the scenario of a client's session, once that has ended.
func recordedAs(t *testing.T, s *server.Server, client string) string {
	t.Helper()
	id := ""
	until(t, "the session of "+client, func() bool {
		for _, x := range s.Sessions() {
			if x.Client == client && !x.End.IsZero() {
				id = x.ID
			}
		}
		return id != ""
	})
	res, err := http.Get(s.HTTPURL() + "/api/v1/sessions/" + id + "/scenario?name=played")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "application/yaml" {
		t.Fatalf("%v %s %s", err, res.Status, text)
	}
	return string(text)
}

// looking is what a client says that looks around; TLS begins TLS if the server has agreed.
var looking = map[int][]string{
	587: {"", "EHLO client.example.test", "STARTTLS", "TLS", "EHLO client.example.test", "AUTH PLAIN " + plainSecret, "MAIL FROM:<alice@example.test>",
		"RCPT TO:<bob@example.test>", "RCPT TO:<carol@example.test>", "DATA", "Subject: x\r\n\r\nx\r\n.", "NOOP", "RSET", "QUIT"},
	993: {"", "a CAPABILITY", "a AUTHENTICATE PLAIN", plainSecret, "a CAPABILITY", `a LIST "" *`, "a SELECT INBOX", "a CLOSE", "a NOOP", "a LOGOUT"},
	110: {"", "CAPA", "STLS", "TLS", "CAPA", "USER alice", "PASS secret", "CAPA", "NOOP", "QUIT"},
}

var plainSecret = base64.StdEncoding.EncodeToString([]byte("\x00alice@example.test\x00secret"))

// changing is what differs between two servers, or isn't recorded: numbers, addresses, whether a folder has children.
var changing = regexp.MustCompile(`\d+\.\d+\.\d+\.\d+|UIDVALIDITY \d+|<[^>]*@[^>]*>|^(\* |\+OK )\d+ .*|with \d+ .*|has \d+ .*|\\(HasNoChildren|HasChildren|Noselect) ?`)

// look is a client that looks around at a door. It returns what the server says, and the client's address; "" if the door is
// closed.
func look(t *testing.T, s *server.Server, door int) (said []string, client string) {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr(t, s, door), hang)
	if err != nil {
		return nil, ""
	}
	defer func() { conn.Close() }()
	conn.SetDeadline(time.Now().Add(hang))
	client = conn.LocalAddr().String()
	if door == 993 {
		conn = tls.Client(conn, s.ClientTLS())
	}
	in := bufio.NewReader(conn)
	for _, line := range looking[door] {
		if line == "TLS" {
			if last := said[len(said)-1]; strings.HasPrefix(last, "220") || strings.HasPrefix(last, "+OK") {
				conn = tls.Client(conn, s.ClientTLS())
				in = bufio.NewReader(conn)
			}
			continue
		}
		if line != "" {
			if _, err := io.WriteString(conn, line+"\r\n"); err != nil {
				return append(said, "(closed)"), client
			}
		}
		var lines []string
		for last := ""; !final(door, line, last); {
			if last, err = in.ReadString('\n'); err != nil {
				return append(append(said, lines...), "(closed)"), client
			}
			last = strings.TrimRight(last, "\r\n")
			lines = append(lines, changing.ReplaceAllString(last, "$1…"))
		}
		if strings.HasPrefix(line, "EHLO") {
			lines = lines[1:]
		}
		if strings.HasPrefix(line, "a LIST") {
			slices.Sort(lines)
		}
		said = append(said, lines...)
	}
	return said, client
}

// final reports whether a line ends the reply to what the client has said.
func final(door int, said, line string) bool {
	switch {
	case line == "":
		return false
	case door == 587:
		return len(line) < 4 || line[3] == ' '
	case door == 993:
		return said == "" || strings.HasPrefix(line, "a ") || strings.HasPrefix(line, "+") || strings.HasPrefix(line, "* BAD")
	}
	return said != "CAPA" || line == "." || strings.HasPrefix(line, "-ERR")
}
