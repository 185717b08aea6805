package bounds

import (
	"io"
	"net"
	"net/url"
	"sync"
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
}

func newCut(t *testing.T, database string) *cut {
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
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		group.Go(func() {
			c.pass(way[0], way[1])
			near.Close()
			far.Close()
		})
	}
	group.Wait()
}

func (c *cut) pass(from io.Reader, to io.Writer) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if !c.passable() {
			return
		}
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
