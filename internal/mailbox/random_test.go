package mailbox

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// client is what an IMAP client knows: nothing but what it was told.
type client struct {
	t        *testing.T
	view     *View
	uids     []UID            // by sequence number
	flags    map[UID][]string // as told, or as its own silent STOREs left them
	keywords []string
}

func newClient(t *testing.T, b *Mailbox) *client {
	c := &client{t: t, view: b.Open(false), flags: make(map[UID][]string)}
	c.uids = slices.Clone(c.view.UIDs())
	c.fetch(c.uids)
	return c
}

func (c *client) fetch(uids []UID) {
	for _, item := range c.view.Items(uids) {
		if c.uids[item.Seq-1] != item.UID {
			c.t.Errorf("FETCH: number %d is UID %d, client has %d", item.Seq, item.UID, c.uids[item.Seq-1])
		}
		c.flags[item.UID] = item.Flags
	}
}

func (c *client) apply(changes []Change, expunges bool) {
	for _, ch := range changes {
		switch {
		case ch.Expunged != 0:
			if !expunges {
				c.t.Error("EXPUNGE at a forbidden moment")
			}
			if int(ch.Expunged) > len(c.uids) {
				c.t.Errorf("EXPUNGE %d of %d", ch.Expunged, len(c.uids))
				return
			}
			delete(c.flags, c.uids[ch.Expunged-1])
			c.uids = slices.Delete(c.uids, int(ch.Expunged-1), int(ch.Expunged))
		case ch.Exists != 0:
			if int(ch.Exists) <= len(c.uids) {
				c.t.Errorf("EXISTS %d after %d", ch.Exists, len(c.uids))
			}
			old := len(c.uids)
			for seq := uint32(old + 1); seq <= ch.Exists; seq++ {
				uid, ok := c.view.UID(seq)
				if !ok || old > 0 && uid <= c.uids[old-1] {
					c.t.Errorf("UID(%d) = %d, %v", seq, uid, ok)
				}
				c.uids = append(c.uids, uid)
			}
			// FETCH comes after all untagged answers; the new ones are last.
			defer func(from UID) {
				i, _ := slices.BinarySearch(c.uids, from)
				c.fetch(c.uids[i:])
			}(c.uids[old])
		case ch.Flags != nil:
			if f := ch.Flags; int(f.Seq) > len(c.uids) || c.uids[f.Seq-1] != f.UID {
				c.t.Errorf("FETCH %d is UID %d, client has %v", f.Seq, f.UID, c.uids)
				return
			}
			c.flags[ch.Flags.UID] = ch.Flags.Flags
			for _, f := range ch.Flags.Flags {
				if f[0] != '\\' && !slices.Contains(c.keywords, f) {
					c.t.Errorf("FETCH uses the keyword %s before FLAGS told of it", f)
				}
			}
		case ch.Keywords != nil:
			c.keywords = ch.Keywords
		default:
			c.t.Error("a change with nothing set")
		}
	}
	if !slices.Equal(c.uids, c.view.UIDs()) {
		c.t.Errorf("client has %v, view %v", c.uids, c.view.UIDs())
	}
}

