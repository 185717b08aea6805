package session_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/imapd"
	"github.com/mailrig/mailrig/internal/popd"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/session"
	"github.com/mailrig/mailrig/internal/smtpd"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/testkit/dialogue"
)

// accounts is an authority that can be out of order.
type accounts struct {
	*identity.Accounts
	down atomic.Bool
}

var errDown = errors.New("the replica with the secrets doesn't answer")

func (a *accounts) Password(ctx context.Context, user, password string) (bool, error) {
	if a.down.Load() {
		return false, errDown
	}
	return a.Accounts.Password(ctx, user, password)
}

func (a *accounts) Secret(ctx context.Context, user string) ([]byte, bool, error) {
	if a.down.Load() {
		return nil, false, errDown
	}
	return a.Accounts.Secret(ctx, user)
}

// shared returns a server with the user of RFC 2195 and its mechanism.
func shared(a identity.Authority) *session.Shared {
	offer, err := identity.ParseOffer([]string{"plain", "CRAM-MD5"}, identity.Places{}, true)
	if _, secrets := a.(*accounts); !secrets {
		offer, err = nil, nil
	}
	if err != nil {
		panic(err)
	}
	return &session.Shared{
		Store: memory.New(memory.Options{}), Authority: a, Offer: offer, Mechanisms: append([]identity.Mechanism{cramMD5}, identity.Mechanisms()...),
		MaxMessageBytes: 1 << 20, Journal: event.NewRing(event.Options{Keep: 10}), Tags: session.NewTags(),
		Logger: slog.New(slog.DiscardHandler),
	}
}

func tim() *accounts {
	a := &accounts{Accounts: identity.NewAccounts(strings.ToLower)}
	a.Add("tim", "tanstaaftanstaaf")
	return a
}

func newSession(t *testing.T, sh *session.Shared, protocol door.Protocol, conn net.Conn) *session.Session {
	for _, d := range door.All() {
		if d.Protocol == protocol {
			return session.New(t.Context(), sh, d, conn, nil)
		}
	}
	t.Fatalf("no door of %s", protocol)
	return nil
}

// TestDialogues plays testdata/*.txt against the engines; package dialogue explains the notation. These files also use:
//
//	protocol: imap      what new connections speak from here on
//	authority: down     the authority fails from here on; "up" repairs it
//	recorded: text      the last login of the last session
func TestDialogues(t *testing.T) {
	t.Parallel()
	dialogue.Each(t, "testdata/*.txt", func(t *testing.T, file string) {
		a := tim()
		sh := shared(a)
		var protocol door.Protocol
		var last *session.Session
		p := &dialogue.Player{T: t}
		p.Dial = func(string) net.Conn {
			client, server := dialogue.NewPipe()
			t.Cleanup(func() { client.Close() })
			last = newSession(t, sh, protocol, server)
			switch protocol {
			case door.SMTP:
				go smtpd.Serve(server, smtpd.Config{Session: last, Store: sh.Store, Domain: "mail.example.test"})
			case door.IMAP:
				go imapd.New(imapd.Config{Session: last, Store: sh.Store}).Serve(server)
			case door.POP3:
				go popd.New(popd.Config{Session: last, Store: sh.Store}).Server().ServeConn(server)
			}
			return client
		}
		p.Words = map[string]func(*dialogue.Line){
			"protocol:":  func(l *dialogue.Line) { protocol = door.Protocol(l.Text) },
			"authority:": func(l *dialogue.Line) { a.down.Store(l.Text == "down") },
			"recorded:": func(l *dialogue.Line) {
				logins := last.Recorder().Record().Logins
				if len(logins) == 0 {
					t.Fatalf("%s: no login is recorded", l.Where())
				}
				r := logins[len(logins)-1]
				if got := fmt.Sprintf("%s %s ok=%v tagged=%v", r.Mechanism, r.User, r.OK, r.Password != ""); got != l.Text {
					t.Errorf("%s: recorded %s", l.Where(), got)
				}
			},
		}
		p.Play(file)
	})
}

// TestWhatIsOffered checks that a session advertises and serves what its server offers, and nothing else.
func TestWhatIsOffered(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		authority identity.Authority
		want      []string
	}{{identity.Anyone{}, []string{"PLAIN", "LOGIN"}}, {tim(), []string{"CRAM-MD5", "PLAIN", "LOGIN"}}} {
		_, conn := net.Pipe()
		s := newSession(t, shared(tt.authority), door.IMAP, conn)
		if got := s.Mechanisms(); !slices.Equal(got, tt.want) {
			t.Errorf("%T: %v", tt.authority, got)
		}
		for _, name := range []string{"CRAM-MD5", "XOAUTH2", "GSSAPI"} {
			if _, err := s.Authenticate(name); (err == nil) != slices.Contains(tt.want, name) || err != nil && err != identity.ErrMechanism {
				t.Errorf("%T: %s: %v", tt.authority, name, err)
			}
		}
	}
}

// patient is an authority that answers only after the connection has ended.
type patient struct {
	identity.Anyone
	asked chan struct{}
}

func (p patient) Password(ctx context.Context, _, _ string) (bool, error) {
	close(p.asked)
	<-ctx.Done()
	return false, ctx.Err()
}

// TestCloseEndsALogin checks that nobody waits for an authority once the connection is over.
func TestCloseEndsALogin(t *testing.T) {
	t.Parallel()
	_, conn := net.Pipe()
	p := patient{asked: make(chan struct{})}
	s := newSession(t, shared(p), door.POP3, conn)
	go func() {
		<-p.asked
		s.Close()
	}()
	no := (*identity.Refusal)(nil)
	if err := s.Login(identity.UserCommand.Attempt("u", "p")); !errors.As(err, &no) || no.Reason != protocol.TemporaryFailure || s.User() != "" {
		t.Errorf("%v, user %q", err, s.User())
	}
}

// TestPhaseForgetsTheUser checks that a login in clear doesn't count after STARTTLS.
func TestPhaseForgetsTheUser(t *testing.T) {
	t.Parallel()
	_, conn := net.Pipe()
	s := newSession(t, shared(identity.Anyone{}), door.SMTP, conn)
	if err := s.Login(identity.LoginCommand.Attempt("u", "p")); err != nil || s.User() != "u" {
		t.Fatalf("%v, user %q", err, s.User())
	}
	s.Begin(secure{})
	if s.User() != "" || !s.Secure() {
		t.Errorf("user %q, secure %v", s.User(), s.Secure())
	}
}

type secure struct{ session.Phase }

func (secure) Secure() bool { return true }

// TestPasswordEncoding checks that a password in another encoding than UTF-8 is recorded as one.
func TestPasswordEncoding(t *testing.T) {
	t.Parallel()
	for password, want := range map[string]bool{"secret": false, "gr\xc3\xbcn": false, "gr\xfcn": true} {
		_, conn := net.Pipe()
		s := newSession(t, shared(identity.Anyone{}), door.IMAP, conn)
		server, err := s.Authenticate("PLAIN")
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := server.Next([]byte("\x00tim\x00" + password)); err != nil {
			t.Fatal(err)
		}
		if logins := s.Recorder().Record().Logins; len(logins) != 1 || logins[0].NotUTF8 != want {
			t.Errorf("%q: %+v", password, logins)
		}
	}
}
