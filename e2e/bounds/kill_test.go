package bounds

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailrig/mailrig/internal/testkit/pgserver"
)

// TestKill kills a mailrig that keeps its mail (kill -9), again and again, while clients deliver, append, change flags, move
// and expunge. Afterwards every message must be there exactly once that was acknowledged, with the UID and the flags that
// were acknowledged, and nothing that was expunged. Only of the one command of each client that had no answer may
// either all or nothing be there.
func TestKill(t *testing.T) {
	rounds := killRounds(t)
	killAgain(t, compile(t), t.TempDir(), rounds, nil)
}

// TestKillShared is TestKill for a mailrig that shares its mail with another one, in a database. What was acknowledged is
// looked for at the other one, which goes on meanwhile.
func TestKillShared(t *testing.T) {
	rounds := killRounds(t)
	var db pgserver.Server
	url := db.Database(t)
	t.Cleanup(db.Stop)
	program := compile(t)
	killAgain(t, program, url, rounds, run(t, []string{program}, io.Discard, "--data", url))
}

func killRounds(t *testing.T) int {
	switch {
	case *only != "" && !strings.Contains(*only, "kill"):
		t.Skip("not asked for")
	case *long:
		return 50
	}
	return 5
}

// killAgain kills rigs that keep their mail in one place. witness is a rig in which to look for it; nil is the next one.
func killAgain(t *testing.T, program, data string, rounds int, witness *rig) {
	var workers []*worker
	for i := range 4 {
		workers = append(workers, &worker{account: fmt.Sprintf("sender%d", i), step: (*worker).deliver}, &worker{account: fmt.Sprintf("reader%d", i), step: (*worker).change})
	}
	acknowledged := new(atomic.Int64)
	for round := range rounds {
		r := run(t, []string{program}, io.Discard, "--data", data)
		for _, w := range workers {
			w.verify(t, cmp.Or(witness, r))
		}
		enough := acknowledged.Load() + 40 + rand.Int64N(160)
		var group sync.WaitGroup
		reached := make(chan struct{})
		once := sync.OnceFunc(func() { close(reached) })
		for _, w := range workers {
			group.Go(func() {
				for w.connect(r) == nil { // until the rig is dead
					for w.step(w) == nil {
						if acknowledged.Add(1) >= enough {
							once()
						}
					}
					w.conn.Close()
				}
				once()
			})
		}
		<-reached
		if err := r.kill(); err != nil {
			t.Fatal(err)
		}
		group.Wait()
		if t.Failed() {
			t.Fatalf("after %d kills", round)
		}
	}
	r := run(t, []string{program}, io.Discard, "--data", data)
	for _, w := range workers {
		w.verify(t, r)
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
	if out, err := exec.Command(program, "data", "check", data).CombinedOutput(); err != nil {
		t.Errorf("mailrig data check: %v: %s", err, out)
	}
	t.Logf("%d commands were acknowledged in %d rounds", acknowledged.Load(), rounds)
}

// worker is a client with one connection and an account of its own.
type worker struct {
	account string
	step    func(*worker) error // carries out one command
	conn    *conn
	smtp    bool
	n       int // messages so far

	known   map[string]place // what was acknowledged, by subject
	subject string           // what the present command is about
	after   place            // what it leads to
	pending bool             // it has no answer yet
	refused error
}

// place is where a message is. The zero value is nowhere.
type place struct {
	mailbox string
	uid     string // "" if the client wasn't told
	flags   string
}

// connect opens the connection that the worker needs. It fails if the rig is dead.
func (w *worker) connect(r *rig) (err error) {
	if w.known == nil {
		w.known = map[string]place{}
		w.smtp = strings.HasPrefix(w.account, "sender")
	}
	if w.smtp {
		if w.conn, err = r.open(25); err == nil {
			err = w.conn.play("EHLO x\r\n", "250 ")
		}
		return err
	}
	if w.conn, err = r.open(143); err == nil {
		err = w.conn.play("a LOGIN "+w.account+" x\r\n", "a OK", "a SELECT INBOX\r\n", "a OK")
	}
	return err
}

// command says something that changes a message, and returns the answer.
func (w *worker) command(text, ok, subject string, after place) (string, error) {
	w.subject, w.after, w.pending = subject, after, true
	line, err := w.conn.say(text, ok, "a NO", "a BAD", "4", "5")
	if err == nil && !strings.HasPrefix(line, ok) {
		err = fmt.Errorf("%s", line)
		w.refused = err
	}
	return line, err
}

// done notes that the present command was acknowledged.
func (w *worker) done() {
	if w.known[w.subject] = w.after; w.after == (place{}) {
		delete(w.known, w.subject)
	}
	w.pending = false
}

// deliver sends one message by SMTP.
func (w *worker) deliver() error {
	w.n++
	subject := fmt.Sprintf("%s-%d", w.account, w.n)
	if err := w.conn.play("MAIL FROM:<a@b.test>\r\n", "250 ", "RCPT TO:<"+w.account+">\r\n", "250 ", "DATA\r\n", "354 "); err != nil {
		return err
	}
	_, err := w.command("Subject: "+subject+"\r\n\r\n"+strings.Repeat("text\r\n", w.n%7*1000)+".\r\n", "250 ", subject, place{mailbox: "INBOX"})
	if err == nil {
		w.done()
	}
	return err
}

var codeUID = regexp.MustCompile(`\[(?:APPENDUID \d+|COPYUID \d+ \d+) (\d+)\]`)

// change appends a message by IMAP and sets flags. Of three messages, one stays, one is moved, one is expunged.
func (w *worker) change() error {
	w.n++
	subject := fmt.Sprintf("%s-%d", w.account, w.n)
	text := "Subject: " + subject + "\r\n\r\nx\r\n"
	line, err := w.command(fmt.Sprintf("a APPEND INBOX {%d+}\r\n%s\r\n", len(text), text), "a OK", subject, place{mailbox: "INBOX"})
	if err != nil {
		return err
	}
	code := codeUID.FindStringSubmatch(line)
	if code == nil {
		return fmt.Errorf("no UID in %q", line)
	}
	uid := code[1]
	w.after.uid = uid
	w.done()
	keyword := fmt.Sprintf("k%d", w.n%5)
	flagged := place{"INBOX", uid, `\Flagged ` + keyword}
	if _, err := w.command(fmt.Sprintf("a UID STORE %s +FLAGS.SILENT (\\Flagged %s)\r\n", uid, keyword), "a OK", subject, flagged); err != nil {
		return err
	}
	w.done()
	switch w.n % 3 {
	case 0:
		// The line with the code comes before the tagged one.
		line, err := w.command("a UID MOVE "+uid+" Archive\r\n", "* OK [COPYUID", subject, place{"Archive", "", flagged.flags})
		if err != nil {
			return err
		}
		code := codeUID.FindStringSubmatch(line)
		if code == nil {
			return fmt.Errorf("no UID in %q", line)
		}
		if _, err := w.conn.say("", "a OK"); err != nil {
			return err
		}
		w.after.uid = code[1]
		w.done()
	case 1:
		deleted := flagged
		deleted.flags = `\Deleted ` + flagged.flags
		if _, err := w.command("a UID STORE "+uid+" +FLAGS.SILENT (\\Deleted)\r\n", "a OK", subject, deleted); err != nil {
			return err
		}
		w.done()
		if _, err := w.command("a UID EXPUNGE "+uid+"\r\n", "a OK", subject, place{}); err != nil {
			return err
		}
		w.done()
	}
	return nil
}

var fetched = regexp.MustCompile(`^\* \d+ FETCH \(UID (\d+) FLAGS \(([^)]*)\)`)

// verify compares what is kept with what was acknowledged.
func (w *worker) verify(t *testing.T, r *rig) {
	t.Helper()
	if w.known == nil {
		return
	}
	if w.refused != nil {
		t.Errorf("%s was refused: %v", w.account, w.refused)
	}
	found, err := w.look(r)
	if err != nil {
		t.Errorf("%s: %v", w.account, err)
		return
	}
	same := func(is, want place) bool {
		return is.mailbox == want.mailbox && (want.uid == "" || is.uid == want.uid) && is.flags == want.flags
	}
	if w.pending { // either all of it, or nothing
		is := found[w.subject]
		if !same(is, w.after) && !same(is, w.known[w.subject]) {
			t.Errorf("%s: %s had no answer; it was %+v, should become %+v, and is %+v", w.account, w.subject, w.known[w.subject], w.after, is)
		}
		w.after = is
		w.done()
	}
	for subject, want := range w.known {
		if is := found[subject]; !same(is, want) {
			t.Errorf("%s: %s was acknowledged as %+v, and is %+v", w.account, subject, want, is)
		}
	}
	for subject, is := range found {
		if _, ok := w.known[subject]; !ok {
			t.Errorf("%s: %s should not be there: %+v", w.account, subject, is)
		}
	}
	w.known = maps.Clone(found)
}

// look reads everything in the account.
func (w *worker) look(r *rig) (map[string]place, error) {
	c, err := r.open(143)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.play("a LOGIN "+w.account+" x\r\n", "a OK"); err != nil {
		return nil, err
	}
	found := map[string]place{}
	for _, mailbox := range []string{"INBOX", "Archive"} {
		if err := c.play("a EXAMINE "+mailbox+"\r\n", "a OK"); err != nil {
			return nil, err
		}
		if _, err := io.WriteString(c, "a UID FETCH 1:* (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])\r\n"); err != nil {
			return nil, err
		}
		var at place
		for {
			line, err := c.r.ReadString('\n')
			if err != nil {
				return nil, err
			}
			line = strings.TrimRight(line, "\r\n")
			if m := fetched.FindStringSubmatch(line); m != nil {
				flags := slices.DeleteFunc(strings.Fields(m[2]), func(f string) bool { return f == `\Recent` })
				slices.Sort(flags)
				at = place{mailbox, m[1], strings.Join(flags, " ")}
			} else if subject, ok := strings.CutPrefix(line, "Subject: "); ok {
				if twice, ok := found[subject]; ok {
					return nil, fmt.Errorf("%s is there twice: %+v and %+v", subject, twice, at)
				}
				found[subject] = at
			} else if strings.HasPrefix(line, "a OK") {
				break
			} else if strings.HasPrefix(line, "a ") {
				return nil, errors.New(line)
			}
		}
	}
	return found, nil
}
