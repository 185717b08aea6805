package server_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// hang is how long a test waits for something that should have happened. A test that passes never waits that long, on
// any machine.
const hang = 2 * time.Minute

func start(t testing.TB, cfg server.Config) *server.Server {
	t.Helper()
	if cfg.PortOffset == "" {
		cfg.PortOffset = "random"
	}
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), hang)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func addr(t testing.TB, s *server.Server, port int) string {
	t.Helper()
	for _, d := range s.Doors() {
		if d.Port == port {
			return d.Address
		}
	}
	t.Fatalf("no door %d", port)
	return ""
}

// client is a minimal client for a line protocol.
type client struct {
	net.Conn
	r *bufio.Reader
}

func dial(t testing.TB, s *server.Server, port int) *client {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr(t, s, port), hang)
	if err != nil {
		t.Fatal(err)
	}
	if port == 465 || port == 993 || port == 995 {
		c = tls.Client(c, s.ClientTLS())
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(hang))
	return &client{c, bufio.NewReader(c)}
}

// say sends a line if it isn't empty, and reads up to the line that begins with want. Any other final reply is an
// error.
func (c *client) say(line, want string) error {
	if line != "" {
		if _, err := io.WriteString(c, line+"\r\n"); err != nil {
			return err
		}
	}
	for {
		got, err := c.r.ReadString('\n')
		if err != nil {
			return fmt.Errorf("after %q: %w", line, err)
		}
		if strings.HasPrefix(got, want) {
			return nil
		}
		if refusal(got) {
			return fmt.Errorf("after %q: got %q, want %q", line, got, want)
		}
	}
}

// refusal reports whether a line is another final reply, in any of the three protocols.
func refusal(line string) bool {
	return len(line) > 3 && line[0] >= '2' && line[0] <= '5' && line[3] == ' ' ||
		strings.HasPrefix(line, "-ERR") || strings.HasPrefix(line, "a ")
}

