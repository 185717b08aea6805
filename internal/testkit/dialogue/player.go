package dialogue

import (
	"bufio"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/testkit/golden"
)

// patience is how long a server may take for its next line.
const patience = 2 * time.Minute

// Player plays one file.
type Player struct {
	T testing.TB
	// Dial opens a connection when its name first occurs: "", "2" and so on. The client's end of a Pipe is best. On a
	// Pipe, the player notices a superfluous line at once, and -update needs to know nothing about the protocol. On any
	// other connection it reads as many lines as the file has.
	Dial func(name string) net.Conn
	// Words are the test's own words, such as "LOG:".
	Words map[string]func(*Line)
	// Ended, if not nil, is called after CLOSED. The client has closed its side too by then.
	Ended func(*Line)

	conns map[string]*conn
	out   strings.Builder // the file as it was played
}

// conn is one connection of a file.
type conn struct {
	net.Conn
	r     *bufio.Reader
	asked bool // the server must still answer: with its greeting, or with a reply
	over  bool // after CLOSED
}

// Each runs test for every file that matches the pattern, in parallel subtests.
func Each(t *testing.T, pattern string, test func(t *testing.T, file string)) {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues in %s: %v", pattern, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			test(t, file)
		})
	}
}

// Play plays a file. It fails the test at the first line from the server that differs from the file. With -update it
// writes the file as it was played.
func (p *Player) Play(file string) {
	p.T.Helper()
	lines := read(p.T, file)
	for len(lines) > 0 {
		lines = lines[p.step(lines):]
	}
	for _, name := range slices.Sorted(maps.Keys(p.conns)) {
		p.finish(p.conns[name], &Line{Conn: name, file: file, n: strings.Count(p.out.String(), "\n") + 1, raw: "the end of the file"})
	}
	if golden.Updating() && !p.T.Failed() {
		golden.Write(p.T, file, p.out.String())
	}
}

// finish checks that the file has everything that the server says.
func (p *Player) finish(c *conn, end *Line) {
	p.T.Helper()
	p.settle(c, end)
	if pipe, ok := c.Conn.(*Pipe); !ok || c.over || !pipe.Closed() {
		return
	}
	if !golden.Updating() {
		p.T.Errorf("%s: the server closes the connection, and the file doesn't say CLOSED%s", end.Where(), end.Conn)
	}
	p.out.WriteString("CLOSED" + end.Conn + "\n")
}

// step plays the first event in the lines and returns how many lines it consumed.
func (p *Player) step(lines []*Line) int {
	p.T.Helper()
	l := lines[0]
	if l.speaker() == 'S' {
		n := run(lines, func(x *Line) bool { return x.speaker() == 'S' && x.Conn == l.Conn })
		p.hear(p.conn(l.Conn), lines[:n])
		return n
	}
	if l.speaker() == 'C' {
		n := 1 + run(lines[1:], func(x *Line) bool { return x.Word == "C+" && x.Conn == l.Conn })
		p.say(lines[:n])
		return n
	}
	p.out.WriteString(l.raw + "\n")
	switch {
	case l.Word == "":
	case l.Word == "CLOSED":
		p.closed(l)
	case l.Word == "LEAVE":
		if err := p.conn(l.Conn).Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			p.T.Fatalf("%s: %v", l.Where(), err)
		}
	case p.Words[l.Word] != nil:
		p.Words[l.Word](l)
	default:
		p.T.Fatalf("%s: no such event: %q", l.Where(), l.raw)
	}
	return 1
}

// run returns how many lines at the beginning satisfy ok.
func run(lines []*Line, ok func(*Line) bool) int {
	n := 0
	for n < len(lines) && ok(lines[n]) {
		n++
	}
	return n
}

// conn returns the connection with this name, and opens it if it is new.
func (p *Player) conn(name string) *conn {
	p.T.Helper()
	if p.conns[name] == nil {
		p.Use(name, p.Dial(name))
		p.conns[name].asked = true
	}
	return p.conns[name]
}

// Open opens the connection with this name unless it is open, and returns it.
func (p *Player) Open(name string) net.Conn {
	p.T.Helper()
	return p.conn(name).Conn
}