func (c *client) step(r *rand.Rand, others []*Mailbox) {
	pick := func() []UID {
		var uids []UID
		for _, uid := range c.uids {
			if r.IntN(4) == 0 {
				uids = append(uids, uid)
			}
		}
		return uids
	}
	all := []string{Seen, Flagged, Deleted, "$a", "$B", "$c"}
	flags := []string{all[r.IntN(len(all))], all[r.IntN(len(all))]}
	if r.IntN(3) > 0 { // else there would hardly be messages to work on
		flags = slices.DeleteFunc(flags, func(f string) bool { return f == Deleted })
	}
	switch n := r.IntN(20); {
	case n < 6: // silent: the client computes the result itself
		uids, op := pick(), Op(r.IntN(3))
		slices.Sort(flags)
		flags = slices.Compact(flags)
		items, err := c.view.Store(uids, op, flags)
		if err != nil {
			c.t.Error(err)
		}
		for _, item := range items {
			c.flags[item.UID] = op.apply(c.flags[item.UID], flags)
		}
	case n < 9:
		if _, err := c.view.Mailbox().Append(testMessage("x"), flags, time.Time{}); err != nil {
			c.t.Error(err)
		}
	case n < 11:
		if _, err := c.view.Expunge(nil); err != nil {
			c.t.Error(err)
		}
	case n < 12:
		uids := pick()
		if _, err := c.view.Expunge(append([]UID{}, uids...)); err != nil {
			c.t.Error(err)
		}
	case n < 14:
		src, dst, err := c.view.Move(pick(), others[r.IntN(len(others))])
		if err != nil || len(src) != len(dst) {
			c.t.Error(src, dst, err)
		}
	case n < 15 && len(c.uids) < 100:
		src, dst, err := c.view.Copy(pick(), others[r.IntN(len(others))])
		if err != nil || len(src) != len(dst) {
			c.t.Error(src, dst, err)
		}
	case n < 16:
		c.fetch(pick())
	case n < 18:
		c.apply(c.view.Sync(false), false)
	default:
		c.apply(c.view.Sync(true), true)
	}
}

// Many clients work on two mailboxes at once. Whatever happens, each one's numbers fit
// what it was told, and when all is quiet each one knows the truth.
func TestClientsAgree(t *testing.T) {
	t.Parallel()
	rounds := 40
	if testing.Short() {
		rounds = 8
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	a, inbox := newInbox(t, 20)
	boxes := []*Mailbox{inbox, mustBox(t, a, "Archive")}
	clients := make([]*client, 8)
	random := make([]*rand.Rand, len(clients))
	for i := range clients {
		clients[i] = newClient(t, boxes[i%2])
		random[i] = rand.New(rand.NewPCG(seed, uint64(i)))
	}
	messages := 0
	for range rounds {
		var group sync.WaitGroup
		for i, c := range clients {
			group.Go(func() {
				for range 40 {
					c.step(random[i], boxes)
					runtime.Gosched() // steps are short: without this they hardly interleave
				}
			})
		}
		group.Wait()
		for _, c := range clients {
			c.apply(c.view.Sync(true), true)
			c.check()
			messages += len(c.uids)
		}
		if t.Failed() {
			return
		}
	}
	if messages < rounds*len(clients) {
		t.Errorf("%d messages in %d rounds of %d clients: this shows nothing", messages, rounds, len(clients))
	}
	for _, c := range clients {
		c.view.Close()
	}
	for _, b := range boxes {
		checkSums(t, b)
	}
}

// check compares what the client believes with the mailbox, when all is quiet.
func (c *client) check() {
	c.t.Helper()
	entries := c.view.Mailbox().Entries()
	if len(entries) != len(c.uids) {
		c.t.Errorf("client has %d messages, the mailbox %d", len(c.uids), len(entries))
		return
	}
	for i, e := range entries {
		if c.uids[i] != e.UID || !slices.Equal(c.flags[e.UID], e.Flags) {
			c.t.Errorf("client has UID %d %v, the mailbox UID %d %v", c.uids[i], c.flags[c.uids[i]], e.UID, e.Flags)
		}
	}
}

// checkSums counts again what the mailbox counts as it goes.
func checkSums(t *testing.T, b *Mailbox) {
	t.Helper()
	var size int64
	var unseen, deleted uint32
	for _, e := range b.Entries() {
		size += e.Message.Size()
		if !e.Has(Seen) {
			unseen++
		}
		if e.Has(Deleted) {
			deleted++
		}
	}
	st := b.Status()
	if st.Size != size || st.Unseen != unseen || st.Deleted != deleted || len(b.moving) != 0 || len(b.views) != 0 {
		t.Errorf("status %+v; counted size %d, unseen %d, deleted %d; moving %v", st, size, unseen, deleted, b.moving)
	}
}

// Two sessions that move the same messages must not make two of one, at whatever
// moment of the first the second comes.
func TestMoveOnce(t *testing.T) {
	t.Parallel()
	a, inbox := newInbox(t, 10)
	dest := mustBox(t, a, "Archive")
	entries, release := inbox.claim([]UID{1, 2, 3}, false) // a Move stops half-way
	v := inbox.Open(false)
	defer v.Close()
	src, _, err := v.Move(v.UIDs(), dest)
	if err != nil || len(entries) != 3 || len(src) != 7 || src[0] != 4 {
		t.Errorf("Move took %v, %v", src, err)
	}
	release(false) // and fails
	if src, _, err = v.Move([]UID{1}, dest); err != nil || len(src) != 1 {
		t.Errorf("Move after a failed one took %v, %v", src, err)
	}
	for range 50 {
		a, inbox := newInbox(t, 10)
		dest := mustBox(t, a, "Archive")
		var moved atomic.Int64
		var group sync.WaitGroup
		for range 4 {
			v := inbox.Open(false)
			group.Go(func() {
				defer v.Close()
				src, _, err := v.Move(v.UIDs(), dest)
				if err != nil {
					t.Error(err)
				}
				moved.Add(int64(len(src)))
			})
		}
		group.Wait()
		if n := dest.Status().Messages; n != 10 || moved.Load() != 10 || inbox.Status().Messages != 0 {
			t.Fatalf("%d messages arrived, %d reported as moved", n, moved.Load())
		}
	}
}

// A view that only waits for tokens must learn of everything: the IDLE case.
func TestTokensAreNeverLost(t *testing.T) {
	t.Parallel()
	const writers, each = 4, 300
	_, b := newInbox(t, 1)
	idle := newClient(t, b)
	defer idle.view.Close()
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			v := b.Open(false)
			defer v.Close()
			for i := range each {
				mustStore(t, v, []UID{1}, Replace, fmt.Sprintf("w%d-%d", w, i%10))
				mustAppend(t, b)
			}
		})
	}
	deadline := time.After(time.Minute)
	for idle.view.Len() < 1+writers*each {
		select {
		case <-idle.view.Changed():
			idle.apply(idle.view.Sync(true), true)
		case <-deadline:
			t.Fatalf("the last token was lost: %d messages", idle.view.Len())
		}
	}
	group.Wait()
}

