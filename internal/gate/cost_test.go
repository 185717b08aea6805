package gate_test

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"
)

// TestMessageCost bounds what a message takes on a kept connection, from the socket to the store: allocations, and bytes
// besides the message's own.
func TestMessageCost(t *testing.T) {
	if raceDetector {
		t.Skip("pools lose a part of what is put into them")
	}
	for _, c := range []struct {
		name         string
		size         int
		most         float64 // allocations
		bytesBesides uint64
	}{
		{"1 KiB", 1 << 10, 95, 9 << 10},
		{"100 KiB", 100 << 10, 95, 16 << 10},
	} {
		r := newRig(t, options{protocol: "smtp", port: 25, maxBytes: 1 << 20})
		expect := func(want string) {
			t.Helper()
			if line, err := r.br.ReadSlice('\n'); err != nil || !bytes.HasPrefix(line, []byte(want)) {
				t.Fatalf("%q, %v; want %s", line, err, want)
			}
		}
		expect("220 ")
		steps := []struct {
			say  []byte
			want string
		}{
			{[]byte("MAIL FROM:<a@example.test>\r\n"), "250 "}, {[]byte("RCPT TO:<b@example.test>\r\n"), "250 "}, {[]byte("DATA\r\n"), "354 "},
			{[]byte("Subject: cost\r\n\r\n" + strings.Repeat(strings.Repeat("x", 62)+"\r\n", c.size/64) + ".\r\n"), "250 "},
		}
		send := func() {
			for _, s := range steps {
				if _, err := r.conn.Write(s.say); err != nil {
					t.Fatal(err)
				}
				expect(s.want)
			}
		}
		if _, err := io.WriteString(r.conn, "HELO client.example.test\r\n"); err != nil {
			t.Fatal(err)
		}
		expect("250 ")
		send()
		const runs = 50
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		n := testing.AllocsPerRun(runs-1, send) // and once before it counts
		runtime.ReadMemStats(&after)
		each := (after.TotalAlloc - before.TotalAlloc) / runs
		t.Logf("%s: %v allocations, %d bytes", c.name, n, each)
		if n > c.most || each > uint64(c.size)+c.bytesBesides {
			t.Errorf("%s: %v allocations, %d bytes; at most %v and %d", c.name, n, each, c.most, uint64(c.size)+c.bytesBesides)
		}
	}
}
