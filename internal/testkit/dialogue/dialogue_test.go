package dialogue_test

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/testkit/dialogue"
)

// echo is a server that greets, repeats what it hears, and closes at "bye".
func echo(c net.Conn) {
	defer c.Close()
	fmt.Fprint(c, "hello\r\n")
	for r := bufio.NewScanner(c); r.Scan(); {
		switch line := r.Text(); line {
		case "bye":
			return
		case "twice":
			fmt.Fprint(c, "one\ntwo\x00\r\n")
		default:
			fmt.Fprint(c, line+"\r\n")
		}
	}
}

// play plays a file against echo and returns what the test reports.
func play(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.txt")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	told := &told{TB: t}
	over := make(chan struct{})
	go func() {
		defer close(over)
		p := &dialogue.Player{T: told, Dial: func(string) net.Conn {
			client, server := dialogue.NewPipe()
			t.Cleanup(func() { client.Close() })
			go echo(server)
			return client
		}}
		p.Words = map[string]func(*dialogue.Line){"note:": func(l *dialogue.Line) { told.Errorf("note %s", l.Text) }}
		p.Play(file)
	}()
	<-over
	return strings.ReplaceAll(told.text, file, "x.txt")
}

// told keeps what a test would report.
type told struct {
	testing.TB
	text string
}

func (t *told) Errorf(format string, args ...any) { t.text += fmt.Sprintf(format, args...) + "\n" }
func (t *told) Fatalf(format string, args ...any) { t.Errorf(format, args...); runtime.Goexit() }
func (t *told) Helper()                           {}
func (t *told) Failed() bool                      { return t.text != "" }

func TestPlay(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, file, told string }{
		{"all is well", "# a comment\nS: hello\nC: a\nC+ b\nS: a\nS: b\nC- c\\x41\\r\\n\nS: cA\nC: twice\nS- one\\n\nS- two\\x00\\r\\n\nC: any\nS: an…\nC: bye\nCLOSED\n", ""},
		{"two connections", "S: hello\nS2: hello\nC2: b\nC: a\nS: a\nS2: b\nLEAVE\nCLOSED\nLEAVE2\nCLOSED2\n", ""},
		{"the test's own word", "note: this\n", "note this\n"},
		{"another line", "S: hello\nC: a\nS: b\n", "x.txt:3:\n got S: a\nwant S: b\n"},
		{"another line end", "S: hello\nC: twice\nS: one\n", "x.txt:3:\n got S- one\\n\nwant S: one\n"},
		{"one line too many before the next command", "S: hello\nC: a\nC+ b\nS: a\nC: c\n", "x.txt:5: before this the server says \"b\\r\\n\"\n"},
		{"no greeting expected", "C: a\n", "x.txt:1: before this the server says \"hello\\r\\n\"\n"},
		{"one line too many at the end", "S: hello\nC: a\n", "x.txt:3: before this the server says \"a\\r\\n\"\n"},
		{"one line too few", "S: hello\nC: bye\nS: bye\n", "x.txt:3: the server says nothing more; want \"S: bye\"\n"},
		{"a word instead of closing", "S: hello\nC: a\nLEAVE\nCLOSED\n", "x.txt:4: the server says \"a\\r\\n\" instead of closing\n"},
		{"closed unasked", "S: hello\nC: bye\n", "x.txt:3: the server closes the connection, and the file doesn't say CLOSED\n"},
		{"an unknown word", "C. a\n", "x.txt:1: no such event: \"C. a\"\n"},
		{"a wrong escape", "C- \\q\n", "x.txt:1: invalid syntax in C- \\q\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := play(t, tc.file); got != tc.told {
				t.Errorf("the test is told\n%s\nwant\n%s", got, tc.told)
			}
		})
	}
}
