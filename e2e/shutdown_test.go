package e2e

import (
	"net"
	"os/exec"
	"testing"
	"time"
)

// TestShutdown stops a rig with a thousand idle clients connected, some greeted, some in the middle of TLS, some in
// IDLE. It must be gone within a second.
func TestShutdown(t *testing.T) {
	// Not parallel, because it measures. And not with the race detector's binary, which is several times slower.
	const clients = 1000
	release := releaseBinary(t)
	r := startWith(t, func(cmd *exec.Cmd) { cmd.Path = release })
	doors := r.Doors
	var idle []net.Conn
	for i := range clients {
		c, err := net.DialTimeout("tcp", doors[i%len(doors)].Address, patience)
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		defer c.Close()
		idle = append(idle, c)
	}
	// Accepted isn't yet served: wait for the greetings of the doors that send one.
	for i, c := range idle {
		if doors[i%len(doors)].Security == "tls" {
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 200)); err != nil {
			t.Fatalf("client %d isn't greeted: %v", i, err)
		}
	}
	c := r.imapClient(t, way{993, "tls"}, "idle@example.test", nil)
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	idling, err := c.Idle()
	if err != nil {
		t.Fatal(err)
	}
	defer idling.Close()

	took := r.stop()
	t.Logf("stopped in %v", took)
	if took > time.Second {
		t.Errorf("it took %v to stop with %d idle clients, want under a second", took, clients)
	}
	for i, c := range idle[:50] {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		for {
			_, err := c.Read(make([]byte, 1000))
			if ne, ok := err.(net.Error); ok && ne.Timeout() {
				t.Fatalf("client %d is still connected", i)
			}
			if err != nil {
				break
			}
		}
	}
	for _, d := range doors {
		if c, err := net.DialTimeout("tcp", d.Address, time.Second); err == nil {
			c.Close()
			t.Errorf("door %d still accepts", d.Port)
		}
	}
}
