package bounds

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestSyncedBeforeAnswer traces a mailrig that keeps its mail. Before each 250 to a message, the message must have been
// written, and after that the file must have been synced: what kill -9 can't show, because it leaves the page cache.
func TestSyncedBeforeAnswer(t *testing.T) {
	if *only != "" && !strings.Contains(*only, "kill") {
		t.Skip("not asked for")
	}
	if _, err := exec.LookPath("strace"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if out, err := exec.Command("strace", "-qq", "-e", "trace=fsync", "true").CombinedOutput(); err != nil {
		t.Skipf("this machine allows no tracing: %v: %s", err, out)
	}
	const clients, each = 4, 10
	trace := filepath.Join(t.TempDir(), "trace")
	// With -D, mailrig is this process's own child, and gets its signals.
	program := []string{"strace", "-D", "-f", "-qq", "-s", "5000", "-e", "trace=read,write,pwrite64,fsync,fdatasync", "-o", trace, compile(t)}
	r := run(t, program, io.Discard, "--data", t.TempDir())
	var group sync.WaitGroup
	for i := range clients {
		group.Go(func() {
			c, err := r.open(25)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			if err := c.play("EHLO x\r\n", "250 "); err != nil {
				t.Error(err)
			}
			for n := range each {
				if err := c.play("MAIL FROM:<a@b.test>\r\n", "250 ", "RCPT TO:<u>\r\n", "250 ", "DATA\r\n", "354 ",
					fmt.Sprintf("Subject: traced-%d-%d-\r\n\r\nx\r\n.\r\n", i, n), "250 "); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if err := r.end(); err != nil {
		t.Error(err)
	}
	f, err := os.Open(trace)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o := order{read: map[string]string{}, written: map[string]string{}, synced: map[string]bool{}, begun: map[string]*begun{}}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		o.line(t, lines.Text())
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if o.answers != clients*each {
		t.Errorf("the trace has %d answers, want %d", o.answers, clients*each)
	}
}

// order is what a trace has shown so far, by subject or by file descriptor.
type order struct {
	read    map[string]string // descriptor -> the message that came there
	written map[string]string // message -> the descriptor of the database to which it was written
	synced  map[string]bool   // message
	begun   map[string]*begun // by thread
	answers int
}

// begun is a call that had not returned when another thread's came.
type begun struct {
	text    string
	written []string // messages that were written when it began
}

var (
	traced  = regexp.MustCompile(`Subject: (traced-\d+-\d+)-`)
	call    = regexp.MustCompile(`^(\w+)\((\d+)`)
	resumed = regexp.MustCompile(`^<\.\.\. \w+ resumed>`)
)

// line takes a line of the trace: a call, or the beginning or the end of one.
func (o *order) line(t *testing.T, line string) {
	thread, text, _ := strings.Cut(line, " ")
	text = strings.TrimLeft(text, " ")
	b := &begun{text: text, written: o.all()}
	if head, ok := strings.CutSuffix(text, " <unfinished ...>"); ok {
		b.text = head
		o.begun[thread] = b
		o.starts(t, head)
		return
	}
	if m := resumed.FindString(text); m != "" && o.begun[thread] != nil {
		b = o.begun[thread]
		b.text += text[len(m):]
		delete(o.begun, thread)
	} else {
		o.starts(t, text)
	}
	o.returns(b)
}

// all lists the messages that were written.
func (o *order) all() (list []string) {
	for m := range o.written {
		list = append(list, m)
	}
	return list
}

// starts takes a call that begins: an answer must not begin before its message was synced.
func (o *order) starts(t *testing.T, text string) {
	m := call.FindStringSubmatch(text)
	if m == nil || m[1] != "write" || !strings.Contains(text, `"250 2.0.0 OK: queued`) {
		return
	}
	o.answers++
	if message := o.read[m[2]]; message == "" || !o.synced[message] {
		t.Errorf("the answer to %q was sent before it was on the disk", message)
	}
}

// returns takes a call that has returned.
func (o *order) returns(b *begun) {
	m := call.FindStringSubmatch(b.text)
	if m == nil {
		return
	}
	name, descriptor := m[1], m[2]
	switch name {
	case "read":
		if s := traced.FindStringSubmatch(b.text); s != nil {
			o.read[descriptor] = s[1]
		}
	case "pwrite64":
		for _, s := range traced.FindAllStringSubmatch(b.text, -1) {
			if _, before := o.written[s[1]]; !before {
				o.written[s[1]] = descriptor
			}
		}
	case "fsync", "fdatasync":
		if !strings.Contains(b.text, "= 0") {
			return
		}
		for _, message := range b.written { // before the call began
			o.synced[message] = o.synced[message] || o.written[message] == descriptor
		}
	}
}
