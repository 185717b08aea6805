package server

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestPageReservesRoom checks that the page shows a message only while there is room for what its readers hold, and gives the
// room back.
func TestPageReservesRoom(t *testing.T) {
	t.Parallel()
	s, err := New(Config{PortOffset: "random", HTTP: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
		if n := s.bounds.answers.Used(); n != 0 { // an answer gives its room back after its last byte
			t.Errorf("%d bytes are still reserved", n)
		}
	})
	added, err := s.mail.Deliver(t.Context(), "a@example.test", []string{"b@example.test"}, []byte("Subject: x\r\nContent-Type: text/html\r\n\r\n<p>hello\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (int, string) {
		t.Helper()
		resp, err := http.Get(s.HTTPURL() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	const others = 1 << 50 // what slow readers hold
	for _, path := range []string{"/frame/" + added[0].ID, "/m/" + added[0].ID} {
		s.bounds.answers.Take(others)
		if status, body := get(path); status != http.StatusServiceUnavailable || !strings.Contains(body, "Try again in a moment") {
			t.Errorf("%s without room: %d\n%s", path, status, body)
		}
		s.bounds.answers.Release(others)
		for range 2 {
			if status, body := get(path); status != http.StatusOK || !strings.Contains(body, "hello") && !strings.Contains(body, "<iframe") {
				t.Errorf("%s with room: %d\n%s", path, status, body)
			}
		}
	}
}
