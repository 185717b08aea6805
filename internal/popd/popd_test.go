package popd

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/textproto"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/pop3"
)

const timeout = 2 * time.Minute // a test that passes never waits that long

// peer is the connection of a client that may log in with the password "secret". attempt is the last login, without its
// proof.
type peer struct {
	store    store.Store
	needsTLS bool
	attempt  *identity.Attempt
	user     string
	sasl     bool   // no USER and PASS
	stamp    string // for APOP
}

func newPeer(store store.Store) *peer { return &peer{store: store, attempt: &identity.Attempt{}} }

func (p *peer) NeedsTLS() bool           { return p.needsTLS }
func (p *peer) Mechanisms() []string     { return []string{"PLAIN", "LOGIN"} }
func (p *peer) NeedsSASL() bool          { return p.sasl }
func (p *peer) Stamp() string            { return p.stamp }
func (p *peer) SawInbox()                {}
func (p *peer) Open() (string, error)    { return p.store.OpenAccount(p.Context(), p.user) }
func (p *peer) Context() context.Context { return context.Background() }

func (p *peer) Authenticate(name string) (sasl.Server, error) {
	m, ok := identity.Find(identity.Mechanisms(), name)
	if !ok || !slices.Contains(p.Mechanisms(), m.Name) {
		return nil, identity.ErrMechanism
	}
	return m.Server(identity.Exchange{Decide: p.Login}), nil
}

func (p *peer) Login(a identity.Attempt) error {
	a.Proof = nil
	*p.attempt = a
	switch a.Credential {
	case "secret":
		p.user = a.User
		return nil
	case "later":
		return &identity.Refusal{Replies: map[string]string{"pop3": "-ERR [SYS/TEMP] Try again later"}}
	case "plain":
		return &identity.Refusal{Replies: map[string]string{"pop3": "-ERR Logon failure: unknown user name or bad password."}}
	case "nothing":
		return &identity.Refusal{Replies: map[string]string{"pop3": "+OK come in"}}
	}
	return &identity.Refusal{Replies: map[string]string{"pop3": "-ERR [AUTH] Authentication failed"}}
}

// is reports whether the last attempt was this one.
func is(a *identity.Attempt, mechanism, user, credential string) bool {
	return a.Mechanism == mechanism && a.User == user && a.Credential == credential
}

func deliver(t *testing.T, s store.Store, to, raw string) store.UID {
	t.Helper()
	in := store.Incoming{Content: store.Bytes(raw), Received: time.Unix(1700000000, 0)}
	d, err := s.Deliver(t.Context(), []string{to}, in)
	if err != nil {
		t.Fatal(err)
	}
	return d[0].UID
}

// inbox is a user's INBOX.
type inbox struct {
	t     *testing.T
	store store.Store
	store.Mailbox
}

