package imapd

import (
	"context"
	"fmt"
	"net"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/storetest"
)

// TestKeywordsAreBounded checks that a mailbox takes only so many keywords, and says so (RFC 9051 section 7.1, PERMANENTFLAGS).
func TestKeywordsAreBounded(t *testing.T) {
	t.Parallel()
	st := newStore()
	deliver(t, st, "x")
	e := newEngine(t, start(t, st, newScene()))
	e.do("LOGIN user pass")
	e.do("SELECT INBOX")
	words := make([]string, store.MaxKeywords-1)
	for i := range words {
		words[i] = fmt.Sprint("k", i)
	}
	all := strings.Join(words, " ")
	lines, tagged := e.do("STORE 1 +FLAGS (" + all + ")")
	if !strings.HasPrefix(tagged, "OK") || len(lines) != 3 || !strings.HasSuffix(lines[1], ` \*)] Permanent flags`) {
		t.Error(tagged, len(lines))
	}
	if _, tagged = e.do("STORE 1 +FLAGS (k0 K1 more other)"); !strings.HasPrefix(tagged, "NO [LIMIT] ") {
		t.Error(tagged)
	}
	if lines, tagged = e.do("STORE 1 +FLAGS (last)"); !strings.HasPrefix(tagged, "OK") || len(lines) != 3 || !strings.HasSuffix(lines[1], ` last)] Permanent flags`) {
		t.Error(tagged, lines)
	}
	if _, tagged = e.do("STORE 1 +FLAGS (" + strings.Repeat("k", store.MaxKeywordBytes+1) + ")"); !strings.HasPrefix(tagged, "NO [LIMIT] ") {
		t.Error(tagged)
	}
	if _, tagged = e.do("APPEND INBOX (more) {1+}\r\nx"); !strings.HasPrefix(tagged, "NO [LIMIT] ") {
		t.Error(tagged)
	}
	lines, _ = e.do("SELECT INBOX")
	if found := strings.Join(lines, "\n"); strings.Contains(found, `\*`) || !strings.Contains(found, " last)") {
		t.Error("a full mailbox announces new keywords")
	}
	if lines, _ = e.do("SELECT Archive"); !strings.Contains(strings.Join(lines, "\n"), `\*`) {
		t.Error(lines)
	}
	if _, tagged = e.do("APPEND Archive (k) {1+}\r\nx"); !strings.HasPrefix(tagged, "OK") {
		t.Error(tagged)
	}
}

// TestCommandEndsWithItsClient checks that a command ends when its client has left, and that a look at the client costs a
// command nothing else.
func TestCommandEndsWithItsClient(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"SEARCH TEXT nowhere", "FETCH 1:* (ENVELOPE BODYSTRUCTURE)", "SEARCH OR TEXT a NOT BODY b"} {
		st, scene := newStore(), newScene()
		const messages = 50
		raw := strings.Repeat("X-Field: some text\r\n", 20_000) + "\r\nx"
		for range messages {
			deliver(t, st, raw)
		}
		var opened atomic.Int64
		cfg := testConfig(storetest.Wrap(st, func(_ context.Context, call string, do func() error) error {
			if call == "Open" && opened.Add(1) == 5 {
				scene.gone.Store(true)
			}
			return do()
		}), scene)
		var clock atomic.Int64
		cfg.now = func() time.Time { return testTime.Add(time.Duration(clock.Add(1)) * time.Second) }
		client, server := net.Pipe()
		done := make(chan struct{})
		New(cfg).Serve(&closeWatch{Conn: server, done: done})
		e := greeted(t, client)
		e.do("LOGIN user pass")
		e.do("SELECT INBOX")
		opened.Store(0)
		e.send("a " + command)
		for {
			if line, ok := e.line(); !ok {
				break
			} else if strings.HasPrefix(line, "a ") {
				t.Errorf("%s: %s", command, line)
				break
			}
		}
		client.Close()
		<-done
		if n := opened.Load(); n < 5 || n > messages/2 {
			t.Errorf("%s: %d messages were read", command, n)
		}
	}
}

