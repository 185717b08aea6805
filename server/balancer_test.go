package server_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// knockAs connects to a door and begins with these bytes.
func knockAs(t *testing.T, s *server.Server, port int, first string) *client {
	t.Helper()
	c := dial(t, s, port)
	if _, err := fmt.Fprint(c, first); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBalancer checks that a session has the address that the balancer gives, and that nothing is said before.
func TestBalancer(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Hosts: []string{"127.0.0.1"}, Balancers: []string{"127.0.0.0/8"}})
	c := knockAs(t, s, 25, "PROXY TCP4 192.0.2.7 192.0.2.8 4711 25\r\n")
	if line, err := c.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "220 ") {
		t.Fatalf("%q, %v", line, err)
	}
	fmt.Fprint(c, "QUIT\r\n")
	if line, err := c.r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "221 ") {
		t.Fatalf("%q, %v", line, err)
	}
	if got := onlySession(t, s); got.Client != "192.0.2.7:4711" || got.Server != "192.0.2.8:25" {
		t.Errorf("from %s to %s", got.Client, got.Server)
	}
}

// TestNotIntroduced checks that a connection without a header ends, and that its session and whoever runs the rig hear why.
func TestNotIntroduced(t *testing.T) {
	t.Parallel()
	said := make(chan string, 1)
	s := start(t, server.Config{Hosts: []string{"127.0.0.1"}, Balancers: []string{"127.0.0.1"}, OnTrouble: func(text string) { said <- text }})
	c := knockAs(t, s, 25, "EHLO client.example\r\n")
	if line, err := c.r.ReadString('\n'); err == nil {
		t.Fatalf("the server says %q", line)
	}
	if text := <-said; !strings.Contains(text, "--proxy-protocol") || !strings.Contains(text, "127.0.0.1:") {
		t.Error(text)
	}
	if got := onlySession(t, s); !strings.Contains(got.Dialogue(), "the balancer sent no header") {
		t.Error(got.Dialogue())
	}
}

// TestBalancerChecksHealth checks that a connection that says nothing leaves no session.
func TestBalancerChecksHealth(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Hosts: []string{"127.0.0.1"}, Balancers: []string{"127.0.0.1"}})
	c := dial(t, s, 25)
	c.Conn.(*net.TCPConn).CloseWrite()
	if line, err := c.r.ReadString('\n'); err == nil {
		t.Fatalf("the server says %q", line)
	}
	if n := len(s.Sessions()); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// TestShutdownBeforeTheHeader checks that nobody waits for a balancer that says nothing.
func TestShutdownBeforeTheHeader(t *testing.T) {
	t.Parallel()
	s, err := server.New(server.Config{PortOffset: "random", Hosts: []string{"127.0.0.1"}, Balancers: []string{"127.0.0.1"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		dial(t, s, 25)
	}
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 9*time.Second { // the header's own time is 10 s
		t.Errorf("it took %v", took)
	}
}

func onlySession(t *testing.T, s *server.Server) *server.Session {
	t.Helper()
	deadline := time.Now().Add(hang)
	for {
		for _, x := range s.Sessions() {
			if !x.End.IsZero() {
				return x
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("no session has ended")
		}
		time.Sleep(10 * time.Millisecond) // between two looks
	}
}
