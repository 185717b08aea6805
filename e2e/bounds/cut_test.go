package bounds

import (
	"encoding/binary"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// cut is a link between a replica and the database that can be cut: nothing comes through then, in neither direction, and
// nobody is told.
type cut struct {
	url string // of the database through the link

	mu    sync.Mutex
	whole *sync.Cond
	is    bool
	ended bool

	asked, answered atomic.Int64 // bytes to the database, and from it
	trips           atomic.Int64 // how often something was asked after an answer
	asking          atomic.Bool
	statements      atomic.Int64
	read, written   atomic.Int64 // rows
}

func newCut(t testing.TB, database string) *cut {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, target := &cut{}, u.Host
	c.whole = sync.NewCond(&c.mu)
	u.Host = l.Addr().String()
	u.RawQuery = "sslmode=disable" // so that completed can read along
	c.url = u.String()
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			group.Go(func() { c.link(conn, target) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		c.mu.Lock()
		c.ended = true
		c.whole.Broadcast()
		c.mu.Unlock()
	})
	return c
}

// set cuts the link, or makes it whole.
func (c *cut) set(is bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.is = is
	c.whole.Broadcast()
}

// passable waits until the link is whole.
func (c *cut) passable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.is && !c.ended {
		c.whole.Wait()
	}
	return !c.ended
}

func (c *cut) link(near net.Conn, target string) {
	defer near.Close()
	far, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer far.Close()
	var group sync.WaitGroup
	for _, way := range []struct {
		from, to net.Conn
		asks     bool
	}{{near, far, true}, {far, near, false}} {
		group.Go(func() {
			c.pass(way.from, way.to, way.asks)
			near.Close()
			far.Close()
		})
	}
	group.Wait()
}

func (c *cut) pass(from io.Reader, to io.Writer, asks bool) {
	buf := make([]byte, 32<<10)
	var said replies
	for {
		n, err := from.Read(buf)
		if !c.passable() {
			return
		}
		if n > 0 {
			c.count(int64(n), asks)
			if !asks {
				said.take(buf[:n], c.completed)
			}
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// count counts bytes, and round trips. These are right if one connection at a time is used.
func (c *cut) count(n int64, asks bool) {
	if asks {
		c.asked.Add(n)
	} else {
		c.answered.Add(n)
	}
	if was := c.asking.Swap(asks); asks && !was {
		c.trips.Add(1)
	}
}

// completed counts what a statement has done, by its tag: "INSERT 0 1", "UPDATE 3", "SELECT 7", "COMMIT".
func (c *cut) completed(tag string) {
	c.statements.Add(1)
	words := strings.Fields(tag)
	n, err := strconv.ParseInt(words[len(words)-1], 10, 64)
	switch {
	case err != nil:
	case words[0] == "SELECT":
		c.read.Add(n)
	default:
		c.written.Add(n)
	}
}

// replies reads what a PostgreSQL server says (PostgreSQL's documentation, section "Message Formats"): a letter, a length
// that counts itself, and the rest.
type replies struct{ rest []byte }

// take calls completed for each statement that was carried out.
func (m *replies) take(data []byte, completed func(tag string)) {
	m.rest = append(m.rest, data...)
	for len(m.rest) >= 5 {
		end := 1 + int(binary.BigEndian.Uint32(m.rest[1:]))
		if end > len(m.rest) {
			return
		}
		if m.rest[0] == 'C' {
			completed(strings.TrimRight(string(m.rest[5:end]), "\x00"))
		}
		m.rest = m.rest[end:]
	}
}
