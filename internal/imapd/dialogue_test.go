package imapd

import (
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/login"
	"github.com/mailrig/mailrig/internal/mailbox"
	"github.com/mailrig/mailrig/internal/testkit/dialogue"
)

// TestDialogues plays testdata/*.txt (see the package dialogue) against the real
// engine. The words of these files are:
//
//	deliver: "message"       a message (a Go string) for user@example.test
//	naming: / prefix         the delimiter ("NIL" for none) and the prefix of mailbox names
//	meanwhile: expunge 2     what another session does at the next command; "deliver 1"; "mute" for all IDLEs
func TestDialogues(t *testing.T) {
	t.Parallel()
	dialogue.Each(t, "testdata/*.txt", func(t *testing.T, file string) {
		store, scene := newStore(), &scene{form: plain}
		cfg := testConfig(store)
		cfg.Naming, cfg.Meanwhile, cfg.MuteIdle = scene.naming, scene.meanwhile, scene.muteIdle
		p := &dialogue.Player{T: t}
		p.Dial = func(string) net.Conn {
			client, server := dialogue.NewPipe()
			t.Cleanup(func() { client.Close() })
			go Serve(server, cfg)
			return client
		}
		set := func(l *dialogue.Line) { scene.set(t, l.Text) }
		p.Words = map[string]func(*dialogue.Line){
			"deliver:": func(l *dialogue.Line) {
				text, err := strconv.Unquote(l.Text)
				if err != nil {
					t.Fatalf("%s: %v", l.Where(), err)
				}
				if _, err := store.Deliver("user@example.test", mailbox.NewMessage([]byte(text), testTime, mailbox.Envelope{})); err != nil {
					t.Fatalf("%s: %v", l.Where(), err)
				}
			},
			"naming:": set, "meanwhile:": set,
		}
		p.Play(file)
	})
}

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newStore() *mailbox.Store {
	return mailbox.New(mailbox.Options{Now: func() time.Time { return testTime }})
}

func testLogin(a login.Attempt) *login.Refusal {
	switch a.Password {
	case "wrong":
		r := login.WrongPassword
		return &r
	case "bad":
		return &login.Refusal{IMAP: "BAD Not today"}
	case "bye":
		return &login.Refusal{IMAP: "BYE [UNAVAILABLE] Going down"}
	}
	return nil
}

// start serves cfg on a loopback listener and returns its address.
func start(t testing.TB, cfg Config) string {
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
			Serve(c, cfg)
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

func testConfig(store *mailbox.Store) Config {
	return Config{Store: store, Login: testLogin, InsecureAuth: true, MaxMessageBytes: 10000,
		now: func() time.Time { return testTime }}
}

// scene is what a scenario would want.
type scene struct {
	mu      sync.Mutex
	form    Naming
	expunge []uint32
	deliver int
	mute    bool
}

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

func (s *scene) naming() Naming {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.form
}

func (s *scene) meanwhile() (expunge []uint32, deliver int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	expunge, deliver = s.expunge, s.deliver
	s.expunge, s.deliver = nil, 0
	return expunge, deliver
}

func (s *scene) muteIdle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mute
}
