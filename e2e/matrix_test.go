package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/mailrig/mailrig/internal/testkit/mailclient"
)

// TestMatrix is the main test. What is sent at each SMTP door comes back from each IMAP and POP3 door, byte for byte,
// with three unrelated families of clients.
func TestMatrix(t *testing.T) {
	t.Parallel()
	type client struct {
		name    string
		longest int // longest line that it can send and read
		send    func(t *testing.T, r *rig, w way, to string, message []byte)
		imap    func(t *testing.T, r *rig, w way, user string) []byte
		pop     func(t *testing.T, r *rig, w way, user string) []byte
	}
	clients := []client{
		{"curl", 60_000, curlSends, curlFetches, curlFetchesPOP},
		{"python", 998, pythonSends, pythonFetches, pythonFetchesPOP}, // poplib rejects lines longer than 2,048 octets
		{"go", 100_000, goSends, goFetches, talkFetchesPOP},
	}
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.name != "go" {
				need(t, map[string]string{"curl": "curl", "python": "python3"}[c.name])
			}
			r := start(t)
			r.blameless(t)
			for i, w := range sendWays {
				t.Run(w.String(), func(t *testing.T) {
					r := r.in(t)
					to := fmt.Sprintf("matrix-%d@example.test", i)
					message := nasty(w.String(), c.longest)
					c.send(t, r, w, to, message)
					for _, in := range imapWays {
						same(t, c.imap(t, r, in, to), message)
					}
					for _, in := range popWays {
						same(t, c.pop(t, r, in, to), message)
					}
				})
			}
		})
	}
}

// in returns the same rig, reporting failures to a subtest.
func (r *rig) in(t testing.TB) *rig {
	c := *r
	c.t = t
	return &c
}

func curlSends(t *testing.T, r *rig, w way, to string, message []byte) {
	r.curlSend(w, "bob@example.test", to, write(t, t.TempDir(), "message", message)).want(0).silent()
}

func curlFetches(_ *testing.T, r *rig, w way, user string) []byte {
	return []byte(r.curlIMAP(w, user, "/INBOX;UID=1").want(0).out)
}

func curlFetchesPOP(_ *testing.T, r *rig, w way, user string) []byte {
	return []byte(r.curlIMAP(w, user, "/1").want(0).out)
}

// python runs one of the scripts in testdata/python.
func (r *rig) python(script string, stdin []byte, args ...string) result {
	r.t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "python", script))
	if err != nil {
		r.t.Fatal(err)
	}
	return r.runIn(invocation{program: "python3", args: append([]string{path}, args...), stdin: stdin})
}

// answer is the line of JSON that the Python and Node scripts print.
type answer struct {
	OK    bool
	Error string
	Code  int
	Text  string
}

func (res result) answer() answer {
	res.t.Helper()
	var a answer
	if err := json.Unmarshal([]byte(res.out), &a); err != nil {
		res.t.Fatalf("%s\nstdout:\n%s\nstderr:\n%s", res.line, clip(res.out), clip(res.err))
	}
	return a
}

func pythonSends(_ *testing.T, r *rig, w way, to string, message []byte) {
	r.python("smtp.py", message, r.port(w.door), w.mode, r.CAFile, r.loginFor(w), "secret", "bob@example.test", to).want(0)
}

// loginFor returns the user to log in as. It returns "" if the door accepts mail from anybody.
func (r *rig) loginFor(w way) string {
	if w.login() {
		return r.User
	}
	return ""
}

func pythonFetches(t *testing.T, r *rig, w way, user string) []byte {
	return pythonReads(t, r, "imap.py", w, user)
}

func pythonFetchesPOP(t *testing.T, r *rig, w way, user string) []byte {
	return pythonReads(t, r, "pop3.py", w, user)
}

func pythonReads(t *testing.T, r *rig, script string, w way, user string) []byte {
	file := filepath.Join(t.TempDir(), "message")
	r.python(script, nil, r.port(w.door), w.mode, r.CAFile, user, "secret", "fetch", file).want(0)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// account returns a user of the way, for a client in Go.
func (r *rig) account(w way, user string) mailclient.Account {
	return mailclient.Account{User: user, Password: "secret", Security: w.mode, TLS: r.tlsConfig()}
}

// connect connects to the way's door.
func (r *rig) connect(t testing.TB, w way) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", r.door(w.door).Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func goSends(t *testing.T, r *rig, w way, to string, message []byte) {
	t.Helper()
	if err := r.account(w, r.loginFor(w)).Send(r.connect(t, w), "bob@example.test", to, message); err != nil {
		t.Fatal(err)
	}
}

// smtpClient returns net/smtp at a door, inside TLS if the way says so.
func (r *rig) smtpClient(t testing.TB, w way) *smtp.Client {
	t.Helper()
	c, err := r.account(w, "").SMTP(r.connect(t, w))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// imapClient returns emersion's client at a door, logged in.
func (r *rig) imapClient(t testing.TB, w way, user string, options *imapclient.Options) *imapclient.Client {
	t.Helper()
	c, err := r.tryIMAP(w, user, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func (r *rig) tryIMAP(w way, user string, options *imapclient.Options) (*imapclient.Client, error) {
	conn, err := net.Dial("tcp", r.door(w.door).Address)
	if err != nil {
		return nil, err
	}
	return r.account(w, user).IMAP(conn, options)
}

func goFetches(t *testing.T, r *rig, w way, user string) []byte {
	message, _, err := r.account(w, user).Fetch(r.connect(t, w))
	if err != nil {
		t.Fatal(err)
	}
	return message
}

// talkFetchesPOP speaks POP3 by hand, because Go has no well-known client.
func talkFetchesPOP(t *testing.T, r *rig, w way, user string) []byte {
	k := r.popTalk(t, w)
	k.say("USER "+user, "+OK")
	k.say("PASS secret", "+OK")
	k.say("RETR 1", "+OK")
	var b strings.Builder
	for line := ""; ; {
		part, err := k.r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line += part; !strings.HasSuffix(line, "\r\n") {
			continue // a bare LF is part of a line, not its end (RFC 1939 section 3)
		}
		if line == ".\r\n" {
			break
		}
		b.WriteString(strings.TrimPrefix(line, "."))
		line = ""
	}
	k.say("QUIT", "+OK")
	if rest, err := io.ReadAll(k.r); len(rest) > 0 {
		t.Fatalf("after QUIT: %q %v", rest, err)
	}
	return []byte(b.String())
}

func (r *rig) popTalk(t testing.TB, w way) *talk {
	t.Helper()
	if w.mode == "tls" {
		k := r.dialTLS(t, w.door)
		k.expect("+OK")
		return k
	}
	k := r.dial(t, w.door)
	k.expect("+OK")
	if w.mode == "starttls" {
		k.say("STLS", "+OK")
		k = newTalk(t, handshake(t, k.Conn, r.tlsConfig()))
	}
	return k
}
