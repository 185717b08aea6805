package mailtest_test

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/mailtest"
)

// fake is a test whose failures are examined.
type fake struct {
	testing.TB
	mu       sync.Mutex
	errors   []string
	fatal    string
	cleanups []func()
}

func (f *fake) Helper()           {}
func (f *fake) Cleanup(do func()) { f.cleanups = append(f.cleanups, do) }
func (f *fake) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.errors = append(f.errors, fmt.Sprintf(format, args...))
}
func (f *fake) Fatalf(format string, args ...any) {
	f.fatal = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (f *fake) Failed() bool { return false }

// on runs do like a test, which Fatalf ends.
func (f *fake) on(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	<-done
}

// rigFor starts a rig whose test is a fake.
func rigFor(t *testing.T, options ...mailtest.Option) (*mailtest.Rig, *fake) {
	t.Helper()
	f := &fake{TB: t}
	rig := mailtest.Start(f, options...)
	t.Cleanup(func() {
		for _, do := range f.cleanups {
			do()
		}
	})
	return rig, f
}

// loginInClear is a client that must be found.
func loginInClear(t *testing.T, rig *mailtest.Rig, stay bool) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", rig.Addr(143))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	in := bufio.NewReader(c)
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(c, "a LOGIN %s %s\r\n", rig.User, rig.Password)
	if line, err := in.ReadString('\n'); err != nil || !strings.HasPrefix(line, "a OK") {
		t.Fatal(line, err)
	}
	if !stay {
		c.Close()
	}
	return c
}

func TestRequireAndForbid(t *testing.T) {
	t.Parallel()
	rig, f := rigFor(t, mailtest.Scenario("greylisting"))
	for range 2 {
		_ = send(rig, "bob@example.test")
	}
	rig.Require("mail-sent", "retried-after-temporary-failure", "used-submission-door")
	rig.Forbid("password-sent-in-clear", "gave-up-after-temporary-failure")
	if f.errors != nil || f.fatal != "" {
		t.Fatalf("%s %q", f.fatal, f.errors)
	}
	began := time.Now()
	rig.Require("password-sent-in-clear")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("no session is open, and Require waited for %v", took)
	}
	if len(f.errors) != 1 {
		t.Fatalf("%q", f.errors)
	}
	for _, want := range []string{"password-sent-in-clear is required", "there is ", "mail-sent", "C: EHLO"} {
		if !strings.Contains(f.errors[0], want) {
			t.Errorf("no %q in %s", want, f.errors[0])
		}
	}
	f.errors = nil
	rig.Forbid("mail-sent", "used-submission-door")
	if len(f.errors) < 2 || !strings.Contains(f.errors[0], "is forbidden, and is there") {
		t.Errorf("%q", f.errors)
	}
}

func TestForbiddenFindingIsExplained(t *testing.T) {
	t.Parallel()
	rig, f := rigFor(t)
	loginInClear(t, rig, false)
	if err := send(rig, "bob@example.test"); err != nil {
		t.Fatal(err)
	}
	rig.Forbid("password-sent-in-clear")
	if len(f.errors) != 1 {
		t.Fatalf("%q", f.errors)
	}
	for _, want := range []string{"The password crossed the network unencrypted.", "SSL/TLS with port 993", "Everybody on the way", "C: a LOGIN alice@example.test ***"} {
		if !strings.Contains(f.errors[0], want) {
			t.Errorf("no %q in %s", want, f.errors[0])
		}
	}
	if strings.Contains(f.errors[0], "587 submission") {
		t.Error("the transcript of a session that has nothing to do with it")
	}
}

// TestOpenSessions checks that a session which stays open is judged as it is.
func TestOpenSessions(t *testing.T) {
	t.Parallel()
	rig, f := rigFor(t)
	loginInClear(t, rig, true)
	rig.Require("password-sent-in-clear")
	if f.errors != nil {
		t.Errorf("%q", f.errors)
	}
	rig.Forbid("password-sent-in-clear")
	if len(f.errors) != 1 {
		t.Errorf("%q", f.errors)
	}
}

func TestUnknownIDs(t *testing.T) {
	t.Parallel()
	rig, f := rigFor(t)
	for _, do := range []func(...string){rig.Require, rig.Forbid} {
		f.fatal = ""
		f.on(func() { do("mail-sent", "password-send-in-clear") })
		if !strings.Contains(f.fatal, "did you mean password-sent-in-clear?") {
			t.Errorf("%q", f.fatal)
		}
	}
}

func TestWaitMessageAndSession(t *testing.T) {
	t.Parallel()
	rig, f := rigFor(t)
	sent := make(chan error, 1)
	go func() { sent <- send(rig, "bob@example.test") }()
	m := rig.WaitMessage(10*time.Second, mailtest.To("bob@example.test"), mailtest.Subject("HELLO"), mailtest.Body("world"), mailtest.From(rig.User), mailtest.Folder("INBOX"))
	if m.Header("Subject") != "hello" || m.Recipients[0] != "bob@example.test" || m.UID != 1 {
		t.Errorf("%+v", m)
	}
	s := rig.WaitSession(10*time.Second, mailtest.Door(587), mailtest.LoggedIn(), mailtest.Encrypted(), mailtest.AsUser(rig.User), mailtest.Ended())
	if s == nil || s.Door != 587 || s.End.IsZero() {
		t.Errorf("%+v", s)
	}
	if err := <-sent; err != nil {
		t.Error(err)
	}
	f.on(func() { rig.WaitMessage(20*time.Millisecond, mailtest.To("carol@example.test")) })
	if !strings.Contains(f.fatal, "no message to:carol@example.test within") || !strings.Contains(f.fatal, `to bob@example.test "hello"`) {
		t.Errorf("%q", f.fatal)
	}
	f.on(func() { rig.WaitSession(20*time.Millisecond, mailtest.Door(993), mailtest.Refused()) })
	if !strings.Contains(f.fatal, "no session door:993 login:refused within") || !strings.Contains(f.fatal, "#1 587 submission") {
		t.Errorf("%q", f.fatal)
	}
	f.on(func() { rig.WaitSession(20*time.Millisecond, mailtest.Door(26)) })
	if !strings.Contains(f.fatal, "it can be 25") {
		t.Errorf("%q", f.fatal)
	}
}

func TestFailedTestHasTheFindings(t *testing.T) {
	t.Parallel()
	l := &logged{TB: t}
	rig := mailtest.Start(l)
	loginInClear(t, rig, false)
	rig.WaitSession(10*time.Second, mailtest.Ended())
	for _, f := range l.cleanups {
		f()
	}
	text := strings.Join(l.lines, "\n")
	finding, transcript := strings.Index(text, "finding password-sent-in-clear of session 1: error: The password"), strings.Index(text, "C: a LOGIN")
	if finding < 0 || transcript < finding {
		t.Errorf("%d %d:\n%s", finding, transcript, text)
	}
}

// TestDialogueOnce checks that a log has each transcript once, however many findings need it.
func TestDialogueOnce(t *testing.T) {
	t.Parallel()
	rig, f := rigFor(t)
	if err := send(rig, "bob@example.test"); err != nil {
		t.Fatal(err)
	}
	rig.Require("password-sent-in-clear", "retried-after-temporary-failure")
	if len(f.errors) != 2 {
		t.Fatalf("%q", f.errors)
	}
	all := strings.Join(f.errors, "\n")
	if n := strings.Count(all, "C: MAIL FROM"); n != 1 || !strings.Contains(all, "session 1: see above") {
		t.Errorf("the dialogue is there %d times:\n%s", n, all)
	}
}
