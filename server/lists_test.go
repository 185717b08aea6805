package server_test

import (
	"fmt"
	"io"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// BenchmarkLists measures the first page of each list, and searches, over HTTP: with 100,000 messages of 1,000 users and 1,000 sessions.
// It also says how much memory all of it takes.
func BenchmarkLists(b *testing.B) {
	const messages, users, sessions = 100_000, 1000, 1000
	s := start(b, server.Config{HTTP: "127.0.0.1:0"})
	for i := range messages {
		raw := fmt.Sprintf("From: Sender %d <s%d@example.test>\r\nSubject: Number %d\r\n\r\nSome words, and the code %06d.\r\n", i%10, i%10, i, i)
		if err := s.Deliver(fmt.Sprintf("u%d@example.test", i%users), []byte(raw), time.Now()); err != nil {
			b.Fatal(err)
		}
	}
	for range sessions {
		c := dial(b, s, 25)
		for _, step := range [][2]string{{"", "220"}, {"HELO client.example", "250"}, {"MAIL FROM:<a@example.test>", "250"}, {"QUIT", "221"}} {
			if err := c.say(step[0], step[1]); err != nil {
				b.Fatal(err)
			}
		}
		_ = c.Close()
	}
	for _, path := range []string{
		"/api/v1/mail", "/api/v1/mail?user=u7@example.test", "/api/v1/mail?match=subject:4711", "/api/v1/mail?match=body:nowhere", "/api/v1/mail?match=text:nowhere",
		"/api/v1/sessions?after=0&limit=50", "/api/v1/sessions?match=door:993", "/api/v1/findings", "/api/v1/users?limit=50", "/api/v1/users/u7@example.test/mailboxes", "/api/v1/scenarios",
		"/api/v1/messages", "/api/v2/messages", "/",
	} {
		get := func() {
			resp, err := http.Get(s.HTTPURL() + path)
			if err != nil {
				b.Fatal(err)
			}
			defer resp.Body.Close()
			if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
				b.Fatal(resp.Status, err)
			}
		}
		get() // the first search reads the messages
		b.Run(path, func(b *testing.B) {
			for b.Loop() {
				get()
			}
		})
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	b.Logf("%d MiB are in use", m.HeapAlloc>>20)
}
