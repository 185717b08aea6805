// Package madeup fills mailboxes with made-up messages.
//
// A message's bytes exist only while somebody reads them. If a store keeps a store.Message as it is (package memory
// does), 100,000 of them take about 10 MB, whatever their size. Another store may write them out. The session calls
// Append for the fault fill, and imapd for the messages that the fault meanwhile delivers.
package madeup

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/mailrig/mailrig/internal/store"
)

// MinSize is the smallest size of a message in bytes. Its header needs this much.
const MinSize = 600

// batch is how many messages are appended at once.
const batch = 1000

// Messages says what to add to a mailbox.
type Messages struct {
	Count int
	Size  int       // of each message, in bytes; at least MinSize
	Gap   int       // from one UID to the next; 1 means no gap
	To    string    // the recipient address in their headers
	Now   time.Time // zero means time.Now; the last message is a minute old
}

// Append adds the messages and returns how many were added. With an error, that may be fewer than m.Count.
func Append(ctx context.Context, st store.Messages, box store.MailboxID, m Messages) (int, error) {
	if m.Size < MinSize || m.Gap < 1 {
		return 0, fmt.Errorf("messages of %d bytes, UIDs %d apart: give at least %d bytes and 1", m.Size, m.Gap, MinSize)
	}
	if m.Now.IsZero() {
		m.Now = time.Now()
	}
	src := &source{
		id: strings.ToLower(rand.Text()[:16]), to: m.To, size: m.Size,
		first: m.Now.Truncate(time.Minute).Add(-time.Duration(m.Count) * time.Minute),
	}
	for done := 0; done < m.Count; {
		n := min(batch, m.Count-done)
		messages := make([]message, n) // allocated together: they come and go together
		incoming := make([]store.Incoming, n)
		for i := range messages {
			messages[i] = message{src, done + i}
			incoming[i] = store.Incoming{Content: &messages[i], Date: src.received(done + i), Gap: store.UID(m.Gap - 1)}
		}
		if _, err := st.Append(ctx, box, incoming); err != nil {
			return done, err
		}
		done += n
	}
	return m.Count, nil
}

// source makes up messages. It keeps the last one, because readers come back for another part of it.
type source struct {
	id    string
	to    string
	size  int
	first time.Time // of message 0; each one comes a minute after the previous one

	last atomic.Pointer[text]
}

// text is one message of a source, with what was computed from it.
type text struct {
	n    int
	raw  []byte
	memo store.Memory
}

// get makes up message n. The bytes are the same each time.
func (s *source) get(n int) *text {
	if t := s.last.Load(); t != nil && t.n == n {
		return t
	}
	t := &text{n: n, raw: s.write(n)}
	s.last.Store(t)
	return t
}

func (s *source) received(n int) time.Time { return s.first.Add(time.Duration(n) * time.Minute) }

// write returns a message of exactly s.size bytes, in lines that end with CR LF.
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
			k-- // the last line needs room for its line end
		}
		b.WriteString(text[:k] + "\r\n")
	}
	return b.Bytes()
}

// message is a store.Message. It takes 16 bytes.
type message struct {
	source *source
	number int
}

var _ store.Message = (*message)(nil)

func (m *message) ID() string    { return m.source.id + "-" + strconv.Itoa(m.number) }
func (m *message) Size() int64   { return int64(m.source.size) }
func (m *message) Bytes() []byte { return m.source.get(m.number).raw }

func (m *message) Open(ctx context.Context) (store.Reader, error) {
	return store.Bytes(m.Bytes()).Open(ctx)
}

func (m *message) Origin(context.Context) (store.Origin, error) {
	return store.Origin{Received: m.source.received(m.number)}, nil
}

func (m *message) Digest(context.Context) ([sha256.Size]byte, error) {
	return sha256.Sum256(m.Bytes()), nil
}

// Memo implements the method that store.Memo looks for.
func (m *message) Memo(key string, make func() any) any {
	return m.source.get(m.number).memo.Get(key, make)
}
