package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// imapLine is an IMAP client that reads responses as trees. It understands what any server says, however a string is written.
type imapLine struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	tag  int
}

// node is a string, a number or an atom (Text), NIL (Nil), or a list.
type node struct {
	Text string
	Nil  bool
	List []node
	list bool
}

// String writes a node so that two can be compared.
func (n node) String() string {
	switch {
	case n.Nil:
		return "NIL"
	case !n.list:
		return strconv.Quote(n.Text)
	}
	words := make([]string, len(n.List))
	for i := range n.List {
		words[i] = n.List[i].String()
	}
	return "(" + strings.Join(words, " ") + ")"
}

func dialIMAP(t testing.TB, address, user, password string) *imapLine {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &imapLine{t: t, conn: conn, r: bufio.NewReader(conn)}
	c.response()
	c.do(fmt.Sprintf("LOGIN %s %s", user, password))
	return c
}

// do sends a command, which may hold literals as {n+}, and returns its untagged responses. It must be answered with OK.
func (c *imapLine) do(command string) [][]node {
	c.t.Helper()
	c.tag++
	tag := fmt.Sprint("t", c.tag)
	c.conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(c.conn, tag+" "+command+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
	var all [][]node
	for {
		words := c.response()
		if words[0].Text != tag {
			all = append(all, words)
			continue
		}
		if words[1].Text != "OK" {
			c.t.Fatalf("%.200q is answered %v", command, words)
		}
		return all
	}
}

// response reads one response.
func (c *imapLine) response() []node {
	c.t.Helper()
	var stack [][]node
	var words []node
	for {
		b := c.next()
		switch b {
		case '\r':
			c.next()
			return words
		case ' ':
		case '(':
			stack, words = append(stack, words), nil
		case ')':
			if len(stack) == 0 { // of a text
				continue
			}
			list := node{List: words, list: true}
			words = append(stack[len(stack)-1], list)
			stack = stack[:len(stack)-1]
		case '"':
			words = append(words, node{Text: c.quoted()})
		case '{':
			digits, err := c.r.ReadString('\n')
			n, err2 := strconv.Atoi(strings.TrimRight(digits, "+}\r\n"))
			text := make([]byte, max(n, 0))
			if _, err3 := io.ReadFull(c.r, text); err != nil || err2 != nil || err3 != nil {
				c.t.Fatalf("a literal {%s: %v %v %v", digits, err, err2, err3)
			}
			words = append(words, node{Text: string(text)})
		default:
			c.r.UnreadByte()
			atom := c.atom()
			words = append(words, node{Text: atom, Nil: atom == "NIL"})
		}
	}
}

func (c *imapLine) next() byte {
	c.t.Helper()
	b, err := c.r.ReadByte()
	if err != nil {
		c.t.Fatalf("the server at %v: %v", c.conn.RemoteAddr(), err)
	}
	return b
}

func (c *imapLine) quoted() string {
	var s []byte
	for {
		switch b := c.next(); b {
		case '"':
			return string(s)
		case '\\':
			s = append(s, c.next())
		default:
			s = append(s, b)
		}
	}
}

// atom reads up to a blank, a parenthesis or the line end. What stands in brackets belongs to it: BODY[HEADER.FIELDS (A B)].
func (c *imapLine) atom() string {
	var s []byte
	for depth := 0; ; {
		b := c.next()
		switch {
		case b == '[':
			depth++
		case b == ']':
			depth--
		case b == '\r', depth == 0 && (b == ' ' || b == '(' || b == ')'):
			c.r.UnreadByte()
			return string(s)
		}
		s = append(s, b)
	}
}

// fetch returns the items of one message by name.
func (c *imapLine) fetch(seq int, items string) map[string]node {
	c.t.Helper()
	found := map[string]node{}
	for _, r := range c.do(fmt.Sprintf("FETCH %d (%s)", seq, items)) {
		if len(r) != 4 || r[2].Text != "FETCH" || r[1].Text != fmt.Sprint(seq) {
			continue
		}
		for i := 0; i+1 < len(r[3].List); i += 2 {
			found[strings.ToUpper(r[3].List[i].Text)] = r[3].List[i+1]
		}
	}
	return found
}

// search returns the sequence numbers that a SEARCH finds.
func (c *imapLine) search(keys string) map[int]bool {
	c.t.Helper()
	found := map[int]bool{}
	for _, r := range c.do("SEARCH " + keys) {
		if len(r) < 2 || r[1].Text != "SEARCH" {
			continue
		}
		for _, w := range r[2:] {
			n, err := strconv.Atoi(w.Text)
			if err != nil {
				c.t.Fatalf("SEARCH %s: %v", keys, r)
			}
			found[n] = true
		}
	}
	return found
}
