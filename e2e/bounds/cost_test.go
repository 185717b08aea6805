package bounds

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/mailrig/mailrig/internal/testkit/pgserver"
)

// durable are the settings of a database that keeps what it has acknowledged, which are PostgreSQL's own.
var durable = []string{"fsync = on", "full_page_writes = on"}

const kibibyte = 1 << 10

// send delivers a message of 1 KiB on a connection that has said EHLO.
func send(c *conn, to string) error {
	text := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 62)+"\r\n", kibibyte/64)
	return c.play("MAIL FROM:<a@b.test>\r\n", "250 ", "RCPT TO:<"+to+">\r\n", "250 ", "DATA\r\n", "354 ", text+".\r\n", "250 ")
}

// opened connects and says what must be said first.
func opened(b *testing.B, r *rig, door int, steps ...string) *conn {
	b.Helper()
	c, err := r.open(door)
	if err == nil {
		err = c.play(steps...)
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return c
}

// BenchmarkReplicas measures how many messages of 1 KiB one, two and three replicas take from 16 connections together, for
// 16 accounts, with a database that keeps what it has acknowledged.
//
//	go test ./e2e/bounds -run '^$' -bench Replicas -benchtime 5000x
func BenchmarkReplicas(b *testing.B) {
	for _, replicas := range []int{1, 2, 3} {
		b.Run(fmt.Sprint(replicas), func(b *testing.B) {
			db := pgserver.Server{Settings: durable}
			url := db.Database(b)
			b.Cleanup(db.Stop)
			program := compile(b)
			var clients []*conn
			var rigs []*rig
			for range replicas {
				rigs = append(rigs, run(b, []string{program}, io.Discard, "--data", url))
			}
			const connections = 16
			for i := range connections {
				c := opened(b, rigs[i%replicas], 25, "EHLO x\r\n", "250 ")
				if err := send(c, fmt.Sprintf("user%d", i)); err != nil { // makes the account
					b.Fatal(err)
				}
				clients = append(clients, c)
			}
			var sent atomic.Int64
			var group sync.WaitGroup
			b.ResetTimer()
			for i, c := range clients {
				group.Go(func() {
					for sent.Add(1) <= int64(b.N) {
						if err := send(c, fmt.Sprintf("user%d", i)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}

// BenchmarkPush measures how long after the 250 at one replica an IDLE at another is told.
//
//	go test ./e2e/bounds -run '^$' -bench Push -benchtime 1000x
func BenchmarkPush(b *testing.B) {
	db := pgserver.Server{Settings: durable}
	url := db.Database(b)
	b.Cleanup(db.Stop)
	program := compile(b)
	from, to := run(b, []string{program}, io.Discard, "--data", url), run(b, []string{program}, io.Discard, "--data", url)
	idle := opened(b, to, 143, "a LOGIN alice x\r\n", "a OK", "a SELECT INBOX\r\n", "a OK", "a IDLE\r\n", "+")
	sender := opened(b, from, 25, "EHLO x\r\n", "250 ")
	var took []time.Duration
	for b.Loop() {
		told := make(chan time.Time, 1)
		go func() {
			_, err := idle.say("", "* ")
			for err == nil { // EXISTS and RECENT
				var line string
				if line, err = idle.say("", "* "); strings.HasSuffix(line, "RECENT\r\n") {
					break
				}
			}
			told <- time.Now()
		}()
		if err := send(sender, "alice"); err != nil {
			b.Fatal(err)
		}
		acknowledged := time.Now()
		took = append(took, max(0, (<-told).Sub(acknowledged)))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
}

// BenchmarkCost counts what an operation of one client costs at the database: round trips, bytes in both directions, rows
// that are written, bytes of the write-ahead log. Nothing else happens meanwhile but the heartbeat and the probe, once in
// two seconds each.
//
//	go test ./e2e/bounds -run '^$' -bench Cost -benchtime 200x
func BenchmarkCost(b *testing.B) {
	db := pgserver.Server{Settings: append(slices.Clone(durable), "autovacuum = off", "wal_compression = off", "full_page_writes = off")}
	url := db.Database(b)
	b.Cleanup(db.Stop)
	link := newCut(b, url)
	r := run(b, []string{compile(b)}, io.Discard, "--data", link.url)
	watch, err := pgx.Connect(context.Background(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { watch.Close(context.Background()) })
	smtp := opened(b, r, 25, "EHLO x\r\n", "250 ")
	busy := opened(b, r, 2525, "EHLO x\r\n", "250 ")
	imap := opened(b, r, 143, "a LOGIN alice x\r\n", "a OK", "a SELECT INBOX\r\n", "a OK")
	for range 100 {
		if err := send(smtp, "alice"); err != nil {
			b.Fatal(err)
		}
	}
	say := func(steps ...string) func() error { return func() error { return imap.play(steps...) } }
	flag := 0
	for _, op := range []struct {
		name string
		do   func() error
	}{
		{"deliver", func() error { return send(smtp, "alice") }},
		{"append", say("a APPEND INBOX {5+}\r\nx\r\n\r\n\r\n", "a OK")},
		{"noop", say("a NOOP\r\n", "a OK")},
		{"flag", func() error {
			flag++
			return imap.play(fmt.Sprintf("a UID STORE 1 %cFLAGS.SILENT (\\Flagged)\r\n", "+-"[flag%2]), "a OK")
		}},
		{"fetch", say("a UID FETCH 2 BODY.PEEK[]\r\n", "a OK")},
		{"headers-of-100", say("a UID FETCH 1:100 (UID FLAGS ENVELOPE)\r\n", "a OK")},
		{"copy", say("a UID COPY 3 Archive\r\n", "a OK")},
		{"select", say("a SELECT INBOX\r\n", "a OK")},
		{"login", func() error {
			c, err := r.open(143)
			if err != nil {
				return err
			}
			defer c.Close()
			return c.play("a LOGIN alice x\r\n", "a OK", "a LOGOUT\r\n", "a OK")
		}},
		{"pop3-stat", func() error {
			c, err := r.open(110)
			if err != nil {
				return err
			}
			defer c.Close()
			return c.play("USER bob\r\n", "+OK", "PASS x\r\n", "+OK", "STAT\r\n", "+OK", "QUIT\r\n", "+OK")
		}},
		{"50ms-of-rest", func() error {
			time.Sleep(50 * time.Millisecond)
			return nil
		}},
		{"rule-counted", func() error {
			return busy.play("MAIL FROM:<a@b.test>\r\n", "250 ", "RSET\r\n", "250 ")
		}},
	} {
		if op.name == "rule-counted" {
			rule := "name: busy\ntitle: t\nstory: s\nrules:\n  - match: {door: 2525, command: MAIL}\n    skip: 100000\n    reply: 451 busy\n"
			if _, err := api(r, "PUT", "/api/v1/scenario", fmt.Sprintf(`{"inline": [{"file": "busy.yaml", "yaml": %q}]}`, rule)); err != nil {
				b.Fatal(err)
			}
			busy = opened(b, r, 2525, "EHLO x\r\n", "250 ")
		}
		b.Run(op.name, func(b *testing.B) {
			if err := op.do(); err != nil { // prepares the statements
				b.Fatal(err)
			}
			before := spent(b, watch, link)
			for b.Loop() {
				if err := op.do(); err != nil {
					b.Fatal(err)
				}
			}
			after := spent(b, watch, link)
			for i, unit := range []string{"trips/op", "sent-B/op", "got-B/op", "statements/op", "read/op", "written/op", "WAL-B/op"} {
				b.ReportMetric(float64(after[i]-before[i])/float64(b.N), unit)
			}
		})
	}
}

// spent returns round trips, bytes to and from the database, statements, rows read and written, and bytes of the write-ahead
// log so far.
func spent(b *testing.B, watch *pgx.Conn, link *cut) [7]int64 {
	b.Helper()
	var wal int64
	if err := watch.QueryRow(context.Background(), "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint").Scan(&wal); err != nil {
		b.Fatal(err)
	}
	return [7]int64{link.trips.Load(), link.asked.Load(), link.answered.Load(), link.statements.Load(), link.read.Load(), link.written.Load(), wal}
}

// BenchmarkRoom measures how much the database grows with each message of 1 KiB, all different, and how that is spread.
//
//	go test ./e2e/bounds -run '^$' -bench Room -benchtime 5000x
func BenchmarkRoom(b *testing.B) {
	var db pgserver.Server
	url := db.Database(b)
	b.Cleanup(db.Stop)
	r := run(b, []string{compile(b)}, io.Discard, "--data", url)
	watch, err := pgx.Connect(context.Background(), url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { watch.Close(context.Background()) })
	smtp := opened(b, r, 25, "EHLO x\r\n", "250 ")
	room := func() (n [4]int64) {
		for i, of := range []string{"entries", "messages", "bodies", "pieces"} {
			if err := watch.QueryRow(context.Background(), "SELECT pg_total_relation_size('mailrig."+of+"')").Scan(&n[i]); err != nil {
				b.Fatal(err)
			}
		}
		return n
	}
	before, n := room(), 0
	for b.Loop() {
		n++
		text := fmt.Sprintf("Subject: %d\r\n\r\n", n) + strings.Repeat(strings.Repeat("x", 62)+"\r\n", kibibyte/64)
		if err := smtp.play("MAIL FROM:<a@b.test>\r\n", "250 ", fmt.Sprintf("RCPT TO:<user%d>\r\n", n%20), "250 ", "DATA\r\n", "354 ", text+".\r\n", "250 "); err != nil {
			b.Fatal(err)
		}
	}
	after, sum := room(), 0.0
	for i, unit := range []string{"entries-B/op", "messages-B/op", "bodies-B/op", "pieces-B/op"} {
		grown := float64(after[i]-before[i]) / float64(b.N)
		sum += grown
		b.ReportMetric(grown, unit)
	}
	b.ReportMetric(sum, "B/op")
}