func inboxOf(t *testing.T, s store.Store, name string) inbox {
	t.Helper()
	box, err := s.Mailbox(t.Context(), name, "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	return inbox{t, s, box}
}

func (b inbox) entries() []store.Entry {
	b.t.Helper()
	list, err := b.store.Entries(b.t.Context(), b.ID, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func (b inbox) expunge(uids ...store.UID) {
	b.t.Helper()
	if _, err := b.store.Expunge(b.t.Context(), b.ID, uids); err != nil {
		b.t.Fatal(err)
	}
}

// rig serves connections like p, one after the other, on a free port.
func rig(t *testing.T, p *peer, greeting string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := New(Config{Session: p, Store: p.store, Greeting: greeting}).Server()
	served := make(chan struct{})
	go func() { defer close(served); server.Serve(l) }()
	t.Cleanup(func() { server.Close(); <-served })
	return l.Addr().String()
}

type client struct {
	t    *testing.T
	conn net.Conn
	*textproto.Conn
}

func dial(t *testing.T, addr string) *client {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(timeout))
	c := &client{t, conn, textproto.NewConn(conn)}
	t.Cleanup(func() { c.Close() })
	c.expect("+OK")
	return c
}

func (c *client) expect(prefix string) string {
	c.t.Helper()
	line, err := c.ReadLine()
	if err != nil || !strings.HasPrefix(line, prefix) {
		c.t.Fatalf("got %q, %v; want %q", line, err, prefix)
	}
	return line
}

func (c *client) cmd(line, prefix string) string {
	c.t.Helper()
	if err := c.PrintfLine("%s", line); err != nil {
		c.t.Fatal(err)
	}
	return c.expect(prefix)
}

func (c *client) list(line string) []string {
	c.t.Helper()
	c.cmd(line, "+OK")
	lines, err := c.ReadDotLines()
	if err != nil {
		c.t.Fatal(err)
	}
	return lines
}

func (c *client) login(user string) {
	c.t.Helper()
	c.cmd("USER "+user, "+OK")
	c.cmd("PASS secret", "+OK")
}

func TestMaildropIsInboxAtLogin(t *testing.T) {
	t.Parallel()
	store := memory.New(memory.Options{})
	deliver(t, store, "u", "Subject: one\r\n\r\n1\r\n")
	gone := deliver(t, store, "u", "Subject: gone\r\n\r\n2\r\n")
	deliver(t, store, "u", "Subject: three\r\n\r\nno end")
	box := inboxOf(t, store, "u")
	validity := box.UIDValidity
	box.expunge(gone)

	addr := rig(t, newPeer(store), "")
	c := dial(t, addr)
	c.login("u@EXAMPLE.test")
	deliver(t, store, "u", "Subject: late\r\n\r\n4\r\n")
	c.cmd("STAT", "+OK 2 45")
	want := fmt.Sprintf("1 %d-1|2 %d-3", validity, validity)
	if got := strings.Join(c.list("UIDL"), "|"); got != want {
		t.Errorf("UIDL %s, want %s", got, want)
	}
	if got := strings.Join(c.list("LIST"), "|"); got != "1 19|2 26" {
		t.Errorf("LIST %s", got)
	}
	if got := strings.Join(c.list("RETR 2"), "|"); got != "Subject: three||no end" {
		t.Errorf("RETR %s", got)
	}
	for _, e := range box.entries() {
		if len(e.Flags) > 0 {
			t.Errorf("flags after RETR: %v", e.Flags)
		}
	}
	c.cmd("DELE 1", "+OK")
	if n := len(box.entries()); n != 3 {
		t.Errorf("%d messages before QUIT, want 3", n)
	}
	// Another session expunges both. The snapshot stays, and QUIT succeeds.
	box.expunge(1, 3)
	c.list("RETR 2")
	c.cmd("QUIT", "+OK")

	c = dial(t, addr)
	c.login("u")
	c.cmd("UIDL 1", fmt.Sprintf("+OK 1 %d-4", validity))
	c.cmd("DELE 1", "+OK")
	c.cmd("QUIT", "+OK")
	if n := len(box.entries()); n != 0 {
		t.Errorf("%d messages after QUIT, want 0", n)
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	store := memory.New(memory.Options{})
	deliver(t, store, "u", "Subject: one\r\n\r\n1\r\n")
	addr := rig(t, newPeer(store), "")
	first, second := dial(t, addr), dial(t, addr)
	first.login("u")
	for range 2 {
		second.cmd("USER u", "+OK")
		second.cmd("PASS secret", "-ERR [IN-USE] Mailbox locked by another session")
		second.cmd("AUTH PLAIN AHUAc2VjcmV0", "-ERR [IN-USE] ")
	}
	other := dial(t, addr)
	other.login("v") // another maildrop
	first.cmd("DELE 1", "+OK")
	first.conn.Close()
	for end := time.Now().Add(timeout); ; time.Sleep(time.Millisecond) {
		lease, err := store.LockMaildrop(t.Context(), "u")
		if err == nil {
			lease.Release(t.Context())
			break
		}
		if time.Now().After(end) {
			t.Fatal("a dropped connection keeps its lock")
		}
	}
	second.login("u")
	second.cmd("STAT", "+OK 1 ")
	second.cmd("QUIT", "+OK")
}

func TestLogin(t *testing.T) {
	t.Parallel()
	p := newPeer(memory.New(memory.Options{}))
	addr := rig(t, p, "mailrig")
	c := dial(t, addr)
	for password, want := range map[string]string{
		"x":       "-ERR [AUTH] Authentication failed",
		"later":   "-ERR [SYS/TEMP] Try again later",
		"plain":   "-ERR Logon failure: unknown user name or bad password.",
		"nothing": "-ERR [AUTH] Authentication failed",
	} {
		c.cmd("USER u", "+OK")
		if got := c.cmd("PASS "+password, ""); got != want {
			t.Errorf("password %s: %q, want %q", password, got, want)
		}
	}
	c.cmd("AUTH CRAM-MD5", "-ERR")
	c.cmd("AUTH PLAIN AHUAeA==", "-ERR [AUTH]")
	c.cmd("AUTH LOGIN", "+ ")
	c.cmd("dQ==", "+ ")
	c.cmd("bGF0ZXI=", "-ERR [SYS/TEMP] Try again later")
	if !is(p.attempt, "LOGIN", "u", "later") {
		t.Errorf("attempt %+v", *p.attempt)
	}
	c.cmd("AUTH PLAIN", "+")
	c.cmd("AHUAc2VjcmV0", "+OK")
	if !is(p.attempt, "PLAIN", "u", "secret") {
		t.Errorf("attempt %+v", *p.attempt)
	}
	c.cmd("STAT", "+OK 0 0")
	c.cmd("QUIT", "+OK")
	c = dial(t, addr)
	c.login("u")
	if !is(p.attempt, "USER", "u", "secret") {
		t.Errorf("attempt %+v", *p.attempt)
	}
}

func TestLoginNeedsTLSOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	for _, needsTLS := range []bool{false, true} {
		p := newPeer(memory.New(memory.Options{}))
		p.needsTLS = needsTLS
		addr := rig(t, p, "")
		c := dial(t, addr)
		capa := strings.Join(c.list("CAPA"), "|")
		if got := strings.Contains(capa, "|USER|SASL PLAIN LOGIN"); got == needsTLS || strings.Contains(capa, "STLS") {
			t.Errorf("needs TLS %v: CAPA %s", needsTLS, capa)
		}
		if !needsTLS {
			c.login("u")
			continue
		}
		c.cmd("USER u", "-ERR [AUTH]")
		c.cmd("AUTH PLAIN AHUAc2VjcmV0", "-ERR [AUTH]")
		if !is(p.attempt, "", "", "") {
			t.Errorf("the session was asked: %+v", *p.attempt)
		}
	}
}

func TestLogoutReleasesOnlyOnce(t *testing.T) {
	t.Parallel()
	store := memory.New(memory.Options{})
	made, err := New(Config{Session: newPeer(store), Store: store}).NewSession(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Login("u", "secret"); err != nil {
		t.Fatal(err)
	}
	made.Logout()
	other, _ := New(Config{Session: newPeer(store), Store: store}).NewSession(nil)
	if err := other.Login("u", "secret"); err != nil {
		t.Fatal(err)
	}
	made.Logout() // must not release the other session's lock
	if err := made.Login("u", "secret"); err != pop3.ErrInUse {
		t.Errorf("second login: %v", err)
	}
	other.Logout()
}

func TestPython(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("python3"); err != nil {
		t.Skipf("python3 isn't installed: %v", err)
	}
	store := memory.New(memory.Options{})
	deliver(t, store, "u", "Subject: one\r\n\r\n.\r\n..\r\n\x00\xff\r\n")
	deliver(t, store, "u", "Subject: two\r\n\r\n"+strings.Repeat(strings.Repeat("x", 500)+"\r\n", 1000))
	addr := rig(t, newPeer(store), "")
	host, port, _ := net.SplitHostPort(addr)
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "python3", "-c", `
import poplib, sys
p = poplib.POP3(sys.argv[1], int(sys.argv[2]), timeout=10)
p.user("u"); p.pass_("secret")
n, size = p.stat()
assert n == 2, n
got = [p.retr(i) for i in (1, 2)]
assert got[0][1] == [b"Subject: one", b"", b".", b"..", b"\x00\xff"], got[0]
assert sum(g[2] for g in got) == size, (size, [g[2] for g in got])
assert [int(l.split()[1]) for l in p.list()[1]] == [g[2] for g in got]
assert len(set(p.uidl()[1])) == 2
assert len(p.top(2, 3)[1]) == 5
p.dele(1)
p.quit()
`, host, port)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if left := inboxOf(t, store, "u").entries(); len(left) != 1 || left[0].UID != 2 {
		t.Errorf("left: %v", left)
	}
}
