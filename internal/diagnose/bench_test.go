package diagnose

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// BenchmarkFindings measures the findings of one client with as many sessions as the watcher keeps: real clients' in
// ordinary use.
func BenchmarkFindings(b *testing.B) {
	files, err := filepath.Glob("testdata/ordinary/*.json")
	if err != nil || len(files) == 0 {
		b.Fatal("no sessions", err)
	}
	var records []*event.Record
	for _, path := range files {
		records = append(records, readRecords(b, path)...)
	}
	records = slices.Repeat(records, 2)[:64]
	c := NewCase(records, time.Now())
	b.ReportAllocs()
	for b.Loop() {
		c.Findings(false)
	}
}

// BenchmarkLongSession measures a session that sends as many messages as a record holds.
func BenchmarkLongSession(b *testing.B) {
	text := "session 465\n-- tls: TLS 1.3, sni localhost\nS: 220 ready\nC: EHLO client.example.test\nS: 250 fine\n"
	for range 100 {
		text += "C: MAIL FROM:<alice@example.test>\nS: 250 fine\nC: RCPT TO:<bob@example.test>\nS: 250 fine\nC: DATA\nS: 354 go on\n" +
			"C> From: alice@example.test (300 bytes)\n-- stored: <1@example.test> for bob@example.test\nS: 250 fine\n"
	}
	c := readCase(b, text+"C: QUIT\nS: 221 bye\nend server\n")
	b.ReportAllocs()
	for b.Loop() {
		c.Findings(false)
	}
}
