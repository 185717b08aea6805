// Package mailtest runs a mailrig inside a Go test, as net/http/httptest runs a web server:
//
//	func TestSend(t *testing.T) {
//		rig := mailtest.Start(t, mailtest.Scenario("greylisting"))
//		err := send(rig.Addr(587), rig.TLS(), rig.User, rig.Password)
//		…
//		if got := rig.Messages("bob@example.test"); len(got) != 1 {
//			t.Errorf("%d messages", len(got))
//		}
//	}
//
// Start opens all eight doors on free loopback ports. The rig ends with the test. If the test fails, its log says what
// is wrong with what the client did, and shows what client and server said.
//
// A message has Text, HTML, Links and Codes (one-time codes), decoded:
//
//	code := rig.WaitMessage(5*time.Second, mailtest.To("bob@example.test")).Codes()[0]
//
// What a client must or must not do is a finding (docs/findings.md lists them):
//
//	rig.Require("mail-sent", "retried-after-temporary-failure")
//	rig.Forbid("password-sent-in-clear")
package mailtest

import (
	"bytes"
	"context"
	"crypto/tls"
	"net/mail"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// Option changes how a rig runs.
type Option func(testing.TB, *server.Config)

// Scenario activates scenarios, by name or by the path of a YAML file. An unknown name ends the test.
func Scenario(names ...string) Option {
	return func(t testing.TB, c *server.Config) {
		t.Helper()
		c.Scenarios = append(c.Scenarios, load(t, names)...)
	}
}

// User allows only the given users to log in. The first one becomes Rig.User.
func User(name, password string) Option {
	return func(_ testing.TB, c *server.Config) {
		c.Users = append(c.Users, server.User{Name: name, Password: password})
	}
}

// Seed loads messages from DIR/user@domain/FOLDER/*.eml before the rig starts. Each keeps its bytes, unless none of its
// lines ends in CRLF: then all of them get it.
func Seed(dir string) Option {
	return func(_ testing.TB, c *server.Config) { c.SeedDir = dir }
}

// Hostname adds a name to the server's certificate, besides localhost, 127.0.0.1, ::1 and *.example.test.
func Hostname(name string) Option {
	return func(_ testing.TB, c *server.Config) { c.Hostnames = append(c.Hostnames, name) }
}

// Configure changes any other setting.
func Configure(f func(*server.Config)) Option {
	return func(_ testing.TB, c *server.Config) { f(c) }
}

// Rig is a running mailrig.
type Rig struct {
	User     string // a user who may log in with Password
	Password string
	HTTP     string // base URL of the web page and API
	CAFile   string // the CA's certificate (PEM), for clients that want a file

	t testing.TB
	s *server.Server

	mu     sync.Mutex
	logged map[string]string // transcripts in the test's log, by session
}

// Start starts a rig that ends with the test. If the rig can't start, the test ends.
func Start(t testing.TB, options ...Option) *Rig {
	t.Helper()
	cfg := server.Config{PortOffset: "random", HTTP: "127.0.0.1:0"}
	for _, o := range options {
		o(t, &cfg)
	}
	s, err := server.New(cfg)
	if err == nil {
		err = s.Start(context.Background())
	}
	if err != nil {
		t.Fatalf("mailtest: %v", err)
	}
	r := &Rig{t: t, s: s, HTTP: s.HTTPURL(), CAFile: s.CAFile()}
	r.User, r.Password = s.Credentials()
	t.Cleanup(func() {
		if t.Failed() {
			r.explain()
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("mailtest: shutdown: %v", err)
		}
	})
	return r
}

// Addr returns where a door really listens. port is its standard port number: 25, 2525, 587, 465, 110, 995, 143 or 993.
// Any other number ends the test.
func (r *Rig) Addr(port int) string {
	r.t.Helper()
	for _, d := range r.s.Doors() {
		if d.Port == port {
			return d.Address
		}
	}
	r.t.Fatalf("mailtest: there is no door %d", port)
	return ""
}

// TLS returns a client configuration that trusts the rig, for the server name "localhost". The caller may change it.
func (r *Rig) TLS() *tls.Config { return r.s.ClientTLS() }

// Use switches to these scenarios. Without any, it restores the correct server. Open connections keep what they began
// with.
func (r *Rig) Use(names ...string) {
	r.t.Helper()
	r.used(r.s.Use(load(r.t, names)...))
}

// UseFor activates scenarios for one user only, in addition to those for everybody. Without any, it ends that. They
// apply to logins from now on, and can't change what happens before a login; if a scenario would have to, the test's
// log says so. On doors 25 and 2525, where nobody logs in, mail from this user's address counts too.
func (r *Rig) UseFor(user string, names ...string) {
	r.t.Helper()
	r.used(r.s.UseFor(user, load(r.t, names)...))
}

// UseNext activates scenarios for the next n connections only, before those that are active. A connection counts if the
// scenarios have a rule for its door. UseNextFor does so for a user's next n logins.
func (r *Rig) UseNext(n int, names ...string) {
	r.t.Helper()
	r.used(r.s.UseNext(n, "", load(r.t, names)...))
}

// UseNextFor is UseNext for the next n logins of one user.
func (r *Rig) UseNextFor(user string, n int, names ...string) {
	r.t.Helper()
	r.used(r.s.UseNext(n, user, load(r.t, names)...))
}

func (r *Rig) used(notes []string, err error) {
	r.t.Helper()
	for _, n := range notes {
		r.t.Log("mailtest: " + n)
	}
	if err != nil {
		r.t.Fatalf("mailtest: %v", err)
	}
}

// Session is what happened on one connection.
type Session = server.Session

// Sessions returns the ended sessions in the order in which they ended, then the open ones.
func (r *Rig) Sessions() []*Session { return r.s.Sessions() }

// Server returns the rig's server.
func (r *Rig) Server() *server.Server { return r.s }

// Message is a message in a mailbox.
type Message struct {
	Mailbox    string // its folder, like INBOX
	UID        uint32
	Flags      []string
	From       string   // reverse-path of the envelope; "" if the message came by APPEND
	Recipients []string // forward-paths of the envelope
	Raw        []byte   // the whole message, including trace header fields; not to be changed
}

// Header returns a header field's first value, as net/mail decodes it. It returns "" if the message has no such field
// or can't be parsed.
func (m Message) Header(name string) string {
	parsed, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		return ""
	}
	return parsed.Header.Get(name)
}

// Messages returns the messages in an account's INBOX, oldest first. It returns none if the account doesn't exist.
func (r *Rig) Messages(address string) []Message { return r.MessagesIn(address, "INBOX") }

// MessagesIn returns the messages in one of an account's folders, oldest first.
func (r *Rig) MessagesIn(address, folder string) []Message {
	r.t.Helper()
	mail, err := r.s.MailIn(context.Background(), address, folder)
	if err != nil {
		r.t.Fatalf("mailtest: %v", err)
	}
	var out []Message
	for i := range mail {
		out = append(out, r.message(&mail[i]))
	}
	return out
}

func (r *Rig) message(m *server.Mail) Message {
	r.t.Helper()
	raw, err := m.Raw(context.Background())
	if err != nil {
		r.t.Fatalf("mailtest: %v", err)
	}
	return Message{Mailbox: m.Folder, UID: m.UID, Flags: m.Flags, From: m.From, Recipients: m.Recipients, Raw: raw}
}

func load(t testing.TB, names []string) []*scenarios.Scenario {
	t.Helper()
	if len(names) == 0 {
		return nil
	}
	list, err := scenarios.Load(names...)
	if err != nil {
		t.Fatalf("mailtest: %v", err)
	}
	return list
}
