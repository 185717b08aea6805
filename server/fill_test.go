package server_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// TestHugeInboxStaysSmall checks that a huge INBOX, read whole by IMAP and listed by POP3, leaves only its list in
// memory, and that each user's INBOX is filled once even if several log in at the same time. The scenario has 100,000
// messages. This test has fewer, and the limit applies to each of them: whatever is kept of a message that was read
// exceeds it.
func TestHugeInboxStaysSmall(t *testing.T) {
	const messages, size = 5000, 2000
	scenario, err := scenarios.Parse("huge.yaml", fmt.Appendf(nil,
		"name: huge\ntitle: t\nstory: s\nrules:\n- fill: {messages: %d, size: %d, gap: 3}\n", messages, size))
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, server.Config{Scenarios: []*scenarios.Scenario{scenario}})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			c := dial(t, s, 143)
			if err := talk(c, "", "* OK", "a LOGIN alice x", "a OK", "a SELECT INBOX", fmt.Sprintf("* %d EXISTS", messages), "", "a OK"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	before := heap()
	imap := dial(t, s, 143)
	if err := talk(imap, "", "* OK", "a LOGIN alice x", "a OK", "a SELECT INBOX", "a OK", "a UID FETCH 1:* (ENVELOPE BODYSTRUCTURE)", "a OK",
		"a UID SEARCH TEXT nobody-has-this", "a OK"); err != nil {
		t.Error(err)
	}
	pop := dial(t, s, 110)
	if err := talk(pop, "", "+OK", "USER alice", "+OK", "PASS x", "+OK", "STAT", fmt.Sprintf("+OK %d %d", messages, messages*size)); err != nil {
		t.Error(err)
	}
	if _, err := io.WriteString(pop, "DELE 7\r\nQUIT\r\n"); err != nil {
		t.Error(err)
	}
	rest, err := io.ReadAll(pop.r)
	if err != nil || strings.Count(string(rest), "+OK") != 2 {
		t.Errorf("%q, %v", rest, err)
	}
	imap.Close()
	// The server notices the ends of the connections in its own time, and gives back what they held then.
	var after int64
	until(t, "reading it all leaves at most 200 bytes of each message", func() bool {
		after = heap()
		return (after-before)/messages <= 200
	})
	t.Logf("%d KiB of heap before, %d KiB after reading all", before>>10, after>>10)
	again := dial(t, s, 143)
	if err := talk(again, "", "* OK", "a LOGIN alice x", "a OK", "a SELECT INBOX", fmt.Sprintf("* %d EXISTS", messages-1), "", "a OK"); err != nil {
		t.Errorf("what was deleted has come back: %v", err)
	}
}

// heap returns how many bytes are alive. The second collection frees what the first one finalized or found in a
// sync.Pool.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
