package imapd

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/mailrig/mailrig/internal/store"
)

// hang is how long a test waits for something that should have happened. A test that passes never waits that long.
const hang = 2 * time.Minute

// engine is a client that talks to a server line by line.
type engine struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	n    int
}

// newEngine connects to a server and reads its greeting.
func newEngine(t testing.TB, addr string) *engine {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return greeted(t, conn)
}

func greeted(t testing.TB, conn net.Conn) *engine {
	t.Helper()
	e := &engine{t: t, conn: conn, r: bufio.NewReader(conn)}
	e.line()
	return e
}

func (e *engine) send(s string) {
	e.t.Helper()
	if _, err := io.WriteString(e.conn, s+"\r\n"); err != nil {
		e.t.Fatal(err)
	}
}

// line reads one line. ok is false at the end of the connection.
func (e *engine) line() (s string, ok bool) {
	e.t.Helper()
	e.conn.SetReadDeadline(time.Now().Add(hang))
	s, err := e.r.ReadString('\n')
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		e.t.Fatalf("nothing comes behind %q", s)
	}
	return s, err == nil
}

// do sends a command and returns its untagged lines and the tagged one.
func (e *engine) do(command string) (untagged []string, tagged string) {
	e.t.Helper()
	e.n++
	tag := fmt.Sprintf("t%d", e.n)
	e.send(tag + " " + command)
	for {
		s, ok := e.line()
		if !ok {
			e.t.Fatalf("%s: connection closed", command)
		}
		s = strings.TrimRight(s, "\r\n")
		if rest, ok := strings.CutPrefix(s, tag+" "); ok {
			return untagged, rest
		}
		untagged = append(untagged, s)
		if strings.HasPrefix(s, "+ ") {
			return untagged, ""
		}
	}
}

func deliver(t testing.TB, st store.Store, raw string) {
	t.Helper()
	in := store.Incoming{Content: store.Bytes(raw), Received: testTime}
	if _, err := st.Deliver(context.Background(), []string{"user@example.test"}, in); err != nil {
		t.Fatal(err)
	}
}

func TestLoginIsRefusedInClear(t *testing.T) {
	t.Parallel()
	scene := newScene()
	scene.needsTLS = true
	e := newEngine(t, start(t, newStore(), scene))
	caps, _ := e.do("CAPABILITY")
	if !strings.Contains(caps[0], "LOGINDISABLED") || strings.Contains(caps[0], "AUTH=") {
		t.Error(caps)
	}
	if _, got := e.do("LOGIN user pass"); !strings.HasPrefix(got, "NO [PRIVACYREQUIRED]") {
		t.Error(got)
	}
	e = newEngine(t, start(t, newStore(), newScene()))
	if _, got := e.do("LOGIN user pass"); !strings.HasPrefix(got, "OK") {
		t.Error(got)
	}
}

// TestKnownAndBeside checks that known lists exactly what the engine knows. The gate relies on it.
func TestKnownAndBeside(t *testing.T) {
	t.Parallel()
	addr := start(t, newStore(), newScene())
	b := New(testConfig(newStore(), newScene())).Beside()
	for verb := range known {
		if !b.Knows(strings.ToLower(verb)) {
			t.Errorf("%s in lower case", verb)
		}
		e := newEngine(t, addr)
		e.do("LOGIN user pass")
		_, tagged := e.do(verb + " ")
		if strings.Contains(tagged, "Unknown command") {
			t.Errorf("the engine lacks %s: %s", verb, tagged)
		}
	}
	e := newEngine(t, addr)
	e.do("LOGIN user pass")
	for _, c := range Commands() {
		if b.Knows(c.Name) {
			t.Errorf("%s is known and beside the engine", c.Name)
		}
		if _, tagged := e.do(c.Name + " x"); !strings.HasPrefix(tagged, "BAD Unknown command") {
			t.Errorf("the engine has %s: %s", c.Name, tagged)
		}
	}
	if b.Has("NOOP") || !b.Has("uid sort") || b.Knows("UID SORT") || b.Knows("FOO") {
		t.Error("too much is known")
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b", true}, {"%", "a/b", false}, {"%/%", "a/b", true}, {"a%b", "a/b", false},
		{"a*b", "a/b", true}, {"%", "", true}, {"", "", true}, {"", "a", false}, {"a", "", false},
		{"inbox", "INBOX", true}, {"INBOX/x", "INBOX/x", true}, {"inbox/X", "INBOX/x", false},
		{"inb*", "INBOXES", false}, {"*%*%*%*%*%*%*%*%*%*%*b", strings.Repeat("a", 400), false},
		{"%a*", "xa/b", true}, {"*/", "a/", true},
	} {
		if got := matches(c.pattern, c.name, store.Delimiter); got != c.want {
			t.Errorf("%q %q: %v", c.pattern, c.name, got)
		}
	}
}

