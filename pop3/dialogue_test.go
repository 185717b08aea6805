package pop3

import (
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/testkit/dialogue"
)

// testBackend has one maildrop. The user's name decides what a login does.
type testBackend struct {
	mu       sync.Mutex
	mail     []string
	locked   bool
	sessions int
	logouts  int
	noSASL   bool
	refuse   error // from NewSession
}

func newTestBackend() *testBackend {
	return &testBackend{mail: []string{
		"Subject: one\r\n\r\nfirst\r\n.\r\n..two dots\r\nlast\r\n",
		"Subject: bare\n\nfirst\n.\n.x\nno end",
		"",
		".\r\n",
		"Subject: five\r\n\r\n1\r\n2\r\n3\r\n",
	}}
}

func (b *testBackend) NewSession(*Conn) (Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return nil, b.refuse
	}
	b.sessions++
	s := &testSession{b: b}
	if b.noSASL {
		return struct{ Session }{s}, nil
	}
	return s, nil
}

func (b *testBackend) state() (mail []string, locked bool, open int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mail), b.locked, b.sessions - b.logouts
}

type testSession struct {
	b      *testBackend
	user   string
	locked bool
}

func (s *testSession) Login(user, password string) error {
	switch {
	case user == "panic":
		panic("login panics")
	case user == "broken":
		return errors.New("the secret cause")
	case user == "perm":
		return &Error{Code: "SYS/PERM", Text: "POP is\r\nswitched off"}
	case password != "pass word":
		return ErrAuthFailed
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.b.locked {
		return ErrInUse
	}
	s.b.locked, s.locked = true, true
	s.user = user
	return nil
}

func (s *testSession) Messages() ([]Message, error) {
	if s.user == "nolist" {
		return nil, &Error{Code: "SYS/TEMP", Text: "Maildrop can't be read"}
	}
	var list []Message
	for i, m := range s.b.mail {
		list = append(list, Message{Size: WireSize([]byte(m)), UID: "7-" + strconv.Itoa(i+1)})
	}
	return list, nil
}

func (s *testSession) Open(n int) (io.ReadCloser, error) {
	switch {
	case s.user == "openfails" && n == 1:
		return nil, errors.New("disk on fire")
	case s.user == "readfails":
		return io.NopCloser(io.MultiReader(strings.NewReader("Subject: a\r\n\r\nb"), failingReader{})), nil
	case s.user == "readpanics":
		return io.NopCloser(io.MultiReader(strings.NewReader("Subject: a\r\n\r\nb"), panickingReader{})), nil
	case s.user == "slow":
		return io.NopCloser(oneByteReader{strings.NewReader(s.b.mail[n-1])}), nil
	}
	return io.NopCloser(strings.NewReader(s.b.mail[n-1])), nil
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("bad sector") }

type panickingReader struct{}

func (panickingReader) Read([]byte) (int, error) { panic("reader panics") }

type oneByteReader struct{ r io.Reader }

func (o oneByteReader) Read(p []byte) (int, error) { return o.r.Read(p[:1]) }

func (s *testSession) Delete(n int) error {
	if s.user == "readonly" {
		return &Error{Code: "SYS/PERM", Text: "Maildrop is read-only"}
	}
	return nil
}

func (s *testSession) Update(deleted []int) error {
	if s.user == "updatefails" {
		return &Error{Code: "SYS/TEMP", Text: "Some deleted messages not removed"}
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	for _, n := range slices.Backward(deleted) {
		s.b.mail = slices.Delete(s.b.mail, n-1, n)
	}
	return nil
}

func (s *testSession) Logout() {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.logouts++
	if s.locked {
		s.b.locked = false
	}
	if s.user == "logoutpanics" {
		panic("logout panics")
	}
}

func (s *testSession) AuthMechanisms() []string { return []string{"PLAIN", "X-FINAL"} }

func (s *testSession) Auth(mech string) (sasl.Server, error) {
	switch mech {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, password string) error { return s.Login(user, password) }), nil
	case "X-FINAL":
		return &finalServer{login: s.Login}, nil
	case "X-GONE":
		return nil, &Error{Code: "SYS/PERM", Text: "Mechanism is switched off"}
	}
	return nil, errors.New("no such mechanism")
}

// finalServer logs in with the client's first response and then still has something to say, as SCRAM does.
type finalServer struct{ login func(u, p string) error }

func (f *finalServer) Next(response []byte) ([]byte, bool, error) {
	if response == nil {
		return []byte("who?"), false, nil
	}
	return []byte("v=final"), true, f.login(string(response), "pass word")
}

// TestDialogues plays testdata/*.txt; package dialogue explains the notation. These files also use:
//
//	option: NAME        the server or its backend differs; see setOption
//	left: N             N messages are in the maildrop when the session is over
func TestDialogues(t *testing.T) {
	t.Parallel()
	dialogue.Each(t, "testdata/*.txt", func(t *testing.T, file string) {
		b := newTestBackend()
		s := &Server{Backend: b, AllowInsecureAuth: true}
		served, counted := make(chan struct{}), false
		p := &dialogue.Player{T: t}
		p.Dial = func(string) net.Conn {
			client, server := dialogue.NewPipe()
			go func() { defer close(served); s.ServeConn(server) }()
			return client
		}
		p.Words = map[string]func(*dialogue.Line){
			"option:": func(l *dialogue.Line) { setOption(t, l, s, b) },
			"left:": func(l *dialogue.Line) {
				<-served // after CLOSED
				counted = true
				mail, locked, open := b.state()
				if locked || open != 0 {
					t.Errorf("after the end: locked %v, %d sessions open", locked, open)
				}
				if strconv.Itoa(len(mail)) != l.Text {
					t.Errorf("%s: %d messages are left, want %s", l.Where(), len(mail), l.Text)
				}
			},
		}
		p.Play(file)
		if !counted {
			t.Errorf("%s doesn't end with left: N", file)
		}
	})
}

func setOption(t *testing.T, l *dialogue.Line, s *Server, b *testBackend) {
	switch l.Text {
	case "clear":
		s.AllowInsecureAuth = false
	case "nosasl":
		b.noSASL = true
	case "bare-lf":
		s.StuffBareLF = true
	case "greeting":
		s.Greeting = "mailrig here"
	case "short-lines":
		s.MaxLineLength = 20
	case "refuse":
		b.refuse = &Error{Code: "SYS/TEMP", Text: "Come back later"}
	case "fail":
		b.refuse = errors.New("the secret cause")
	default:
		t.Fatalf("%s: no option %q", l.Where(), l.Text)
	}
}
