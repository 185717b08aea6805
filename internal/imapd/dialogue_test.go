package imapd

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/mailbox"
)

var update = flag.Bool("update", false, "rewrite the server's lines in testdata")

// TestDialogues runs testdata/*.txt against the real engine. A line begins with
//
//	#   a comment
//	M:  a message (Go string) delivered to user@example.test before the dialogue
//	C:  the client sends this line; the answer is read up to its tagged line, or "+"
//	L:  the client sends this (Go string) as literal and ends the command
//	W:  so many lines are awaited without sending anything
//	S:  the server says this; -update writes these lines anew
//	N:  the delimiter ("NIL" for none) and the prefix of mailbox names
//	X:  what another session does at the next command: "expunge 2", "deliver 1"; "mute" for all IDLEs
//
// C2:, L2:, W2: and S2: are a second connection. "<LF>" ends a line without CR.
func TestDialogues(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no dialogues", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := play(t, string(want))
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != string(want) {
				t.Errorf("%s: first difference\n%s", file, firstDifference(got, string(want)))
			}
		})
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			old := "(end)"
			if i < len(w) {
				old = w[i]
			}
			return fmt.Sprintf("line %d\ngot  %s\nwant %s\nall of it:\n%s", i+1, g[i], old, got)
		}
	}
	return "missing: " + strings.Join(w[len(g):], "\n")
}

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newStore() *mailbox.Store {
	return mailbox.New(mailbox.Options{Now: func() time.Time { return testTime }})
}

// peer is one client's connection, to whom a scene happens.
type peer struct {
	*scene
	store *mailbox.Store
	user  string
}

func (c *peer) Context() context.Context  { return context.Background() }
func (c *peer) NeedsTLS() bool            { return c.needsTLS }
func (c *peer) Preauth() bool             { return false }
func (c *peer) Mechanisms() []string      { return []string{"PLAIN", "LOGIN"} }
func (c *peer) Folders() []mailbox.Folder { return nil }
func (c *peer) Logout()                   { c.user = "" }
func (c *peer) Limits() (int64, int)      { return c.maxBytes, 0 }

func (c *peer) Stored(string, []string, []byte) {}

func (c *peer) Open() (*mailbox.Account, error) { return c.store.Account(c.user), nil }

func (c *peer) Authenticate(name string) (sasl.Server, error) {
	m, ok := identity.Find(identity.Mechanisms(), name)
	if !ok || m.OnRequest {
		return nil, identity.ErrMechanism
	}
	return m.Server(identity.Exchange{Decide: c.Login}), nil
}

func (c *peer) Login(a identity.Attempt) error {
	switch a.Credential {
	case "wrong":
		r := identity.WrongPassword
		return &r
	case "bad":
		return &identity.Refusal{IMAP: "BAD Not today"}
	case "bye":
		return &identity.Refusal{IMAP: "BYE [UNAVAILABLE] Going down"}
	}
	c.user = a.User
	return nil
}

// start serves the scene on a loopback listener and returns its address.
func start(t testing.TB, store *mailbox.Store, scene *scene) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var conns []net.Conn
	go func() {
		defer close(done)
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns = append(conns, c)
			New(testConfig(store, scene)).Serve(c)
		}
	}()
	t.Cleanup(func() {
		ln.Close()
		<-done
		for _, c := range conns {
			c.Close()
		}
	})
	return ln.Addr().String()
}

// testConfig is of one connection.
func testConfig(store *mailbox.Store, scene *scene) Config {
	return Config{Session: &peer{scene: scene, store: store}, now: func() time.Time { return testTime }}
}

// client is one connection of a dialogue.
type client struct {
	t    testing.TB
	mark string // "", "2"
	conn net.Conn
	r    *bufio.Reader
	tag  string
	out  *strings.Builder
}

func dial(t testing.TB, addr, mark string, out *strings.Builder) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &client{t: t, mark: mark, conn: conn, r: bufio.NewReader(conn), out: out}
	c.line()
	return c
}

func (c *client) send(s string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(s + "\r\n")); err != nil {
		c.t.Fatal(err)
	}
}

