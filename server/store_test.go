package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/store/storetest"
	"github.com/mailrig/mailrig/server"
)

// failing is a store in which the next call of one method fails, before or after it is carried out.
type failing struct {
	store.Store             // what the server uses
	really      store.Store // the store behind it

	mu    sync.Mutex
	call  string
	err   error
	after bool // fail after the call was carried out
	met   bool
}

func newFailing() *failing {
	f := &failing{really: memory.New(memory.Options{})}
	f.Store = storetest.Wrap(f.really, func(_ context.Context, call string, do func() error) error {
		fail, after := f.now(call)
		if fail == nil {
			return do()
		}
		if after {
			if err := do(); err != nil {
				return err
			}
		}
		return fail
	})
	return f
}

func (f *failing) now(call string) (err error, after bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if call != f.call {
		return nil, false
	}
	f.call, f.met = "", true
	return f.err, f.after
}

// next makes the next such call fail. "+Call" means after it was carried out.
func (f *failing) next(call string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.call, f.after = strings.CutPrefix(call, "+")
	f.err, f.met = err, false
}

func (f *failing) wasMet() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.met
}

// messages shows what is really in a mailbox.
func (f *failing) messages(t testing.TB, account, name string) string {
	t.Helper()
	ctx := context.Background()
	box, err := f.really.Mailbox(ctx, account, name)
	if err != nil {
		t.Fatal(err)
	}
	list, err := f.really.Entries(ctx, box.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, e := range list {
		words = append(words, fmt.Sprintf("%d%v", e.UID, e.Flags))
	}
	return strings.Join(words, " ")
}

var errOdd = errors.New("disk on fire")

// step is a command, its reply, and what fails while the command is carried out.
type step struct {
	fails string
	err   error
	line  string
	want  string
}

func (f *failing) play(t *testing.T, c *client, steps ...step) {
	t.Helper()
	for _, s := range steps {
		if s.fails != "" {
			f.next(s.fails, s.err)
		}
		if err := c.say(s.line, s.want); err != nil {
			t.Fatalf("%s fails with %v: %v", s.fails, s.err, err)
		}
		if s.fails != "" && !f.wasMet() {
			t.Errorf("%q called no %s", s.line, s.fails)
		}
	}
}

// TestStoreFailsUnderSMTP checks that a failing store is a temporary failure in SMTP, that no mailbox contains a
// message which wasn't acknowledged, and that a client that retries as it should delivers once.
func TestStoreFailsUnderSMTP(t *testing.T) {
	t.Parallel()
	f := newFailing()
	cfg := server.Config{}
	cfg.UseStore(f)
	s := start(t, cfg)
	login := plainResponse("alice", "x")
	f.play(t, dial(t, s, 465),
		step{line: "", want: "220 "}, step{line: "EHLO x", want: "250 "},
		step{"OpenAccount", store.ErrUnavailable, "AUTH PLAIN " + login, "454 4.7.0 "},
		step{line: "AUTH PLAIN " + login, want: "235 "})

	c := dial(t, s, 25)
	f.play(t, c, step{line: "", want: "220 "}, step{line: "EHLO x", want: "250 "})
	send := func(s step) {
		t.Helper()
		s.line = "Subject: x\r\n\r\nx\r\n."
		f.play(t, c, step{line: "MAIL FROM:<a@b>", want: "250 "}, step{line: "RCPT TO:<alice>", want: "250 "},
			step{line: "RCPT TO:<bob>", want: "250 "}, step{line: "DATA", want: "354 "}, s)
	}
	send(step{fails: "Deliver", err: store.ErrUnavailable, want: "451 4.3.0 "})
	send(step{fails: "Deliver", err: store.ErrFull, want: "452 4.3.1 "})
	send(step{fails: "Deliver", err: store.ErrReadOnly, want: "451 4.3.2 "})
	send(step{fails: "Deliver", err: errOdd, want: "451 4.3.0 "})
	for _, who := range []string{"alice", "bob"} {
		if got := f.messages(t, who, "INBOX"); got != "" {
			t.Errorf("%s has %s, which nobody acknowledged", who, got)
		}
	}
	send(step{want: "250 "})
	// If a store dies after carrying out a call and before answering, the retry makes a copy. SMTP knows no other way
	// (RFC 5321 section 6.1).
	send(step{fails: "+Deliver", err: store.ErrUnavailable, want: "451 4.3.0 "})
	send(step{want: "250 "})
	for _, who := range []string{"alice", "bob"} {
		if got := f.messages(t, who, "INBOX"); got != "1[] 2[] 3[]" {
			t.Errorf("%s has %s", who, got)
		}
	}
}

// TestStoreFailsUnderIMAP checks that each IMAP command answers NO with the code from RFC 5530, and OK when it is
// retried.
func TestStoreFailsUnderIMAP(t *testing.T) {
	t.Parallel()
	f := newFailing()
	cfg := server.Config{}
	cfg.UseStore(f)
	s := start(t, cfg)
	for range 3 {
		deliverTo(t, f, "alice@example.test")
	}
	const down, odd, noRoom = "a NO [UNAVAILABLE] ", "a NO [SERVERBUG] ", "a NO [LIMIT] "
	again := func(line string, calls ...string) (steps []step) {
		for _, call := range calls {
			steps = append(steps, step{call, store.ErrUnavailable, line, down})
		}
		return append(steps, step{line: line, want: "a OK"})
	}
	c := dial(t, s, 143)
	f.play(t, c, step{line: "", want: "* OK"})
	for _, steps := range [][]step{
		again("a LOGIN alice x", "OpenAccount"),
		{{"Mailbox", errOdd, "a SELECT INBOX", odd}, {"Snapshot", store.ErrReadOnly, "a SELECT INBOX", down}},
		again("a SELECT INBOX", "Mailbox", "Watch", "Snapshot", "ClaimRecent"),
		again("a LIST \"\" *", "List"),
		again("a LSUB \"\" *", "List"),
		again("a LIST \"\" * RETURN (STATUS (MESSAGES))", "Status"),
		again("a STATUS Sent (MESSAGES)", "Mailbox", "Status"),
		again("a CREATE New", "Create"),
		again("a RENAME New Other", "Rename"),
		again("a SUBSCRIBE Other", "Subscribe"),
		again("a UNSUBSCRIBE Other", "Unsubscribe"),
		again("a DELETE Other", "Delete"),
		again("a FETCH 1:* FLAGS", "Entries"),
		again("a FETCH 1:* (ENVELOPE BODYSTRUCTURE)", "Entries", "Open", "Read"),
		again("a FETCH 2 BODY.PEEK[HEADER]", "Open", "Read"),
		again("a FETCH 2 BODY.PEEK[]", "Entries", "Open"),
		again("a SEARCH TEXT nothing", "Entries", "Open", "Read"),
		again("a STORE 1 +FLAGS.SILENT (\\Flagged)", "SetFlags"),
		{{"SetFlags", store.ErrReadOnly, "a STORE 1 +FLAGS (\\Answered)", down}},
		again("a COPY 1 Sent", "Mailbox", "Copy"),
		again("a MOVE 3 Trash", "Mailbox", "Move"),
		again("a APPEND Drafts {3+}\r\nabc", "Mailbox", "Append"),
		{{"Append", store.ErrReadOnly, "a APPEND Drafts {3+}\r\nabc", down}, {"Append", store.ErrFull, "a APPEND Drafts {3+}\r\nabc", noRoom}},
		{{"Copy", store.ErrFull, "a COPY 1 Sent", noRoom}, {"Create", store.ErrFull, "a CREATE New", noRoom}, {"SetFlags", store.ErrFull, "a STORE 1 +FLAGS (New)", noRoom}},
		// A message that the client received is \Seen; one that didn't come isn't.
		{{"Open", store.ErrUnavailable, "a FETCH 1:2 BODY[]", down}},
	} {
		f.play(t, c, steps...)
	}
	for name, want := range map[string]string{"INBOX": `1[\Flagged] 2[]`, "Sent": `1[\Flagged]`, "Trash": "1[]", "Drafts": "1[]"} {
		if got := f.messages(t, "alice", name); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}

	// A command that has succeeded stays successful. What it would have reported comes with the next command.
	deliverTo(t, f, "alice@example.test")
	f.play(t, c, step{"Changes", store.ErrUnavailable, "a NOOP", "a OK"}, step{line: "a NOOP", want: "* 3 EXISTS"}, step{want: "a OK"})
	// A Move whose answer is lost has moved.
	f.play(t, c, step{"+Move", store.ErrUnavailable, "a MOVE 2 Trash", down}, step{line: "a NOOP", want: "* 2 EXPUNGE"}, step{want: "a OK"},
		step{line: "a UID MOVE 2 Trash", want: "a OK"},
		step{line: "a STORE 1 +FLAGS.SILENT (\\Deleted)", want: "a OK"})
	f.play(t, c, again("a EXPUNGE", "ExpungeDeleted")...)
	for name, want := range map[string]string{"INBOX": "4[]", "Trash": "1[] 2[]"} {
		if got := f.messages(t, "alice", name); got != want {
			t.Errorf("%s has %s, want %s", name, got, want)
		}
	}

	// In the middle of a literal, only the end of the connection can report an error.
	f.next("Read", errOdd)
	if err := c.say("a FETCH 1 BODY[]", "a "); err == nil || refusal(err.Error()) {
		t.Errorf("a message that breaks off: %v", err)
	}
	until(t, "the message to be unseen", func() bool { return f.messages(t, "alice", "INBOX") == "4[]" })
}

// TestStoreFailsUnderIdle checks that a store which fails during IDLE reports its changes later.
func TestStoreFailsUnderIdle(t *testing.T) {
	t.Parallel()
	f := newFailing()
	cfg := server.Config{}
	cfg.UseStore(f)
	s := start(t, cfg)
	c := dial(t, s, 143)
	f.play(t, c, step{line: "", want: "* OK"}, step{line: "a LOGIN alice x", want: "a OK"}, step{line: "a SELECT INBOX", want: "a OK"},
		step{line: "a IDLE", want: "+ "})
	f.next("Changes", store.ErrUnavailable)
	deliverTo(t, f, "alice")
	f.play(t, c, step{want: "* 1 EXISTS"}, step{line: "DONE", want: "a OK"})
	if !f.wasMet() {
		t.Error("nothing has failed")
	}
}

func TestStoreFailsUnderPOP3(t *testing.T) {
	t.Parallel()
	f := newFailing()
	cfg := server.Config{}
	cfg.UseStore(f)
	s := start(t, cfg)
	for range 3 {
		deliverTo(t, f, "alice")
	}
	const down = "-ERR [SYS/TEMP] "
	for _, call := range []string{"OpenAccount", "LockMaildrop", "Mailbox", "Entries", "Open", "Read"} {
		for _, err := range []error{store.ErrUnavailable, errOdd} {
			f.play(t, dial(t, s, 110), step{line: "", want: "+OK"}, step{line: "USER alice", want: "+OK"}, step{call, err, "PASS x", down})
		}
	}
	login := func() *client {
		c := dial(t, s, 110)
		f.play(t, c, step{line: "", want: "+OK"}, step{line: "USER alice", want: "+OK"}, step{line: "PASS x", want: "+OK"})
		return c
	}
	c := login() // whatever failed above holds no lock
	f.play(t, c, step{"Open", store.ErrUnavailable, "RETR 1", down}, step{"Renew", store.ErrLeaseLost, "RETR 1", down},
		step{line: "RETR 1", want: "+OK"}, step{want: "."},
		step{line: "DELE 1", want: "+OK"}, step{"Expunge", store.ErrReadOnly, "QUIT", down})
	c = login()
	f.play(t, c, step{line: "STAT", want: "+OK 3 "}, step{line: "DELE 1", want: "+OK"}, step{"Renew", store.ErrLeaseLost, "QUIT", down})
	c = login()
	f.play(t, c, step{line: "STAT", want: "+OK 3 "}, step{line: "DELE 1", want: "+OK"}, step{"+Expunge", errOdd, "QUIT", down})
	c = login()
	f.play(t, c, step{line: "STAT", want: "+OK 2 "}, step{line: "DELE 1", want: "+OK"}, step{line: "QUIT", want: "+OK"})
	if got := f.messages(t, "alice", "INBOX"); got != "3[]" {
		t.Errorf("left: %s", got)
	}
	// In the middle of a message, only the end of the connection can report an error.
	c = login()
	f.next("Read", errOdd)
	if err := c.say("RETR 1", "."); err == nil || refusal(err.Error()) {
		t.Errorf("a message that breaks off: %v", err)
	}
	f.play(t, login(), step{line: "QUIT", want: "+OK"})
}

func deliverTo(t testing.TB, f *failing, who string) {
	t.Helper()
	in := store.Incoming{Content: store.Bytes("Subject: x\r\n\r\nx\r\n")}
	if _, err := f.really.Deliver(context.Background(), []string{who}, in); err != nil {
		t.Fatal(err)
	}
}

// TestStoreFailsAtRandom runs clients that retry until they see OK, at a store that fails at random, before or after
// carrying out a call. What was acknowledged must be there, and a message may be there twice only if an answer was
// lost.
func TestStoreFailsAtRandom(t *testing.T) {
	t.Parallel()
	const clients, messages = 4, 25
	really := memory.New(memory.Options{})
	ctx := context.Background()
	var mu sync.Mutex
	copies := map[string]int{} // what a call that was carried out and not acknowledged may have duplicated
	f := &failing{really: really}
	f.Store = storetest.Wrap(really, func(_ context.Context, call string, do func() error) error {
		switch rand.IntN(6) {
		case 0:
			return store.ErrUnavailable
		case 1:
			if err := do(); err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			copies[call]++
			return errOdd
		}
		return do()
	})
	cfg := server.Config{}
	cfg.UseStore(f)
	s := start(t, cfg)
	var group sync.WaitGroup
	for n := range clients {
		group.Go(func() {
			for i := range messages {
				text := fmt.Sprintf("Subject: m%d-%d\r\n\r\nx", n, i)
				if err := sendUntilAccepted(t, s, text); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	box, err := really.Mailbox(ctx, "alice", "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	list, err := really.Entries(ctx, box.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, e := range list {
		raw, err := store.ReadAll(ctx, e.Message)
		if err != nil {
			t.Fatal(err)
		}
		_, subject, _ := strings.Cut(string(raw), "Subject: ")
		subject, _, _ = strings.Cut(subject, "\r\n")
		seen[subject]++
	}
	for n := range clients {
		for i := range messages {
			if seen[fmt.Sprintf("m%d-%d", n, i)] == 0 {
				t.Errorf("m%d-%d was acknowledged and isn't there", n, i)
			}
		}
	}
	if extra := len(list) - clients*messages; extra != copies["Deliver"] || extra == 0 {
		t.Errorf("%d messages are there twice, %d answers were lost", extra, copies["Deliver"])
	}
}

// sendUntilAccepted sends a message to alice, and again after each temporary failure.
func sendUntilAccepted(t testing.TB, s *server.Server, text string) error {
	c := dial(t, s, 25)
	defer c.Close()
	if err := errors.Join(c.say("", "220 "), c.say("EHLO x", "250 ")); err != nil {
		return err
	}
	for {
		err := errors.Join(c.say("MAIL FROM:<a@b>", "250 "), c.say("RCPT TO:<alice>", "250 "), c.say("DATA", "354 "))
		if err != nil {
			return err
		}
		if err = c.say(text+"\r\n.", "250 "); err == nil {
			return nil
		}
		if !strings.Contains(err.Error(), `got "45`) {
			return err
		}
	}
}