// TestBytesAreKept checks that a message comes back byte for byte, and that its sizes agree.
func TestBytesAreKept(t *testing.T) {
	t.Parallel()
	store := newStore()
	scene := newScene()
	scene.maxBytes = 1 << 20
	messages := []string{
		"", "\n", "\r\n\r\n", "no header", "From x Mon\nA: b\n\n.\n..\n", "A: b\r\n\r\n\x00\xff\r",
		"Content-Type: multipart/mixed; boundary=b\n\n--b\n--b\n\nx", strings.Repeat("x", 200000),
	}
	for _, raw := range messages {
		deliver(t, store, raw)
	}
	c := newClient(t, start(t, store, scene))
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	var all imap.SeqSet
	all.AddRange(1, 0)
	got, err := c.Fetch(all, &imap.FetchOptions{RFC822Size: true, BodySection: []*imap.FetchItemBodySection{
		{Peek: true}, {Peek: true, Specifier: imap.PartSpecifierHeader}, {Peek: true, Specifier: imap.PartSpecifierText},
	}}).Collect()
	if err != nil || len(got) != len(messages) {
		t.Fatal(len(got), err)
	}
	for i, m := range got {
		if m.RFC822Size != int64(len(messages[i])) {
			t.Errorf("%d: RFC822.SIZE %d of %d", i, m.RFC822Size, len(messages[i]))
		}
		b := m.BodySection
		if string(b[0].Bytes) != messages[i] || string(b[1].Bytes)+string(b[2].Bytes) != messages[i] {
			t.Errorf("%d: %q, %q + %q", i, b[0].Bytes, b[1].Bytes, b[2].Bytes)
		}
	}
}

func newClient(t *testing.T, addr string) *imapclient.Client {
	t.Helper()
	c, err := imapclient.DialInsecure(addr, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Login("user", "pass").Wait(); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestWithTheLibrarysClient(t *testing.T) {
	t.Parallel()
	store := newStore()
	c := newClient(t, start(t, store, newScene()))
	if _, err := c.Namespace().Wait(); err != nil {
		t.Error(err)
	}
	if err := c.Create("Lists/go", nil).Wait(); err != nil {
		t.Error(err)
	}
	raw := []byte("From: a@b.test\r\nSubject: hi\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n")
	w := c.Append("Lists/go", int64(len(raw)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen}})
	w.Write(raw)
	w.Close()
	if data, err := w.Wait(); err != nil || data.UID != 1 {
		t.Fatal(data, err)
	}
	boxes, err := c.List("", "*", &imap.ListOptions{ReturnStatus: &imap.StatusOptions{NumMessages: true}}).Collect()
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, b := range boxes {
		if b.Mailbox == "Lists/go" {
			found = b.Status != nil && *b.Status.NumMessages == 1
		}
	}
	if !found {
		t.Errorf("LIST-STATUS: %+v", boxes)
	}
	sel, err := c.Select("Lists/go", nil).Wait()
	if err != nil || sel.NumMessages != 1 || sel.UIDNext != 2 {
		t.Fatal(sel, err)
	}
	res, err := c.UIDSearch(&imap.SearchCriteria{Header: []imap.SearchCriteriaHeaderField{{Key: "Subject", Value: "HI"}}}, nil).Wait()
	if err != nil || fmt.Sprint(res.AllUIDs()) != "[1]" {
		t.Error(res, err)
	}
	msgs, err := c.Fetch(imap.UIDSetNum(1), &imap.FetchOptions{
		Envelope: true, Flags: true, InternalDate: true, UID: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true},
	}).Collect()
	if err != nil || len(msgs) != 1 {
		t.Fatal(msgs, err)
	}
	m := msgs[0]
	if m.Envelope.Subject != "hi" || m.Envelope.From[0].Addr() != "a@b.test" || m.BodyStructure.MediaType() != "multipart/mixed" {
		t.Errorf("%+v", m)
	}
	moved, err := c.Move(imap.UIDSetNum(1), "Trash").Wait()
	if err != nil || moved.DestUIDs.(imap.UIDSet).String() != "1" {
		t.Error(moved, err)
	}
	if err := c.UnselectAndExpunge().Wait(); err != nil {
		t.Error(err)
	}
	if err := c.Logout().Wait(); err != nil {
		t.Error(err)
	}
}