func load(t testing.TB, names ...string) []*scenarios.Scenario {
	t.Helper()
	list, err := scenarios.Load(names...)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestShutdownEndsEverythingAtOnce(t *testing.T) {
	before := runtime.NumGoroutine()
	s, err := server.New(server.Config{PortOffset: "random", HTTP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Use(load(t, "port-25-blocked")...); err != nil {
		t.Fatal(err)
	}
	states := []struct {
		port  int
		lines [][2]string
	}{
		{2525, [][2]string{{"", "220 "}}},
		{2525, [][2]string{{"", "220 "}, {"HELO x", "250 "}, {"MAIL FROM:<a@b>", "250 "}, {"RCPT TO:<a@b>", "250 "}, {"DATA", "354 "}}},
		{465, [][2]string{{"", "220 "}, {"EHLO x", "250 "}}},
		{143, [][2]string{{"", "* OK"}, {"a LOGIN x y", "a OK"}, {"a SELECT INBOX", "a OK"}, {"a IDLE", "+ "}}},
		{993, [][2]string{{"", "* OK"}, {"a LOGIN x y", "a OK"}, {"a APPEND INBOX {10}", "+ "}}},
		{110, [][2]string{{"", "+OK"}, {"USER x", "+OK"}}},
		{995, [][2]string{{"", "+OK"}}},
	}
	var wg sync.WaitGroup
	for i := range 280 {
		c := dial(t, s, states[i%len(states)].port)
		wg.Go(func() {
			for _, step := range states[i%len(states)].lines {
				if err := c.say(step[0], step[1]); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	silent, err := net.Dial("tcp", addr(t, s, 993)) // never does its handshake
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()

	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	began := time.Now()
	if err := s.Shutdown(ctx); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 20*time.Second { // waiting for the handshake would take 30 s
		t.Errorf("shutdown took %v", took)
	}
	if _, err := os.Stat(s.CAFile()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the CA's temporary file is left: %v", err)
	}
	for _, session := range s.Sessions() {
		if session.End.IsZero() {
			t.Errorf("session %s has no end", session.ID)
		}
	}
	deadline := time.Now().Add(hang)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before {
		buf := make([]byte, 1<<20)
		t.Errorf("%d goroutines, %d before:\n%s", n, before, buf[:runtime.Stack(buf, true)])
	}
}

// TestSwitchingUnderLoad switches a thousand times. No client at a door that the scenarios don't touch may lose a
// connection, nor may any client that had connected before.
func TestSwitchingUnderLoad(t *testing.T) {
	s := start(t, server.Config{})
	old := dial(t, s, 25)
	if err := old.say("", "220 "); err != nil {
		t.Fatal(err)
	}
	var stop atomic.Bool
	var sessions atomic.Int64
	var wg sync.WaitGroup
	for i := range 6 {
		port, greeting, bye := []int{2525, 143, 110}[i%3], []string{"220 ", "* OK", "+OK"}[i%3], []string{"QUIT", "a LOGOUT", "QUIT"}[i%3]
		wg.Go(func() {
			for !stop.Load() {
				c, err := net.DialTimeout("tcp", addr(t, s, port), hang)
				if err != nil {
					t.Errorf("door %d: %v", port, err)
					return
				}
				c.SetDeadline(time.Now().Add(hang))
				cl := &client{c, bufio.NewReader(c)}
				err = cl.say("", greeting)
				if err == nil {
					err = cl.say(bye, map[string]string{"QUIT": greeting[:1], "a LOGOUT": "a OK"}[bye])
				}
				c.Close()
				if err != nil {
					t.Errorf("door %d: %v", port, err)
					return
				}
				sessions.Add(1)
			}
		})
	}
	sets := [][]*scenarios.Scenario{load(t, "port-25-blocked"), nil, load(t, "cert-expired", "receive-but-not-send"), load(t, "port-25-refused")}
	for i := range 1000 {
		if _, err := s.Use(sets[i%len(sets)]...); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Use(); err != nil {
		t.Fatal(err)
	}
	stop.Store(true)
	wg.Wait()
	if err := old.say("NOOP", "250 "); err != nil {
		t.Errorf("the connection from before: %v", err)
	}
	fresh := dial(t, s, 25)
	if err := fresh.say("", "220 "); err != nil {
		t.Errorf("door 25 afterwards: %v", err)
	}
	if sessions.Load() < 50 {
		t.Errorf("only %d sessions while switching", sessions.Load())
	}
	t.Logf("%d sessions during 1000 switches", sessions.Load())
}

func TestConnectionKeepsItsScenario(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Scenarios: load(t, "greylisting")})
	hello := func(c *client) {
		t.Helper()
		for _, step := range [][2]string{{"", "220 "}, {"HELO x", "250 "}, {"MAIL FROM:<a@b.test>", "250 "}} {
			if err := c.say(step[0], step[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	old := dial(t, s, 25)
	hello(old)
	if _, err := s.Use(); err != nil {
		t.Fatal(err)
	}
	fresh := dial(t, s, 25)
	hello(fresh)
	if err := fresh.say("RCPT TO:<c@d.test>", "250 "); err != nil {
		t.Error(err)
	}
	if err := old.say("RCPT TO:<c@d.test>", "451 "); err != nil {
		t.Error(err)
	}
	if _, err := s.Use(load(t, "greylisting")...); err != nil {
		t.Fatal(err)
	}
	again := dial(t, s, 25)
	hello(again)
	if err := again.say("RCPT TO:<c@d.test>", "451 "); err != nil {
		t.Errorf("counters don't start at zero: %v", err)
	}
	if got := s.Active(); len(got) != 1 || got[0] != "greylisting" {
		t.Errorf("active: %v", got)
	}
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	open := start(t, server.Config{})
	if got := open.LoginRule(); !strings.Contains(got, "any user") {
		t.Errorf("rule %q", got)
	}
	closed := start(t, server.Config{Users: []server.User{{Name: "alice", Password: "secret"}}})
	for _, tc := range []struct {
		s           *server.Server
		line, reply string
	}{
		{open, "a LOGIN anybody x", "a OK"},
		{open, `a LOGIN anybody ""`, "a NO [AUTHENTICATIONFAILED]"},
		{closed, "a LOGIN alice secret", "a OK"},
		{closed, "a LOGIN alice@EXAMPLE.test secret", "a OK"},
		{closed, "a LOGIN alice Secret", "a NO [AUTHENTICATIONFAILED]"},
		{closed, "a LOGIN bob secret", "a NO [AUTHENTICATIONFAILED]"},
	} {
		c := dial(t, tc.s, 143)
		if err := c.say("", "* OK"); err != nil {
			t.Fatal(err)
		}
		if err := c.say(tc.line, tc.reply); err != nil {
			t.Error(err)
		}
	}
}

func TestTooManyConnections(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{MaxConnections: 2})
	a, b := dial(t, s, 25), dial(t, s, 143)
	if err := errors.Join(a.say("", "220 "), b.say("", "* OK")); err != nil {
		t.Fatal(err)
	}
	for port, reply := range map[int]string{25: "421 4.3.2", 143: "* BYE", 110: "-ERR [SYS/TEMP]"} {
		c := dial(t, s, port)
		if err := c.say("", reply); err != nil {
			t.Error(err)
		}
	}
	if err := a.say("QUIT", "221 "); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(hang)
	for {
		c := dial(t, s, 25)
		if err := c.say("", "220 "); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatalf("no place after one has left: %v", err)
		}
	}
}

func TestSeedAndReset(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, body := range map[string]string{
		"alice@example.test/INBOX/1.eml": "Subject: one\r\n\r\nx\r\n", "alice@example.test/Sent/2.eml": "no header at all",
	} {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(body), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, server.Config{SeedDir: dir})
	count := func(folder string) int {
		list, err := s.MailIn(t.Context(), "alice@example.test", folder)
		if err != nil {
			t.Fatal(err)
		}
		return len(list)
	}
	if count("INBOX") != 1 || count("Sent") != 1 {
		t.Errorf("INBOX %d, Sent %d", count("INBOX"), count("Sent"))
	}
	c := dial(t, s, 25)
	for _, step := range [][2]string{{"", "220 "}, {"HELO x", "250 "}, {"MAIL FROM:<a@b>", "250 "}, {"RCPT TO:<alice@example.test>", "250 "}, {"DATA", "354 "}, {"x\r\n.", "250 "}} {
		if err := c.say(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	if count("INBOX") != 2 {
		t.Errorf("after delivery: %d", count("INBOX"))
	}
	if err := s.Reset(); err != nil {
		t.Fatal(err)
	}
	if count("INBOX") != 1 {
		t.Errorf("after reset: %d", count("INBOX"))
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for want, cfg := range map[string]server.Config{
		"doesn't exist":     {SeedDir: filepath.Join(t.TempDir(), "nothing")},
		"isn't a directory": {SeedDir: file},
		"isn't a domain":    {Domain: "a b"},
		"password":          {Users: []server.User{{Name: "alice"}}},
		"offset":            {PortOffset: "many"},
		"out of range":      {MaxMessageBytes: 1 << 40},
		"negative":          {MaxConnections: -1},
	} {
		if _, err := server.New(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestStartReportsWhatIsTaken(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	s, err := server.New(server.Config{PortOffset: "random", HTTP: ln.Addr().String(), HTTPExact: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err == nil || !strings.Contains(err.Error(), "--http") {
		t.Errorf("%v", err)
	}
	moved := start(t, server.Config{HTTP: ln.Addr().String()})
	if moved.HTTPURL() == "" || strings.HasSuffix(moved.HTTPURL(), ln.Addr().String()) {
		t.Errorf("HTTP at %q", moved.HTTPURL())
	}
	resp, err := http.Get(moved.HTTPURL() + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("readyz: %s", resp.Status)
	}
}

func TestFaultsByAddress(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{})
	c := dial(t, s, 25)
	for _, step := range [][2]string{
		{"", "220 "}, {"HELO x", "250 "},
		{"MAIL FROM:<reply+553+5.7.1@example.test>", "553 5.7.1 "},
		{"MAIL FROM:<a@b.test>", "250 "},
		{"RCPT TO:<reply+550+5.1.1+user-unknown@example.test>", "550 5.1.1 user unknown"},
		{"RCPT TO:<c@d.test>", "250 "},
		{"QUIT", "221 "},
	} {
		if err := c.say(step[0], step[1]); err != nil {
			t.Error(err)
		}
	}
	i := dial(t, s, 143)
	for _, step := range [][2]string{
		{"", "* OK"},
		{"a LOGIN login+temporary-failure@example.test x", "a NO [UNAVAILABLE]"},
		{"a LOGIN alice x", "a OK"},
	} {
		if err := i.say(step[0], step[1]); err != nil {
			t.Error(err)
		}
	}
	i.Close()
	deadline := time.Now().Add(hang)
	for marked := 0; marked < 2 && time.Now().Before(deadline); {
		marked = 0
		for _, session := range s.Sessions() {
			if len(session.Injected) == 1 && session.Injected[0] == "by-address" {
				marked++
			}
		}
		if marked == 2 {
			return
		}
	}
	t.Error("the sessions aren't marked")
}

// TestRecipientNamedTwice checks that a recipient in three spellings is one recipient and gets one copy.
func TestRecipientNamedTwice(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{})
	c := dial(t, s, 25)
	err := talk(c, "", "220 ", "EHLO x", "250 ", "MAIL FROM:<a@b>", "250 ",
		"RCPT TO:<alice@example.test>", "250 ", "RCPT TO:<alice@EXAMPLE.test>", "250 ", "RCPT TO:<bob@example.test>", "250 ", "RCPT TO:<alice@example.test>", "250 ",
		"DATA", "354 ", "Subject: x\r\n\r\nbody\r\n.", "250 ")
	if err != nil {
		t.Fatal(err)
	}
	mail, err := s.Mail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var boxes []string
	for _, m := range mail {
		boxes = append(boxes, m.Mailbox)
	}
	slices.Sort(boxes)
	if want := []string{"alice@example.test", "bob@example.test"}; !slices.Equal(boxes, want) {
		t.Errorf("copies for %q, want %q", boxes, want)
	}
}