// Renames, deletions and resets under way must not lose a delivery that was accepted
// after the last of them, nor wedge anything.
func TestFoldersConcurrently(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	var group sync.WaitGroup
	for w := range 6 {
		group.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			names := []string{"a", "a/b", "a/b/c", "d", "d/e", "INBOX"}
			name := func() string { return names[r.IntN(len(names))] }
			a := s.Account("u")
			for range 300 {
				switch r.IntN(8) {
				case 0, 1:
					_ = a.Create(name(), "")
				case 2:
					_ = a.Delete(name())
				case 3:
					_ = a.Rename(name(), name())
				case 4:
					a.List()
				case 5:
					if b, err := a.Mailbox(name()); err == nil {
						v := b.Open(false)
						_, _, _ = v.Move(v.UIDs(), b)
						v.Sync(true)
						v.Close()
					}
				case 6:
					if _, err := s.Deliver("u", testMessage("x")); err != nil {
						t.Error(err)
					}
				case 7:
					if r.IntN(10) == 0 {
						s.Reset()
					}
				}
			}
		})
	}
	group.Wait()
	before := mustBox(t, s.Account("u"), "INBOX").Status().Messages
	if _, err := s.Deliver("u", testMessage("x")); err != nil {
		t.Fatal(err)
	}
	if after := mustBox(t, s.Account("u"), "INBOX").Status().Messages; after != before+1 {
		t.Errorf("%d messages, then %d", before, after)
	}
	for _, info := range s.Account("u").List() {
		if info.Exists && mustBox(t, s.Account("u"), info.Name).Name() != info.Name {
			t.Errorf("%s calls itself otherwise", info.Name)
		}
	}
}
