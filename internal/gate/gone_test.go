package gate_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/imapd"
)

// TestGone checks that a command that computes learns when its client leaves, and doesn't take a client for gone that still
// reads.
func TestGone(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tls    bool
		do     func(r *rig, raw *net.TCPConn)
		leaves bool
	}{
		"closes":            {false, func(r *rig, _ *net.TCPConn) { r.conn.Close() }, true},
		"closes TLS":        {true, func(r *rig, _ *net.TCPConn) { r.conn.Close() }, true},
		"cuts TLS":          {true, func(_ *rig, raw *net.TCPConn) { raw.Close() }, true},
		"resets":            {false, func(r *rig, raw *net.TCPConn) { raw.SetLinger(0); raw.Close() }, true},
		"says more, leaves": {false, func(r *rig, _ *net.TCPConn) { io.WriteString(r.conn, "a2 NOOP\r\n"); r.conn.Close() }, true},
		"says too much": {false, func(r *rig, _ *net.TCPConn) {
			io.WriteString(r.conn, strings.Repeat("a2 NOOP\r\n", 1000))
			r.conn.Close()
		}, true},
		"waits":           {false, func(*rig, *net.TCPConn) {}, false},
		"waits in TLS":    {true, func(*rig, *net.TCPConn) {}, false},
		"says more":       {false, func(r *rig, _ *net.TCPConn) { io.WriteString(r.conn, "a2 NOOP\r\na3 NOOP\r\n") }, false},
		"closes its side": {false, func(r *rig, raw *net.TCPConn) { io.WriteString(r.conn, "a2 NOOP\r\na3 NOOP\r\n"); raw.CloseWrite() }, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began, did, left := make(chan struct{}), make(chan struct{}), make(chan bool, 1)
			compute := imapd.Command{Name: "COMPUTE", In: imapd.Anywhere, Run: func(_ context.Context, c *imapd.Call) error {
				close(began)
				gone := false
				look := func(d time.Duration) {
					for until := time.Now().Add(d); ; {
						if gone = c.Session.Gone([]byte("* OK Still here\r\n")); gone || time.Now().After(until) {
							return
						}
					}
				}
				look(0)
				<-did
				if tc.leaves {
					look(hang)
				} else {
					look(200 * time.Millisecond)
				}
				left <- gone
				return nil
			}}
			r := newRig(t, options{protocol: "imap", port: 143, commands: append(imapd.Commands(), compute)})
			raw := r.conn.(*net.TCPConn)
			if tc.tls {
				r.ask("a0 STARTTLS\r\n")
				r.ask("")
				if err := r.startTLS(); err != nil {
					t.Fatal(err)
				}
			} else {
				r.ask("")
			}
			io.WriteString(r.conn, "a1 COMPUTE\r\n")
			<-began
			tc.do(r, raw)
			close(did)
			if got := <-left; got != tc.leaves {
				t.Errorf("gone: %v", got)
			}
			if tc.leaves {
				<-r.over
				return
			}
			if name == "closes its side" {
				all, err := io.ReadAll(r.br)
				n := strings.Count(string(all), "* OK Still here\r\n")
				if err != nil || n < 1 || n > mostAsks || !strings.Contains(string(all), "a1 OK ") || !strings.Contains(string(all), "a3 OK ") {
					t.Errorf("%q, %v", all, err)
				}
				return
			}
			io.WriteString(r.conn, "a9 LOGOUT\r\n")
			all, _ := io.ReadAll(r.br)
			if strings.Contains(string(all), "Still here") || !strings.Contains(string(all), "a9 OK ") {
				t.Errorf("%q", all)
			}
		})
	}
}

// mostAsks is how often a client that has closed its side may be asked within 200 ms, on a machine that may be slow.
const mostAsks = 4
