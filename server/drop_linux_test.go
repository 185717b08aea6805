package server_test

import (
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// TestDropTwoHundredTimes checks 200 times that a client's connect gets no answer and times out while connect: drop is
// active, and that the next client is served as soon as it is released.
func TestDropTwoHundredTimes(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{})
	blocked := load(t, "port-25-blocked")
	door := addr(t, s, 25)
	for i := range 200 {
		notes, err := s.Use(blocked...)
		if err != nil {
			t.Fatal(err)
		}
		if len(notes) > 0 {
			t.Skip("this system can't drop connections: ", notes)
		}
		c, err := net.DialTimeout("tcp", door, 10*time.Millisecond)
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			var n net.Error
			if !errors.As(err, &n) || !n.Timeout() {
				t.Fatalf("round %d: connect while dropped: %v, %v", i, c, err)
			}
		}
		if _, err := s.Use(); err != nil {
			t.Fatal(err)
		}
		fresh := dial(t, s, 25)
		if err := talk(fresh, "", "220 ", "QUIT", "221 "); err != nil {
			t.Fatalf("round %d: after the release: %v", i, err)
		}
		fresh.Close()
	}
}
