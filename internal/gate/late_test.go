package gate_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/mailrig/mailrig/internal/gate"
)

// TestNoEngineBeforeTheFirstByte: a client that is greeted and says nothing has no engine, in clear and with TLS.
func TestNoEngineBeforeTheFirstByte(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		var engines atomic.Int32
		r := newRig(t, options{protocol: "smtp", port: 25, tls: secure, edit: func(c *gate.Config) {
			start := c.Engine
			c.Engine = func(c *gate.Conn) { engines.Add(1); start(c) }
		}})
		if secure {
			if err := r.startTLS(); err != nil {
				t.Fatal(err)
			}
		}
		line := func(want string) {
			t.Helper()
			if got, err := r.br.ReadString('\n'); err != nil || !strings.HasPrefix(got, want) {
				t.Fatalf("%q, %v; want %s", got, err, want)
			}
		}
		line("220 mail.example.test ")
		if n := engines.Load(); n != 0 {
			t.Errorf("TLS %v: %d engines for a client that has said nothing", secure, n)
		}
		for range 2 {
			if _, err := r.conn.Write([]byte("NOOP\r\n")); err != nil {
				t.Fatal(err)
			}
			line("250 ")
		}
		if n := engines.Load(); n != 1 {
			t.Errorf("TLS %v: %d engines for a client that speaks", secure, n)
		}
		if n := strings.Count(r.dialogue(), "220 "); n != 1 {
			t.Errorf("%d greetings are recorded", n)
		}
	}
}