// line reads one line and writes it down; ok is false at the end of the connection.
func (c *client) line() (string, bool) {
	c.t.Helper()
	c.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	s, err := c.r.ReadString('\n')
	if err != nil {
		if e, ok := err.(net.Error); ok && e.Timeout() {
			c.t.Fatalf("nothing more came; so far:\n%s", c.out)
		}
		fmt.Fprintf(c.out, "S%s: (closed)\n", c.mark)
		return "", false
	}
	shown, crlf := strings.CutSuffix(s, "\r\n")
	if !crlf {
		shown = strings.TrimSuffix(s, "\n") + "<LF>"
	}
	shown = strings.ReplaceAll(shown, "\x00", "<NUL>")
	fmt.Fprintf(c.out, "S%s: %s\n", c.mark, shown)
	return s, true
}

// answer reads up to the tagged line or a continuation request.
func (c *client) answer() {
	c.t.Helper()
	for {
		s, ok := c.line()
		if !ok || strings.HasPrefix(s, c.tag+" ") || strings.HasPrefix(s, "+ ") {
			return
		}
	}
}

func play(t *testing.T, script string) string {
	store := newStore()
	scene := newScene()
	addr := start(t, store, scene)
	var out strings.Builder
	clients := make(map[string]*client)
	for line := range strings.Lines(script) {
		line = strings.TrimSuffix(line, "\n")
		kind, rest, _ := strings.Cut(line, ": ")
		if kind == "" || kind[0] == 'S' && len(kind) < 3 {
			if kind == "" {
				out.WriteString("\n")
			}
			continue
		}
		out.WriteString(line + "\n")
		if kind[0] == '#' {
			continue
		}
		if kind == "N" || kind == "X" {
			scene.set(t, rest)
			continue
		}
		if kind == "M" {
			m := mailbox.NewMessage([]byte(unquote(t, rest)), testTime, mailbox.Envelope{})
			if _, err := store.Deliver("user@example.test", m); err != nil {
				t.Fatal(err)
			}
			continue
		}
		c := clients[kind[1:]]
		if c == nil {
			text := out.String()
			out.Reset()
			out.WriteString(strings.TrimSuffix(text, line+"\n"))
			c = dial(t, addr, kind[1:], &out)
			out.WriteString(line + "\n")
			clients[kind[1:]] = c
		}
		switch kind[0] {
		case 'C':
			if tag, _, ok := strings.Cut(rest, " "); ok && rest != "DONE" {
				c.tag = tag
			}
			c.send(rest)
			if !strings.HasSuffix(rest, "+}") {
				c.answer()
			}
		case 'L':
			c.send(unquote(t, rest))
			c.answer()
		case 'W':
			n, err := strconv.Atoi(rest)
			if err != nil {
				t.Fatal(err)
			}
			for range n {
				c.line()
			}
		default:
			t.Fatalf("what is %q?", line)
		}
	}
	return out.String()
}

func unquote(t *testing.T, s string) string {
	t.Helper()
	u, err := strconv.Unquote(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return u
}

func newReader(conn net.Conn) *bufio.Reader { return bufio.NewReader(conn) }

// scene is what a scenario would want.
type scene struct {
	needsTLS bool
	maxBytes int64

	mu      sync.Mutex
	form    Naming
	expunge []uint32
	deliver int
	mute    bool
}

func newScene() *scene { return &scene{form: plain, maxBytes: 10000} }

func (s *scene) set(t *testing.T, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what, arg, _ := strings.Cut(text, " ")
	n, err := strconv.Atoi(arg)
	switch {
	case what == "expunge" && err == nil:
		s.expunge = append(s.expunge, uint32(n))
	case what == "deliver" && err == nil:
		s.deliver = n
	case what == "mute":
		s.mute = true
	case what == "NIL":
		s.form = Naming{}
	case len(what) == 1:
		s.form = Naming{what[0], arg}
	default:
		t.Fatalf("what is %q?", text)
	}
}

func (s *scene) Naming() (delimiter byte, prefix string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.form.Delimiter, s.form.Prefix
}

func (s *scene) Meanwhile() (expunge []uint32, deliver int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	expunge, deliver = s.expunge, s.deliver
	s.expunge, s.deliver = nil, 0
	return expunge, deliver
}

func (s *scene) MuteIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mute
}