// TestAStalledClientStallsNobody checks that a client which stops reading in the middle of a FETCH blocks nobody else.
func TestAStalledClientStallsNobody(t *testing.T) {
	t.Parallel()
	store := newStore()
	deliver(t, store, strings.Repeat("x", 20<<20))
	addr := start(t, store, newScene())
	stalled := newEngine(t, addr)
	stalled.do("LOGIN user pass")
	stalled.do("SELECT INBOX")
	stalled.send("x FETCH 1 BODY[]")
	if s, _ := stalled.line(); !strings.Contains(s, "FETCH") {
		t.Fatal(s)
	}
	other := newEngine(t, addr)
	other.do("LOGIN user pass")
	other.do("SELECT INBOX")
	other.do("STORE 1 +FLAGS (\\Deleted)")
	if got, tagged := other.do("EXPUNGE"); len(got) != 1 || !strings.HasPrefix(tagged, "OK") {
		t.Error(got, tagged)
	}
	deliver(t, store, "new")
}

// TestConnectionBreaksDuringIdle breaks the connection during IDLE. The session must release its view while changes go
// on. The race detector watches.
func TestConnectionBreaksDuringIdle(t *testing.T) {
	t.Parallel()
	store := newStore()
	server, conn := net.Pipe()
	closed := &closeWatch{Conn: server, done: make(chan struct{})}
	New(testConfig(store, newScene())).Serve(closed)
	conn.SetDeadline(time.Now().Add(hang))
	e := greeted(t, conn)
	e.do("LOGIN user pass")
	e.do("SELECT INBOX")
	e.do("IDLE")
	deliver(t, store, "a")
	e.line()
	conn.Close()
	for range 10 {
		deliver(t, store, "b")
	}
	select {
	case <-closed.done:
	case <-time.After(hang):
		t.Fatal("the engine didn't close the connection")
	}
}

type closeWatch struct {
	net.Conn
	once sync.Once
	done chan struct{}
}

func (c *closeWatch) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.Conn.Close()
}

// TestManySessions runs many sessions on one mailbox, for the race detector. In the end all of them agree.
func TestManySessions(t *testing.T) {
	t.Parallel()
	store := newStore()
	for i := range 20 {
		deliver(t, store, fmt.Sprintf("Subject: %d\r\n\r\n", i))
	}
	addr := start(t, store, newScene())
	var wg sync.WaitGroup
	engines := make([]*engine, 6)
	for i := range engines {
		engines[i] = newEngine(t, addr)
		engines[i].do("LOGIN user pass")
		engines[i].do("SELECT INBOX")
	}
	for i, e := range engines {
		wg.Go(func() {
			for j := range 20 {
				for _, command := range []string{
					fmt.Sprintf("UID STORE %d +FLAGS (k%d \\Seen)", j+1, i),
					"UID FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE)",
					"SEARCH TEXT subject",
					fmt.Sprintf("UID COPY %d INBOX", j+1),
					fmt.Sprintf("UID STORE %d +FLAGS.SILENT (\\Deleted)", j+i+1),
					"EXPUNGE", "NOOP",
				} {
					if _, tagged := e.do(command); !strings.HasPrefix(tagged, "OK") {
						t.Errorf("%s: %s", command, tagged)
					}
				}
			}
		})
	}
	wg.Wait()
	var want []string
	for i, e := range engines {
		e.do("NOOP")
		got, _ := e.do("FETCH 1:* (UID FLAGS)")
		for j := range got {
			got[j] = strings.ReplaceAll(got[j], ` \Recent`, "")
			got[j] = strings.ReplaceAll(got[j], `\Recent`, "")
		}
		if i == 0 {
			want = got
		} else if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("session %d sees another mailbox than session 0", i)
		}
	}
}

