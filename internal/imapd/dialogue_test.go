package imapd

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/kept"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/store/shared"
	"github.com/mailrig/mailrig/internal/testkit/dialogue"
	"github.com/mailrig/mailrig/internal/testkit/pgserver"
)

// TestDialogues plays testdata/*.txt against the real engine; package dialogue explains the notation. These files also
// use:
//
//	deliver: "message"       a message (a Go string) for user@example.test
//	naming: / prefix         the delimiter ("NIL" for none) and the prefix of mailbox names
//	meanwhile: expunge 2     what another session does at the next command; "deliver 1"; "mute" for every IDLE; "renumber 10"
func TestDialogues(t *testing.T) {
	t.Parallel()
	dialogue.Each(t, "testdata/*.txt", func(t *testing.T, file string) { playDialogue(t, file, newStore()) })
}

// TestKeptDialogues plays the same dialogues against the store in a directory.
func TestKeptDialogues(t *testing.T) {
	t.Parallel()
	dialogue.Each(t, "testdata/*.txt", func(t *testing.T, file string) {
		st, err := kept.Open(t.TempDir(), kept.Options{Now: func() time.Time { return testTime }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
		playDialogue(t, file, st)
	})
}

// TestSharedDialogues plays the same dialogues against the store in a database.
func TestSharedDialogues(t *testing.T) {
	t.Parallel()
	var server pgserver.Server
	t.Cleanup(server.Stop)
	dialogue.Each(t, "testdata/*.txt", func(t *testing.T, file string) {
		db, err := postgres.Open(t.Context(), server.Database(t), postgres.Options{})
		if err != nil {
			t.Fatal(err)
		}
		st, err := shared.Open(t.Context(), db, shared.Options{Now: func() time.Time { return testTime }})
		if err != nil {
			t.Fatal(errors.Join(err, db.Close()))
		}
		t.Cleanup(func() {
			if err := errors.Join(st.Close(), db.Close()); err != nil {
				t.Error(err)
			}
		})
		playDialogue(t, file, st)
	})
}

func playDialogue(t *testing.T, file string, store store.Store) {
	scene := newScene()
	p := &dialogue.Player{T: t}
	p.Dial = func(string) net.Conn {
		client, server := dialogue.NewPipe()
		t.Cleanup(func() { client.Close() })
		go New(testConfig(store, scene)).Serve(server)
		return client
	}
	set := func(l *dialogue.Line) { scene.set(t, l.Text) }
	p.Words = map[string]func(*dialogue.Line){
		"deliver:": func(l *dialogue.Line) {
			text, err := strconv.Unquote(l.Text)
			if err != nil {
				t.Fatalf("%s: %v", l.Where(), err)
			}
			deliver(t, store, text)
		},
		"naming:": set, "meanwhile:": set,
	}
	p.Play(file)
}

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newStore() store.Store {
	return memory.New(memory.Options{Now: func() time.Time { return testTime }})
}

// peer is one client's connection in a scene.
type peer struct {
	*scene
	store store.Store
	user  string
}

func (c *peer) Context() context.Context { return context.Background() }
func (c *peer) NeedsTLS() bool           { return c.needsTLS }
func (c *peer) Preauth() bool            { return false }
func (c *peer) Mechanisms() []string     { return []string{"PLAIN", "LOGIN"} }
func (c *peer) NeedsSASL() bool          { return false }
func (c *peer) Folders() []store.Folder  { return nil }
func (c *peer) Gone([]byte) bool         { return c.gone.Load() }
func (c *peer) Logout()                  { c.user = "" }
func (c *peer) Limits() (int64, int)     { return c.maxBytes, 0 }

func (c *peer) Stored(string, []store.Place, []byte) {}

func (c *peer) SawNames()             {}
func (c *peer) SawInbox()             {}
func (c *peer) Open() (string, error) { return c.store.OpenAccount(c.Context(), c.user) }

func (c *peer) Authenticate(name string) (sasl.Server, error) {
	m, ok := identity.Find(identity.Mechanisms(), name)
	if !ok || !slices.Contains(c.Mechanisms(), m.Name) {
		return nil, identity.ErrMechanism
	}
	return m.Server(identity.Exchange{Decide: c.Login}), nil
}

func (c *peer) Login(a identity.Attempt) error {
	switch a.Credential {
	case "wrong":
		return &identity.Refusal{Reason: protocol.WrongPassword}
	case "bad":
		return &identity.Refusal{Replies: map[string]string{"imap": "BAD Not today"}}
	case "bye":
		return &identity.Refusal{Replies: map[string]string{"imap": "BYE [UNAVAILABLE] Going down"}}
	}
	c.user = a.User
	return nil
}

// start serves the scene on a loopback listener and returns its address.
func start(t testing.TB, store store.Store, scene *scene) string {
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

// testConfig returns the configuration of one connection.
func testConfig(store store.Store, scene *scene) Config {
	return Config{Store: store, Session: &peer{scene: scene, store: store}, now: func() time.Time { return testTime }}
}

// scene is what a scenario would want.
type scene struct {
	needsTLS bool
	gone     atomic.Bool // the client has left
	maxBytes int64

	mu      sync.Mutex
	form    Naming
	expunge []uint32
	deliver int
	higher  uint32
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
	case what == "renumber" && err == nil:
		s.higher = uint32(n)
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

func (s *scene) Renumber() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.higher
}

func (s *scene) MuteIdle() (mute bool, next time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mute, 0
}
