//go:build unix

package gate

import (
	"io"
	"net"
	"testing"
	"time"
)

// TestPending checks that bytes which have come are seen without being read.
func TestPending(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	server := &tap{Conn: conn}
	if server.pending() {
		t.Fatal("the client has said nothing")
	}
	if _, err := io.WriteString(client, "MAIL"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); !server.pending(); {
		if time.Now().After(deadline) {
			t.Fatal("what the client said isn't seen")
		}
	}
	b := make([]byte, 10)
	if n, err := conn.Read(b); string(b[:n]) != "MAIL" {
		t.Fatalf("looking took something away: %q, %v", b[:n], err)
	}
	if server.pending() {
		t.Error("all has been read")
	}
}
