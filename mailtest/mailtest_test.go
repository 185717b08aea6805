package mailtest_test

import (
	"errors"
	"fmt"
	"net/smtp"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"

	"github.com/mailrig/mailrig/mailtest"
)

func send(rig *mailtest.Rig, to string) error {
	c, err := smtp.Dial(rig.Addr(587))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.StartTLS(rig.TLS()); err != nil {
		return err
	}
	if err := c.Auth(smtp.PlainAuth("", rig.User, rig.Password, "127.0.0.1")); err != nil {
		return err
	}
	if err := c.Mail(rig.User); err != nil {
		return err
	}
	if err := c.Rcpt(to); err != nil {
		return err
	}
	w, err := c.Data()
	if err != nil {
		return err
	}
	if _, err := w.Write([]byte("Subject: hello\r\n\r\nworld\r\n")); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return c.Quit()
}

func TestSendAndRead(t *testing.T) {
	t.Parallel()
	rig := mailtest.Start(t)
	if err := send(rig, rig.User); err != nil {
		t.Fatal(err)
	}
	got := rig.Messages(rig.User)
	if len(got) != 1 || got[0].Header("Subject") != "hello" || got[0].From != rig.User {
		t.Fatalf("%+v", got)
	}
	c, err := imapclient.DialTLS(rig.Addr(993), &imapclient.Options{TLSConfig: rig.TLS()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Login(rig.User, rig.Password).Wait(); err != nil {
		t.Fatal(err)
	}
	box, err := c.Select("INBOX", nil).Wait()
	if err != nil || box.NumMessages != 1 {
		t.Errorf("%+v, %v", box, err)
	}
	if err := c.Logout().Wait(); err != nil {
		t.Error(err)
	}
}

func TestScenarioAndUse(t *testing.T) {
	t.Parallel()
	rig := mailtest.Start(t, mailtest.Scenario("greylisting"), mailtest.User("carol@example.test", "pw"))
	if rig.User != "carol@example.test" {
		t.Errorf("user %q", rig.User)
	}
	var said *textproto.Error
	if err := send(rig, "bob@example.test"); !errors.As(err, &said) || said.Code != 451 {
		t.Fatalf("first attempt: %v", err)
	}
	if err := send(rig, "bob@example.test"); err != nil {
		t.Fatalf("second attempt: %v", err)
	}
	rig.Use("auth-wrong-password")
	if err := send(rig, "bob@example.test"); !errors.As(err, &said) || said.Code != 535 {
		t.Fatalf("with a wrong password: %v", err)
	}
	rig.Use()
	if err := send(rig, "bob@example.test"); err != nil {
		t.Fatalf("back to correct: %v", err)
	}
	if n := len(rig.Messages("bob@example.test")); n != 2 {
		t.Errorf("%d messages", n)
	}
	injected := map[string]bool{}
	deadline := time.Now().Add(2 * time.Minute)
	for len(injected) < 2 && time.Now().Before(deadline) {
		for _, s := range rig.Sessions() {
			for _, name := range s.Injected {
				injected[name] = true
			}
		}
	}
	if !injected["greylisting"] || !injected["auth-wrong-password"] {
		t.Errorf("injected: %v", injected)
	}
}

// logged is a test that fails, so that its log can be examined.
type logged struct {
	testing.TB
	cleanups []func()
	lines    []string
}

func (l *logged) Helper()          {}
func (l *logged) Failed() bool     { return true }
func (l *logged) Cleanup(f func()) { l.cleanups = append(l.cleanups, f) }
func (l *logged) Log(args ...any) {
	for _, a := range args {
		l.lines = append(l.lines, a.(string))
	}
}

func TestFailedTestHasTheTranscript(t *testing.T) {
	t.Parallel()
	l := &logged{TB: t}
	rig := mailtest.Start(l)
	if err := send(rig, "bob@example.test"); err != nil {
		t.Fatal(err)
	}
	for _, f := range l.cleanups {
		f()
	}
	text := strings.Join(l.lines, "\n")
	for _, want := range []string{"587 submission", "C: MAIL FROM:<alice@example.test>", "S: 250 2.0.0 OK: queued", "C: AUTH PLAIN ***"} {
		if !strings.Contains(text, want) {
			t.Errorf("the log lacks %q:\n%s", want, text)
		}
	}
}

// TestUseNext checks that scenarios for the next connections act on these alone, before what is active.
func TestUseNext(t *testing.T) {
	t.Parallel()
	rig := mailtest.Start(t, mailtest.Scenario("auth-temporary-failure"))
	says := func() string {
		c, err := smtp.Dial(rig.Addr(25))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return fmt.Sprint(c.Auth(smtp.PlainAuth("", rig.User, rig.Password, "127.0.0.1")))
	}
	usual := says()
	rig.UseNext(2, "auth-wrong-password")
	for i := range 2 {
		if got := says(); !strings.Contains(got, "535") {
			t.Errorf("connection %d: %s", i, got)
		}
	}
	if got := says(); got != usual {
		t.Errorf("afterwards: %s, want %s", got, usual)
	}
	rig.UseNextFor(rig.User, 1, "auth-wrong-password")
	if got := says(); !strings.Contains(got, "535") {
		t.Errorf("the user's next login: %s", got)
	}
	if got := says(); got != usual {
		t.Errorf("the login after it: %s", got)
	}
}

func TestUseFor(t *testing.T) {
	t.Parallel()
	rig := mailtest.Start(t)
	rig.UseFor(rig.User, "auth-wrong-password")
	var said *textproto.Error
	if err := send(rig, "bob@example.test"); !errors.As(err, &said) || said.Code != 535 {
		t.Fatalf("with a wrong password: %v", err)
	}
	rig.UseFor("somebody-else@example.test", "auth-wrong-password")
	rig.UseFor(rig.User)
	if err := send(rig, "bob@example.test"); err != nil {
		t.Fatalf("back to correct: %v", err)
	}
}