// TestWorkIsBounded checks that a command that would take too much work ends with NO [LIMIT], and the next one begins anew.
func TestWorkIsBounded(t *testing.T) {
	t.Parallel()
	st := newStore()
	deliver(t, st, "Subject: a\r\n\r\n"+strings.Repeat("some text\r\n", 1000))
	cfg := testConfig(st, newScene())
	cfg.maxWork = 20 << 20
	client, server := net.Pipe()
	New(cfg).Serve(server)
	e := greeted(t, client)
	e.do("LOGIN user pass")
	e.do("SELECT INBOX")
	most := func(piece string) string { return strings.Repeat(piece, 40_000/len(piece)) }
	for command, heavy := range map[string]bool{
		"SEARCH TEXT some BODY text SUBJECT a":                                            false,
		"SEARCH" + strings.Repeat(" SEEN", 1000):                                          false,
		"FETCH 1 (ENVELOPE BODYSTRUCTURE BODY.PEEK[] BODY.PEEK[HEADER.FIELDS (SUBJECT)])": false,
		`LIST "" *`:                          false,
		"SEARCH" + most(" BODY some"):        true,
		"SEARCH" + most(" NOT TEXT nowhere"): true,
		"SEARCH" + most(" OR BODY x SEEN"):   true,
		`LIST "" (` + most("* ") + "%)":      false,
	} {
		_, tagged := e.do(command)
		if want := map[bool]string{true: "NO [LIMIT] ", false: "OK "}[heavy]; !strings.HasPrefix(tagged, want) {
			t.Errorf("%.60s: %s", command, tagged)
		}
	}
}

// TestTimeIsBounded checks that a command that computes for nearly a minute ends with NO [LIMIT], whatever its work costs
// here, that the next one begins anew, and that the time in which a client reads doesn't count.
func TestTimeIsBounded(t *testing.T) {
	t.Parallel()
	st := newStore()
	const messages = 20
	raw := strings.Repeat("X-Field: some text\r\n", 40_000) + "\r\nx"
	for range messages {
		deliver(t, st, raw)
	}
	var clock, opened, slow atomic.Int64
	cfg := testConfig(storetest.Wrap(st, func(_ context.Context, call string, do func() error) error {
		if call == "Open" {
			opened.Add(1)
			clock.Add(int64(5 * time.Second)) // a message is opened twice
		}
		return do()
	}), newScene())
	cfg.now = func() time.Time { return testTime.Add(time.Duration(clock.Load())) }
	client, server := net.Pipe()
	New(cfg).Serve(&afterWrite{server, func() { clock.Add(slow.Load()) }})
	e := greeted(t, client)
	e.do("LOGIN user pass")
	e.do("SELECT INBOX")
	for _, tc := range []struct {
		command string
		reads   time.Duration // what the client takes for each line
		want    string
		most    int64 // times that a message is opened
	}{
		{"SEARCH TEXT nowhere", 0, "NO [LIMIT] ", 10},
		{"FETCH 1:* BODYSTRUCTURE", 0, "NO [LIMIT] ", 10},
		{"SEARCH 1:3 TEXT nowhere", 0, "OK ", 6},
		{"FETCH 1:3 BODYSTRUCTURE", time.Hour, "OK ", 6},
	} {
		opened.Store(0)
		slow.Store(int64(tc.reads))
		_, tagged := e.do(tc.command)
		if n := opened.Load(); !strings.HasPrefix(tagged, tc.want) || n > tc.most {
			t.Errorf("%s: %s; messages were opened %d times", tc.command, tagged, n)
		}
	}
}

// afterWrite is a connection that tells when it has written.
type afterWrite struct {
	net.Conn
	wrote func()
}

func (c *afterWrite) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	c.wrote()
	return n, err
}

