package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/scenarios"
)

// toyRow is TOY's own finding: the server keeps nothing for a client that hasn't logged in.
var toyRow = diagnose.Row{
	ID: "toy-put-without-login", Severity: diagnose.Warning, Title: "Put something on port {door} without a login.",
	Explanation: "A {protocol} server keeps nothing for strangers.", Advice: "Log in first.",
	When: func(c *diagnose.Case) (all []diagnose.Evidence) {
		for _, f := range c.Sessions {
			for _, s := range f.Steps {
				if f.Protocol == "toy" && s.Verb == "PUT" && s.Reply.Class == event.Permanent && len(f.Logins) == 0 {
					all = append(all, diagnose.Evidence{Sessions: []*diagnose.Facts{f}})
				}
			}
		}
		return all
	},
}

func toyGrammar() *scenarios.Grammar {
	g := scenarios.Standard()
	g.Protocols = append(g.Protocols, toy)
	return g
}

// startToy starts a rig that speaks TOY in addition to mailrig's own protocols.
func startToy(t *testing.T, yaml string) *Server {
	t.Helper()
	cfg := Config{
		PortOffset: "random", Grammar: toyGrammar(),
		protocols: append(product(), served{toy, serveToy}), findings: append(diagnose.Rows(), toyRow),
	}
	if yaml != "" {
		cfg.Scenarios = []*scenarios.Scenario{toyScenario(t, yaml)}
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return s
}

func toyScenario(t *testing.T, rules string) *scenarios.Scenario {
	t.Helper()
	sc, err := toyGrammar().Parse("toy.yaml", []byte("name: toy\ntitle: Toy\nstory: A story.\nrules:\n"+rules))
	if err != nil {
		t.Fatal(err)
	}
	return sc
}

// toyClient is a client for TOY.
type toyClient struct {
	t *testing.T
	net.Conn
	lines *bufio.Reader
}

func dialToy(t *testing.T, s *Server, port int) *toyClient {
	t.Helper()
	c, err := net.Dial("tcp", toyAddress(t, s, port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	return &toyClient{t, c, bufio.NewReader(c)}
}

func toyAddress(t *testing.T, s *Server, port int) string {
	t.Helper()
	for _, d := range s.Doors() {
		if d.Port == port {
			return d.Address
		}
	}
	t.Fatalf("no door %d", port)
	return ""
}

// says sends a line, if there is one, and expects a reply.
func (c *toyClient) says(line, want string) {
	c.t.Helper()
	if line != "" {
		fmt.Fprint(c, line+"\r\n")
	}
	got, err := c.lines.ReadString('\n')
	if got != want+"\r\n" {
		c.t.Fatalf("to %q: %q, %v; want %q", line, got, err, want)
	}
}

// secure does the handshake.
func (c *toyClient) secure(s *Server) error {
	config := s.ClientTLS()
	config.ServerName = "localhost"
	over := tls.Client(c.Conn, config)
	if err := over.Handshake(); err != nil {
		return err
	}
	c.Conn, c.lines = over, bufio.NewReader(over)
	return nil
}

// toyEnded waits for the first session to end, and returns it.
func toyEnded(t *testing.T, s *Server) *Session {
	t.Helper()
	return ended(t, s, "toy")
}

// ended waits until a session in this protocol has ended.
func ended(t *testing.T, s *Server, protocol string) *Session {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	match, err := waited{s}.Language().Parse(Sessions, "protocol:"+protocol, "ended:yes")
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Wait(ctx, Condition{What: Sessions, Match: match})
	if err != nil || !o.Met {
		t.Fatalf("%+v, %v", o, err)
	}
	return o.Sessions[0]
}

// TestFurtherProtocol checks that a protocol which exists only in this test is served: in clear, by STARTTLS, and with
// TLS from the first byte. Its sessions are recorded with what they say and without the password, and its own finding
// is made.
func TestFurtherProtocol(t *testing.T) {
	t.Parallel()
	s := startToy(t, "")
	c := dialToy(t, s, 7001)
	c.says("", "ok toy ready")
	c.says("can", "ok can login put tls")
	c.says("put x", "no who are you")
	c.says("tls", "ok begin")
	if err := c.secure(s); err != nil {
		t.Fatal(err)
	}
	c.says("can", "ok can login put")
	c.says("login alice secret", "ok in")
	c.says("put x", "ok kept")
	c.says("bye", "ok bye")
	x := toyEnded(t, s)
	if want := "7001 toy | " + x.Client + " | TLS 1.3 by STARTTLS | alice by LOGIN | 7 commands in"; !strings.HasPrefix(x.Summary(), want) {
		t.Errorf("the console says\n%s, want\n%s …", x.Summary(), want)
	}
	for _, want := range []string{"S: ok can login put tls\n", "C: login alice ***\n", "S: ok kept\n"} {
		if !strings.Contains(x.Dialogue(), want) || strings.Contains(x.Dialogue(), "secret") {
			t.Errorf("the transcript lacks %q, or has the password:\n%s", want, x.Dialogue())
		}
	}

	c = dialToy(t, s, 7002)
	if err := c.secure(s); err != nil {
		t.Fatal(err)
	}
	c.says("", "ok toy ready")
	c.says("put x", "no who are you")
	c.says("bye", "ok bye")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	o, err := s.Wait(ctx, Condition{What: Findings, IDs: []string{"toy-put-without-login"}})
	if err != nil || !o.Met || o.Findings[0].Title != "Put something on port 7002 without a login." || o.Findings[0].Explanation != "A TOY server keeps nothing for strangers." {
		t.Errorf("%+v, %v", o, err)
	}
}

// TestFurtherProtocolsFaults checks that scenarios act on the protocol by its own words, and mark what they did.
func TestFurtherProtocolsFaults(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, rules string
		port        int
		try         func(t *testing.T, s *Server, c *toyClient)
	}{
		{"connect", "- {match: {protocol: toy}, connect: reset}\n", 0, func(t *testing.T, s *Server, _ *toyClient) {
			c, err := net.Dial("tcp", toyAddress(t, s, 7001))
			if err == nil { // the reset may come sooner
				defer c.Close()
				_, err = c.Read(make([]byte, 1))
			}
			if !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("%v, want a reset", err)
			}
		}},
		{"greeting", "- {match: {protocol: toy}, greeting: {toy: \"later not today\"}}\n", 7001, func(t *testing.T, s *Server, c *toyClient) {
			c.says("", "later not today")
			c.says("can", "ok can login put tls")
			c.says("bye", "ok bye")
		}},
		{"reply", "- {match: {door: 7001, command: PUT}, times: 1, reply: {toy: \"later full\"}}\n", 7001, func(t *testing.T, s *Server, c *toyClient) {
			c.says("", "ok toy ready")
			c.says("login alice secret", "ok in")
			c.says("put x", "later full")
			c.says("put x", "ok kept")
			c.says("bye", "ok bye")
		}},
		{"delay", "- {match: {protocol: toy, command: PUT}, delay-reply: 20ms}\n", 7001, func(t *testing.T, s *Server, c *toyClient) {
			c.says("", "ok toy ready")
			c.says("login alice secret", "ok in")
			asked := time.Now()
			c.says("put x", "ok kept")
			if took := time.Since(asked); took < 20*time.Millisecond {
				t.Errorf("the reply came after %v", took)
			}
			c.says("bye", "ok bye")
		}},
		{"hide", "- {match: {protocol: toy}, hide: [TLS]}\n", 7001, func(t *testing.T, s *Server, c *toyClient) {
			c.says("", "ok toy ready")
			c.says("can", "ok can login put")
			c.says("tls", "no such word")
			c.says("bye", "ok bye")
		}},
		{"certificate", "- {match: {door: 7002}, certificate: expired}\n", 7002, func(t *testing.T, s *Server, c *toyClient) {
			var wrong *tls.CertificateVerificationError
			if err := c.secure(s); !errors.As(err, &wrong) {
				t.Errorf("%v, want an expired certificate", err)
			}
			c.Close()
		}},
		{"tls", "- {match: {protocol: toy, door: 7001}, tls: {max: \"1.1\"}}\n", 7001, func(t *testing.T, s *Server, c *toyClient) {
			c.says("", "ok toy ready")
			c.says("tls", "ok begin")
			if err := c.secure(s); err == nil {
				t.Error("TLS is up")
			}
			c.Close()
		}},
		{"end", "- {match: {protocol: toy, command: BYE}, end: close}\n", 7001, func(t *testing.T, s *Server, c *toyClient) {
			c.says("", "ok toy ready")
			fmt.Fprint(c, "bye\r\n")
			if _, err := c.lines.ReadString('\n'); !errors.Is(err, io.EOF) {
				t.Errorf("%v, want the end", err)
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := startToy(t, tc.rules)
			var c *toyClient
			if tc.port != 0 {
				c = dialToy(t, s, tc.port)
			}
			tc.try(t, s, c)
			if x := toyEnded(t, s); len(x.Injected) != 1 || x.Injected[0] != "toy" {
				t.Errorf("nothing is marked as the scenario's:\n%s", x.Dialogue())
			}
		})
	}
}

// TestFurtherProtocolsLayer checks a layer between TLS and the lines: what is said through it is recorded, and
// scenarios act on it.
func TestFurtherProtocolsLayer(t *testing.T) {
	t.Parallel()
	s := startToy(t, "- {match: {protocol: toy, command: PUT}, times: 1, reply: {toy: \"later full\"}}\n")
	c := dialToy(t, s, 7002)
	if err := c.secure(s); err != nil {
		t.Fatal(err)
	}
	c.says("", "ok toy ready")
	c.says("zip", "ok zipped")
	over := zip(c.Conn)
	c.Conn, c.lines = over, bufio.NewReader(over)
	c.says("login alice secret", "ok in")
	c.says("put x", "later full")
	c.says("put x", "ok kept")
	c.says("bye", "ok bye")
	if d := toyEnded(t, s).Dialogue(); !strings.Contains(d, "C: login alice ***\n") || !strings.Contains(d, "S: [toy] later full\n") {
		t.Error(d)
	}
}

// TestFurtherProtocolsUsers checks that a scenario for one user acts only on that user's connections.
func TestFurtherProtocolsUsers(t *testing.T) {
	t.Parallel()
	s := startToy(t, "")
	if _, err := s.UseFor("alice", toyScenario(t, "- {match: {protocol: toy, command: PUT}, reply: {toy: \"later full\"}}\n")); err != nil {
		t.Fatal(err)
	}
	for user, want := range map[string]string{"alice": "later full", "bob": "ok kept"} {
		c := dialToy(t, s, 7001)
		c.says("", "ok toy ready")
		c.says("login "+user+" secret", "ok in")
		c.says("put x", want)
		c.says("bye", "ok bye")
	}
}