// TestResetWhileIdle checks that a reset of the store empties what sessions see, and that they can go on.
func TestResetWhileIdle(t *testing.T) {
	t.Parallel()
	store := newStore()
	deliver(t, store, "a")
	e := newEngine(t, start(t, store, newScene()))
	e.do("LOGIN user pass")
	e.do("SELECT INBOX")
	e.do("IDLE")
	if err := store.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s, _ := e.line(); s != "* 1 EXPUNGE\r\n" {
		t.Errorf("pushed %q", s)
	}
	e.send("DONE")
	e.line()
	deliver(t, store, "b")
	if got, tagged := e.do("SELECT INBOX"); !strings.HasPrefix(tagged, "OK") || got[1] != "* 1 EXISTS" {
		t.Error(got, tagged)
	}
}

// TestMessageSets searches for numbers with `*`, beyond the end, and in an empty mailbox.
func TestMessageSets(t *testing.T) {
	t.Parallel()
	store := newStore()
	e := newEngine(t, start(t, store, newScene()))
	e.do("LOGIN user pass")
	e.do("SELECT INBOX")
	if got, tagged := e.do("UID FETCH 1:* FLAGS"); len(got) != 0 || !strings.HasPrefix(tagged, "OK") {
		t.Error("empty mailbox:", got, tagged)
	}
	for range 5 {
		deliver(t, store, "x")
	}
	e.do("NOOP")
	e.do(`STORE 2 +FLAGS.SILENT (\Deleted)`)
	e.do("EXPUNGE") // leaves the UIDs 1 3 4 5
	for set, want := range map[string]string{
		"1:*": "1 3 4 5", "*": "5", "*:2": "3 4 5", "9:*": "5", "2": "", "2:3,1,3:4": "1 3 4", "7:9": "",
	} {
		got, _ := e.do("UID SEARCH UID " + set)
		if s := strings.TrimPrefix(strings.TrimPrefix(got[0], "* SEARCH"), " "); s != want {
			t.Errorf("UID %s: %q, want %q", set, s, want)
		}
		fetched, _ := e.do("UID FETCH " + set + " UID")
		if len(fetched) != len(strings.Fields(want)) {
			t.Errorf("UID FETCH %s: %q", set, fetched)
		}
	}
	for set, want := range map[string]string{"*": "4", "3:9": "3 4", "9": "", "9:*": "4", "*:1": "1 2 3 4"} {
		got, _ := e.do("SEARCH " + set)
		if s := strings.TrimPrefix(strings.TrimPrefix(got[0], "* SEARCH"), " "); s != want {
			t.Errorf("%s: %q, want %q", set, s, want)
		}
	}
}

func BenchmarkFetchFlags(b *testing.B) {
	store := newStore()
	for range 10000 {
		deliver(b, store, "Subject: x\r\n\r\n")
	}
	addr := start(b, store, newScene())
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	wait := func(tag string) {
		for {
			s, err := r.ReadSlice('\n')
			if err != nil {
				b.Fatal(err)
			}
			if bytes.HasPrefix(s, []byte(tag+" ")) {
				return
			}
		}
	}
	io.WriteString(conn, "a LOGIN user pass\r\nb SELECT INBOX\r\n")
	wait("b")
	for b.Loop() {
		io.WriteString(conn, "c FETCH 1:* (UID FLAGS)\r\n")
		wait("c")
	}
}