// Use replaces the connection under this name, as after a TLS handshake.
func (p *Player) Use(name string, c net.Conn) {
	if p.conns == nil {
		p.conns = map[string]*conn{}
	}
	p.conns[name] = &conn{Conn: c, r: bufio.NewReader(c)}
}

// say sends what the lines say, in one segment.
func (p *Player) say(lines []*Line) {
	p.T.Helper()
	c, l := p.conn(lines[0].Conn), lines[0]
	p.settle(c, l)
	var all strings.Builder
	for _, x := range lines {
		p.out.WriteString(x.raw + "\n")
		all.WriteString(x.Text)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c, all.String()); err != nil {
		p.T.Fatalf("%s: the client can't send: %v", l.Where(), err)
	}
	c.asked = true
}

// settle ends the server's turn before the client speaks. Anything that the server has said and no line of the file has
// matched is an error.
func (p *Player) settle(c *conn, next *Line) {
	p.T.Helper()
	pipe, ok := c.Conn.(*Pipe)
	if !ok || !c.asked {
		return
	}
	c.asked = false
	pipe.await(p.T, next, 0)
	for line := pipe.line(); line != ""; line = pipe.line() {
		if !golden.Updating() {
			p.T.Fatalf("%s: before this the server says %q", next.Where(), line)
		}
		p.out.WriteString(said(next.Conn, line) + "\n")
	}
}

// hear compares what the server says with the lines.
func (p *Player) hear(c *conn, want []*Line) {
	p.T.Helper()
	updating := golden.Updating()
	pipe, piped := c.Conn.(*Pipe)
	if piped && c.asked {
		least := len(want)
		if updating {
			least = 0
		}
		pipe.await(p.T, want[0], least)
	}
	n := 0
	for ; n < len(want) || piped && c.asked && updating; n++ {
		w := want[min(n, len(want)-1)]
		got := ""
		switch {
		case piped && c.asked:
			if got = pipe.line(); got == "" && updating {
				c.asked = false
				return
			}
		case piped:
			pipe.awaitLine(p.T, w)
			got = pipe.line()
		default:
			got = p.readLine(c, w)
		}
		switch {
		case n < len(want) && w.matches(got):
			p.out.WriteString(w.raw + "\n")
		case updating:
			p.out.WriteString(said(w.Conn, got) + "\n")
		case got == "":
			p.T.Fatalf("%s: the server says nothing more; want %q", w.Where(), w.raw)
		default:
			p.T.Fatalf("%s:\n got %s\nwant %s", w.Where(), said(w.Conn, got), w.raw)
		}
	}
}

// readLine reads a line, or what comes before the end of the connection.
func (p *Player) readLine(c *conn, want *Line) string {
	p.T.Helper()
	_ = c.SetDeadline(time.Now().Add(patience))
	if want.Word == "S-" && !strings.HasSuffix(want.Text, "\n") {
		b := make([]byte, len(want.Text)) // it has no line end
		n, _ := io.ReadFull(c.r, b)
		return string(b[:n])
	}
	got, err := c.r.ReadString('\n')
	if err != nil && got == "" {
		p.T.Fatalf("%s: want %q, got %v", want.Where(), want.raw, err)
	}
	return got
}

// closed checks that the server closes the connection without another word.
func (p *Player) closed(l *Line) {
	p.T.Helper()
	c := p.conn(l.Conn)
	if pipe, ok := c.Conn.(*Pipe); ok {
		pipe.awaitClose(p.T, l)
	} else {
		_ = c.SetDeadline(time.Now().Add(patience))
		if b, err := c.r.ReadByte(); err == nil {
			rest, _ := c.r.ReadString('\n')
			p.T.Fatalf("%s: the server says %q instead of closing", l.Where(), string(b)+rest)
		} else if os.IsTimeout(err) {
			p.T.Fatalf("%s: the server doesn't close", l.Where())
		}
	}
	c.over, c.asked = true, false
	c.Close()
	if p.Ended != nil {
		p.Ended(l)
	}
}
