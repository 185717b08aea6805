package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/oneconn"
)

// subscribe begins a stream of events over a connection that buffers nothing.
func subscribe(t *testing.T, h http.Handler) (net.Conn, *bufio.Reader) {
	t.Helper()
	client, server := net.Pipe()
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(oneconn.New(server)) }()
	t.Cleanup(func() { client.Close(); s.Close() })
	if _, err := io.WriteString(client, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return client, bufio.NewReader(client)
}

// TestSlowSubscriberIsDropped checks that a client that doesn't read is dropped after some seconds, and that one that reads stays,
// however little happens.
func TestSlowSubscriberIsDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rig := newRig()
		h := New(Config{Rig: rig})
		client, _ := subscribe(t, h) // and reads nothing
		began := time.Now()
		time.Sleep(streamWrite + time.Second)
		_ = client.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.Copy(io.Discard, client); err != nil {
			t.Errorf("it isn't dropped: %v", err)
		}
		if took := time.Since(began); took > streamWrite+2*time.Second {
			t.Errorf("it is dropped after %v", took)
		}

		client, r := subscribe(t, h)
		seen := 0
		for seen < 10 { // 150 s with nothing but comments
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(line, ": ") {
				seen++
			}
		}
		client.Close()
	})
}

// TestTooManySubscribers checks that there is a bound, and that the place of one who has left is free again.
func TestTooManySubscribers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := New(Config{Rig: newRig()})
		status := func() (net.Conn, string) {
			t.Helper()
			c, r := subscribe(t, h)
			line, err := r.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			go io.Copy(io.Discard, r)
			return c, strings.TrimSpace(line)
		}
		var last net.Conn
		for i := range mostStreams {
			c, line := status()
			if line != "HTTP/1.1 200 OK" {
				t.Fatal(i, line)
			}
			last = c
		}
		if _, line := status(); line != "HTTP/1.1 503 Service Unavailable" {
			t.Error(line)
		}
		last.Close()
		synctest.Wait()
		if _, line := status(); line != "HTTP/1.1 200 OK" {
			t.Error(line)
		}
	})
}

func TestPosition(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0-0-0", "1-2-3", fmt.Sprintf("%d-0-9", uint64(1<<63))} {
		if p, err := parsePosition(text); err != nil || p.String() != text {
			t.Errorf("%s: %v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "1", "1-2", "1-2-x", "1-2-3-4", "-1-2-3", "1-2-3 ", "99999999999999999999-0-0"} {
		if p, err := parsePosition(text); err == nil {
			t.Errorf("%q: %v", text, p)
		}
	}
}
