package server_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/mailrig/mailrig/server"
)

// TestHugeInboxStaysSmall: a hundred thousand messages, read whole by IMAP and listed by
// POP3, leave no more in memory than their list; and each user's INBOX is filled once,
// also when several log in at once.
func TestHugeInboxStaysSmall(t *testing.T) {
	s := start(t, server.Config{Scenarios: load(t, "imap-huge-inbox")})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			c := dial(t, s, 143)
			if err := talk(c, "", "* OK", "a LOGIN alice x", "a OK", "a SELECT INBOX", "* 100000 EXISTS", "", "a OK"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	imap := dial(t, s, 143)
	if err := talk(imap, "", "* OK", "a LOGIN alice x", "a OK", "a SELECT INBOX", "a OK", "a UID FETCH 1:* (ENVELOPE BODYSTRUCTURE)", "a OK",
		"a UID SEARCH TEXT nobody-has-this", "a OK"); err != nil {
		t.Error(err)
	}
	pop := dial(t, s, 110)
	if err := talk(pop, "", "+OK", "USER alice", "+OK", "PASS x", "+OK", "STAT", fmt.Sprintf("+OK 100000 %d", 100_000*2000)); err != nil {
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
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 8<<20 {
		t.Errorf("reading it all has left %d KiB", grown>>10)
	}
	t.Logf("%d KiB of heap before, %d KiB after reading all", before.HeapAlloc>>10, after.HeapAlloc>>10)
	again := dial(t, s, 143)
	if err := talk(again, "", "* OK", "a LOGIN alice x", "a OK", "a SELECT INBOX", "* 99999 EXISTS", "", "a OK"); err != nil {
		t.Errorf("what was deleted has come back: %v", err)
	}
}
