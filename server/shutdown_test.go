package server_test

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// TestShutdownSaysGoodbye checks the last words at every door, and that a client which ignores them holds nothing up.
func TestShutdownSaysGoodbye(t *testing.T) {
	t.Parallel()
	s, err := server.New(server.Config{PortOffset: "random"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	open := map[string]*client{}
	words := map[string]string{
		"smtp": "421 4.3.2 mail.example.test Shutting down\r\n", "imap": "* BYE Shutting down\r\n", "pop3": "-ERR [SYS/TEMP] Shutting down\r\n",
	}
	want := map[string]string{}
	for _, d := range s.Doors() {
		c := dial(t, s, d.Port)
		if _, err := c.r.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		open[d.Address], want[d.Address] = c, words[string(d.Protocol)]
	}
	sending := dial(t, s, 25)
	for _, step := range [][2]string{{"", "220"}, {"HELO x", "250"}, {"MAIL FROM:<>", "250"}, {"RCPT TO:<a@b.test>", "250"}, {"DATA", "354"}} {
		if err := sending.say(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	if err := s.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %v to shut down", took)
	}
	for address, c := range open {
		if got, _ := io.ReadAll(c.r); string(got) != want[address] {
			t.Errorf("%s: read %q, want %q", address, got, want[address])
		}
	}
}
