package server_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/testkit/pgserver"
	"github.com/mailrig/mailrig/server"
)

// durable returns the URL of a new database whose commits wait for the disk.
func durable(b *testing.B) string {
	db := pgserver.Server{Settings: []string{"fsync = on", "full_page_writes = on"}}
	url := db.Database(b)
	b.Cleanup(db.Stop)
	return url
}

// BenchmarkDeliver is 16 SMTP connections that deliver messages of 1 KiB to 16 accounts: with mail in memory, in a directory,
// and in a database that one, two or three servers share. docs/data.md has the numbers.
func BenchmarkDeliver(b *testing.B) {
	for _, place := range []struct {
		name    string
		servers int
		data    func(*testing.B) string
	}{
		{"memory", 1, func(*testing.B) string { return "" }},
		{"directory", 1, func(b *testing.B) string { return b.TempDir() }},
		{"database/1", 1, durable},
		{"database/2", 2, durable},
		{"database/3", 3, durable},
	} {
		b.Run(place.name, func(b *testing.B) {
			cfg := server.Config{Data: place.data(b)}
			var servers []*server.Server
			for range place.servers {
				servers = append(servers, start(b, cfg))
			}
			text := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 14) + "\r\n."
			var group sync.WaitGroup
			var next atomic.Int64
			begin := make(chan struct{})
			for i := range 16 {
				c := dial(b, servers[i%len(servers)], 25)
				if err := c.say("", "220 "); err != nil {
					b.Fatal(err)
				}
				if err := c.say("EHLO x", "250 "); err != nil {
					b.Fatal(err)
				}
				group.Go(func() {
					<-begin
					for next.Add(1) <= int64(b.N) {
						for _, step := range [][2]string{{"MAIL FROM:<a@b.test>", "250 "}, {fmt.Sprintf("RCPT TO:<u%d@example.test>", i), "250 "}, {"DATA", "354 "}, {text, "250 "}} {
							if err := c.say(step[0], step[1]); err != nil {
								b.Error(err)
								return
							}
						}
					}
				})
			}
			b.ResetTimer()
			close(begin)
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkPush is how long it takes from the moment at which one server has acknowledged a message until another one, on the
// same database, tells an IDLE of it.
func BenchmarkPush(b *testing.B) {
	cfg := server.Config{Data: durable(b)}
	from, to := start(b, cfg), start(b, cfg)
	idle, smtp := dial(b, to, 143), dial(b, from, 25)
	say := func(c *client, steps ...string) {
		for i := 0; i < len(steps); i += 2 {
			if err := c.say(steps[i], steps[i+1]); err != nil {
				b.Fatal(err)
			}
		}
	}
	say(idle, "", "* OK", "a LOGIN alice secret", "a OK", "b SELECT INBOX", "b OK", "c IDLE", "+")
	say(smtp, "", "220 ", "EHLO x", "250 ")
	var times []time.Duration
	b.ResetTimer()
	for i := range b.N {
		say(smtp, "MAIL FROM:<a@b.test>", "250 ", "RCPT TO:<alice@example.test>", "250 ", "DATA", "354 ", "Subject: x\r\n\r\nx\r\n.", "250 ")
		acknowledged := time.Now()
		say(idle, "", fmt.Sprintf("* %d EXISTS", i+1))
		times = append(times, time.Since(acknowledged))
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return float64(times[int(share*float64(len(times)-1))]) / float64(time.Millisecond)
	}
	b.ReportMetric(at(0.5), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(at(1), "max-ms")
}
