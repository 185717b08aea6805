package httpapi

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestLimit: beyond the limit a client is told so at once, and there is room again when another has left.
func TestLimit(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") })}
	go server.Serve(NewLimit(2).Clear(ln))
	t.Cleanup(func() { server.Close() })
	ask := func() (net.Conn, string) {
		t.Helper()
		c, err := net.Dial("tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		b := make([]byte, 12)
		_, _ = io.ReadFull(c, b)
		return c, string(b)
	}
	first, a := ask()
	_, b := ask()
	_, c := ask()
	if !strings.HasSuffix(a, "200") || !strings.HasSuffix(b, "200") || !strings.HasSuffix(c, "503") {
		t.Fatalf("answers %q, %q, %q", a, b, c)
	}
	first.Close()
	for deadline := time.Now().Add(10 * time.Second); ; { // until the server has noticed
		c, answer := ask()
		if strings.HasSuffix(answer, "200") {
			return
		}
		c.Close()
		if time.Now().After(deadline) {
			t.Fatalf("there is no room again: %q", answer)
		}
	}
}