// TestCommandCostGrowsWithLength checks that no command costs more than in proportion to its length and to that of what it
// looks at.
func TestCommandCostGrowsWithLength(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // the collector's turns aren't the command's cost
	long := func(head, piece, tail string) func(n int) string {
		return func(n int) string { return head + strings.Repeat(piece, n/len(piece)) + tail }
	}
	words := func(head, form, tail string) func(n int) string {
		return func(n int) string {
			var b strings.Builder
			for i := 1; b.Len() < n; i++ {
				fmt.Fprintf(&b, form, i)
			}
			return head + b.String() + tail
		}
	}
	fields := words("", "F%d: x\r\n", "")
	const multipart = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
	for _, row := range []struct {
		name    string
		command func(n int) string
		want    string // what its reply begins with
	}{
		{"search keys", long("SEARCH", " SEEN", ""), "OK "},
		{"nested NOT", long("SEARCH", " NOT", " ALL"), "OK "},
		{"nested OR", long("SEARCH", " OR SEEN", " ALL"), "OK "},
		{"lists", long("SEARCH", " (NOT (SEEN))", ""), "OK "},
		{"nested lists", long("SEARCH ", "(", "ALL"), "BAD [CLIENTBUG] Syntax error: exceeded max depth"},
		{"saved results", long("SEARCH", " $", ""), "OK "},
		{"sets", long("SEARCH", " 1:*", ""), "OK "},
		{"a set", words("SEARCH ", "%d,", "1"), "OK "},
		{"a set of UIDs", words("UID FETCH ", "%d,", "1 FLAGS"), "OK "},
		{"texts", words("SEARCH", " TEXT word%d", ""), "OK "},
		{"bodies", words("SEARCH", " NOT BODY word%d", ""), "OK "},
		{"headers", words("SEARCH", " NOT SUBJECT word%d", ""), "OK "},
		{"keywords searched", words("SEARCH", " KEYWORD k%d", ""), "OK "},
		{"repeated keywords", long("STORE 1 FLAGS (", "k ", "k)"), "OK "},
		{"too many keywords", words("STORE 1 +FLAGS (", "k%d ", "k)"), "NO [LIMIT] "},
		{"header fields", words("FETCH 1 BODY.PEEK[HEADER.FIELDS (", "f%d ", "f)]"), "OK "},
		{"not header fields", words("FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (", "f%d ", "f)]"), "OK "},
		{"sections", long("FETCH 1 (", "BODY.PEEK[1.1.1] ", "UID)"), "OK "},
		{"patterns", long(`LIST "" (`, "*%a ", "x)"), "OK "},
		{"a pattern", long(`LIST "" "`, "*%", `"`), "OK "},
		{"status items", long("STATUS INBOX (", "MESSAGES ", "UIDNEXT)"), "OK "},
		{"parentheses in FETCH", long("FETCH 1 ", "(", "UID"), "BAD [CLIENTBUG] Syntax error: expected msg-att name"},
	} {
		message := func(int) string { return fields(1000) + multipart }
		if strings.Contains(row.name, "header fields") { // the cost must not grow with the product of both
			message = func(n int) string { return fields(4 * n) }
		}
		const size = 10_000 // four times that is nearly the longest line
		best := 100.0
		const most = 8 // 16 would be the square
		for try := 0; try < 20 && best > most; try++ {
			cost := func(n int) float64 { return commandCost(t, row.command(n), message(n), row.want) }
			best = min(best, cost(4*size)/cost(size))
		}
		if best > most {
			t.Errorf("%s: four times the length costs %.1f times as much", row.name, best)
		}
	}
}

// commandCost returns how long a command takes, the least time of three in seconds, and at least a millisecond. Its reply must
// begin with want.
func commandCost(t *testing.T, command, message, want string) float64 {
	t.Helper()
	st := newStore()
	for range 3 {
		deliver(t, st, message)
	}
	client, server := net.Pipe()
	New(testConfig(st, newScene())).Serve(server)
	e := greeted(t, client)
	defer client.Close()
	e.do("LOGIN user pass")
	e.do("SELECT INBOX")
	least := time.Hour
	for range 3 {
		began := time.Now()
		_, tagged := e.do(command)
		least = min(least, time.Since(began))
		if !strings.HasPrefix(tagged, want) {
			t.Fatalf("%.60s…, %d bytes: %s; want %s", command, len(command), tagged, want)
		}
	}
	return max(least.Seconds(), 1e-3)
}
