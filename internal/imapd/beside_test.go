package imapd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/store"
)

// besideRows are commands that use everything that a command beside the engine can use.
func besideRows() []Command {
	kept := map[string]string{} // by user: what REMEMBER was told
	return []Command{
		{"REMEMBER", "X-REMEMBER", LoggedIn, func(_ context.Context, c *Call) error {
			args, err := c.Arguments()
			if err != nil {
				return err
			}
			if len(args) != 1 || args[0].Kind != String {
				return bad("REMEMBER takes a string")
			}
			user := c.Account
			before := kept[user]
			kept[user] = args[0].Text
			return c.Untagged(fmt.Sprintf("REMEMBER %q", before))
		}},
		{"UID COUNT", "X-COUNT", Selected, func(_ context.Context, c *Call) error {
			return c.Untagged(fmt.Sprintf("COUNT %s %d", c.Naming.show(c.View.Mailbox().Name), c.View.Len()))
		}},
		{"FAIL", "", Anywhere, func(_ context.Context, c *Call) error {
			switch args, _ := c.Arguments(); args[0].Text {
			case "missing":
				return store.ErrNoMailbox
			case "quota":
				return &imap.Error{Type: imap.StatusResponseTypeNo, Code: "OVERQUOTA", Text: "Full"}
			}
			c.Untagged("more")
			return nil
		}},
	}
}

func TestBeside(t *testing.T) {
	t.Parallel()
	st := newStore()
	deliver(t, st, "Subject: x\r\n\r\nx")
	cfg := testConfig(st, newScene())
	cfg.Commands = besideRows()
	server, conn := net.Pipe()
	phase := New(cfg)
	done := make(chan struct{})
	phase.Serve(&closeWatch{Conn: server, done: done})
	defer func() { conn.Close(); <-done }()
	e, b := greeted(t, conn), phase.Beside()
	if got := b.Capabilities(); !reflect.DeepEqual(got, []string{"X-REMEMBER", "X-COUNT"}) {
		t.Errorf("capabilities %v", got)
	}
	for _, step := range []struct{ engine, verb, args, want string }{
		{"NOOP", "remember", `"a"`, "BAD [CLIENTBUG] REMEMBER isn't possible in this state"},
		{"LOGIN user@example.test pass", "remember", `"a"`, "* REMEMBER \"\"\r\nOK REMEMBER completed"},
		{"NOOP", "REMEMBER", "{5}\r\nb\r\n)\"", "* REMEMBER \"a\"\r\nOK REMEMBER completed"},
		{"NOOP", "REMEMBER", `c`, "BAD [CLIENTBUG] REMEMBER takes a string"},
		{"NOOP", "REMEMBER", `"c`, "BAD [CLIENTBUG] Syntax error: a quoted string isn't closed"},
		{"NOOP", "REMEMBER", `"c"`, "* REMEMBER \"b\\r\\n)\\\"\"\r\nOK REMEMBER completed"},
		{"NOOP", "uid count", ``, "BAD [CLIENTBUG] UID COUNT isn't possible in this state"},
		{"SELECT INBOX", "uid count", ``, "* COUNT INBOX 1\r\nOK UID COUNT completed"},
		{"NOOP", "FAIL", `missing`, "NO [NONEXISTENT] There is no such mailbox"},
		{"NOOP", "FAIL", `quota`, "NO [OVERQUOTA] Full"},
		{"UNAUTHENTICATE", "remember", `"a"`, "BAD [CLIENTBUG] REMEMBER isn't possible in this state"},
	} {
		if _, tagged := e.do(step.engine); !strings.HasPrefix(tagged, "OK") {
			t.Fatalf("%s: %s", step.engine, tagged)
		}
		var out bytes.Buffer
		reply, err := b.Answer(step.verb, []byte(step.args), func(line string) error {
			out.WriteString(line)
			return nil
		})
		if got := out.String() + reply; got != step.want || err != nil {
			t.Errorf("%s %s: %q, %v; want %q", step.verb, step.args, got, err, step.want)
		}
	}
	gone := errors.New("gone")
	if _, err := b.Answer("FAIL", []byte("not"), func(string) error { return gone }); err != gone {
		t.Errorf("the client is gone: %v", err)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	atom := func(s string) Value { return Value{Text: s} }
	str := func(s string) Value { return Value{Kind: String, Text: s} }
	list := func(v ...Value) Value { return Value{Kind: List, List: v} }
	for in, want := range map[string][]Value{
		"":                              nil,
		"NIL":                           {atom("NIL")},
		`(REVERSE DATE) UTF-8 1:*`:      {list(atom("REVERSE"), atom("DATE")), atom("UTF-8"), atom("1:*")},
		`("name" "a\"b\\" "v" NIL)`:     {list(str("name"), str(`a"b\`), str("v"), atom("NIL"))},
		"\"\" {3}\r\na\r\n {0+}\r\n ()": {str(""), str("a\r\n"), str(""), list()},
		"({4}\r\n)(\x00) (())) \\Seen":  {list(str(")(\x00)"), list(list())), atom(`\Seen`)},
		"INBOX {2}\r\nü":                {atom("INBOX"), str("ü")},
		"{0}\r\n":                       {str("")},
		"{3}\r\na\r\n":                  {str("a\r\n")},
	} {
		if got, err := parseArguments([]byte(in)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, in := range []string{
		" a", "a  b", "a ", "(", "(a", "a)", ")", `"a`, `"a\b"`, "\"a\r\nb\"", "{3}\r\nab", "{3}", "{x}\r\nabc", "{-1}\r\n",
		"{99999999999}\r\n", `"a""b"`, "a(b)", "\x00", strings.Repeat("(", 40) + strings.Repeat(")", 40),
	} {
		if got, err := parseArguments([]byte(in)); err == nil {
			t.Errorf("%q is taken as %+v", in, got)
		}
	}
}

// FuzzArguments checks that whatever a client sends is either parsed or refused, and that nothing is lost.
func FuzzArguments(f *testing.F) {
	f.Add([]byte("(a \"b\\\"\" {3}\r\nabc) d"))
	f.Fuzz(func(t *testing.T, b []byte) {
		values, err := parseArguments(b)
		if err != nil {
			return
		}
		again, err := parseArguments(write(nil, values))
		if err != nil || !reflect.DeepEqual(again, values) {
			t.Errorf("%q is %+v, and this is %+v, %v", b, values, again, err)
		}
	})
}

// write appends the values in a form that parseArguments reads.
func write(b []byte, values []Value) []byte {
	for i, v := range values {
		if i > 0 {
			b = append(b, ' ')
		}
		switch v.Kind {
		case List:
			b = append(write(append(b, '('), v.List), ')')
		case String:
			b = fmt.Appendf(b, "{%d}\r\n%s", len(v.Text), v.Text)
		default:
			b = append(b, v.Text...)
		}
	}
	return b
}
