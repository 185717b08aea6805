package mailbox

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"time"
)

// source makes up the messages of a Fill. A message's bytes exist only while somebody
// looks at them; the last one is kept, because readers come back for another part of it.
type source struct {
	id    string
	to    string
	size  int
	first time.Time // of message 0; each one comes a minute behind the one before

	last atomic.Pointer[madeUp]
}

// madeUp is one message of a source, with what was computed from it.
type madeUp struct {
	n    int
	raw  []byte
	memo memo
}

// get makes message n up, the same bytes each time.
func (s *source) get(n int) *madeUp {
	if m := s.last.Load(); m != nil && m.n == n {
		return m
	}
	m := &madeUp{n: n, raw: s.write(n)}
	s.last.Store(m)
	return m
}

func (s *source) received(n int) time.Time { return s.first.Add(time.Duration(n) * time.Minute) }

// write is a message of exactly s.size bytes, lines of text with CRLF.
func (s *source) write(n int) []byte {
	var b bytes.Buffer
	b.Grow(s.size)
	fmt.Fprintf(&b, "Date: %s\r\nFrom: Sender %d <sender%d@example.test>\r\nTo: <%s>\r\nSubject: Message %d\r\nMessage-ID: <fill-%d@example.test>\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
		s.received(n).Format(time.RFC1123Z), n%97, n%97, s.to, n+1, n+1)
	const text = "The quick brown fox jumps over the lazy dog, again and again."
	for left := s.size - b.Len(); left > 0; left = s.size - b.Len() {
		k := min(len(text), left-2)
		if left-k-2 == 1 {
			k-- // the last line needs room for its end
		}
		b.WriteString(text[:k] + "\r\n")
	}
	return b.Bytes()
}

// Fill adds messages that are made up until the mailbox has total, each of size bytes (at
// least 600), with UIDs that are gap apart. It returns how many were added, 0 too when the
// mailbox was deleted or its UIDs are used up. They cost some 110 bytes of memory each,
// whatever their size.
func (b *Mailbox) Fill(total, size, gap int, to string) int {
	b.mu.Lock()
	missing := total - len(b.entries)
	if b.gone || missing <= 0 || size < 600 || gap < 1 || int64(b.uidNext)+int64(missing)*int64(gap) > math.MaxUint32 {
		b.mu.Unlock()
		return 0
	}
	src := &source{id: strings.ToLower(rand.Text()[:16]), to: to, size: size, first: b.store.now().Truncate(time.Minute).Add(-time.Duration(missing) * time.Minute)}
	messages := make([]Message, missing) // together: they come and go together
	modSeq := b.modSeq.Load() + 1
	for i := range messages {
		m := &messages[i]
		m.source, m.number = src, i
		b.uidNext += UID(gap - 1)
		b.insert(Entry{Date: src.received(i), Message: m}, modSeq)
	}
	b.changed(modSeq, nil)
	b.mu.Unlock()
	b.store.arrived()
	return missing
}
