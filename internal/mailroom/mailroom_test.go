package mailroom

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/wait"
)

// full returns mailboxes with messages of about 1 kB, for so many users.
func full(t testing.TB, messages, users int) *Room {
	t.Helper()
	st := memory.New(memory.Options{})
	for i := range messages {
		user := fmt.Sprintf("u%d@example.test", i%users)
		raw := fmt.Sprintf("From: Sender %d <sender%d@example.test>\r\nTo: <%s>\r\nSubject: Message number %d\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%scode %06d\r\n",
			i%100, i%100, user, i, strings.Repeat("Grüße aus Zürich, and some more words in this line.\r\n", 16), i)
		if _, err := st.Deliver(context.Background(), []string{user}, store.Incoming{Content: store.Bytes(raw)}); err != nil {
			t.Fatal(err)
		}
	}
	return New(st)
}

// BenchmarkList lists and searches 100,000 messages.
func BenchmarkList(b *testing.B) {
	for _, users := range []int{1, 1000} {
		room := full(b, 100_000, users)
		for name, q := range map[string]Query{
			"first page":    {Limit: 50},
			"page of one":   {Limit: 50, User: "u0"},
			"subject":       {Limit: 50, Match: []wait.Matcher{{Key: "subject", Value: "number 7 "}}},
			"rare in text":  {Limit: 50, Match: []wait.Matcher{{Key: "text", Value: "code 000007"}}},
			"none in text":  {Limit: 50, Match: []wait.Matcher{{Key: "text", Value: "nowhere"}}},
			"often in text": {Limit: 50, Match: []wait.Matcher{{Key: "text", Value: "words"}}},
		} {
			b.Run(fmt.Sprintf("%s of %d users", name, users), func(b *testing.B) {
				for b.Loop() {
					if _, err := room.List(b.Context(), q); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// TestLookUp checks that a page and a message are found at once among many mailboxes.
func TestLookUp(t *testing.T) {
	t.Parallel()
	room := full(t, 300, 30)
	var seen int
	q := Query{Limit: 7}
	for {
		page, err := room.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Messages {
			seen++
			if got, err := room.Get(t.Context(), m.ID); err != nil || got.Subject != m.Subject || got.Mailbox != m.Mailbox {
				t.Errorf("%s: %+v, %v", m.ID, got, err)
			}
		}
		if q.Before = page.Before; q.Before == 0 {
			break
		}
	}
	if seen != 300 {
		t.Errorf("%d of 300 messages", seen)
	}
	if n, err := full(t, 2*deletePiece+7, 3).DeleteMatching(t.Context(), Query{Match: []wait.Matcher{{Key: "from", Value: "sender"}}}); n != 2*deletePiece+7 || err != nil {
		t.Errorf("deleted %d of many, %v", n, err)
	}
	if n, err := room.DeleteMatching(t.Context(), Query{User: "u3"}); n != 10 || err != nil {
		t.Errorf("deleted %d, %v", n, err)
	}
	if page, err := room.List(t.Context(), Query{Limit: 1000}); len(page.Messages) != 290 || err != nil {
		t.Errorf("%d left, %v", len(page.Messages), err)
	}
}

// TestLongHeadings checks that what messages keep for searches stays within its room, and that a message without room is
// found all the same.
func TestLongHeadings(t *testing.T) {
	t.Parallel()
	memos := budget.New(1 << 20).Share(100 << 10)
	st := memory.New(memory.Options{Memos: memos})
	for i := range 300 {
		raw := fmt.Sprintf("Subject: number%d. %s\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n", i, strings.Repeat("x", i*50))
		if _, err := st.Deliver(t.Context(), []string{"u"}, store.Incoming{Content: store.Bytes(raw)}); err != nil {
			t.Fatal(err)
		}
	}
	room := New(st)
	for range 2 {
		for _, m := range []wait.Matcher{{Key: "subject", Value: "number1."}, {Key: "subject", Value: "number299."}} {
			if page, err := room.List(t.Context(), Query{Limit: 9, Match: []wait.Matcher{m}}); err != nil || len(page.Messages) != 1 {
				t.Errorf("%v: %d messages, %v", m, len(page.Messages), err)
			}
		}
		if page, err := room.List(t.Context(), Query{Limit: 999, Match: []wait.Matcher{{Key: "body", Value: "hello"}}}); err != nil || len(page.Messages) != 300 {
			t.Errorf("%d messages, %v", len(page.Messages), err)
		}
	}
	if used := memos.Used(); used > 100<<10 || used == 0 {
		t.Errorf("%d bytes are kept", used)
	}
}

// TestFoundMailReadsItself checks that each message that a search finds reads its own content.
func TestFoundMailReadsItself(t *testing.T) {
	t.Parallel()
	page, err := full(t, 40, 3).List(t.Context(), Query{Limit: 40, Match: []wait.Matcher{{Key: "text", Value: "code"}}})
	if err != nil || len(page.Messages) != 40 {
		t.Fatalf("%d messages, %v", len(page.Messages), err)
	}
	for _, m := range page.Messages {
		want := strings.TrimPrefix(m.Subject, "Message number ")
		raw, err := m.Raw(t.Context())
		if err != nil || !strings.Contains(string(raw), "Subject: "+m.Subject+"\r\n") {
			t.Errorf("%s reads %.200q, %v", m.Subject, raw, err)
		}
		if body, err := m.Body(t.Context()); err != nil || !strings.HasSuffix(strings.Trim(body, "\x00"), fmt.Sprintf("%06s", want)) {
			t.Errorf("%s has the text %q, %v", m.Subject, body, err)
		}
	}
}

// TestSearchAllocatesLittle checks what a search costs for each message that it looks at, and that doesn't match.
func TestSearchAllocatesLittle(t *testing.T) {
	const messages, most = 2000, 3
	room := full(t, messages, 10)
	q := Query{Limit: 50, Match: []wait.Matcher{{Key: "subject", Value: "nowhere"}}}
	if n := testing.AllocsPerRun(5, func() { _, _ = room.List(t.Context(), q) }); n > most*messages {
		t.Errorf("%.1f allocations for each message, more than %d", n/messages, most)
	}
}
