package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// client knows what an IMAP client knows: only what it was told.
type client struct {
	*env
	view     *view.View
	uids     []store.UID            // by sequence number
	flags    map[store.UID][]string // as reported, or as its own silent STOREs left them
	keywords []string
}

func newClient(e *env, box store.Mailbox) *client {
	c := &client{env: e, view: e.open(box, false), flags: make(map[store.UID][]string)}
	c.uids = slices.Clone(c.view.UIDs())
	c.fetch(c.uids)
	return c
}

func (c *client) fetch(uids []store.UID) {
	items, err := c.view.Items(c.ctx, uids)
	if err != nil {
		c.Error(err)
	}
	for _, item := range items {
		if c.uids[item.Seq-1] != item.UID {
			c.Errorf("FETCH: number %d is UID %d, client has %d", item.Seq, item.UID, c.uids[item.Seq-1])
		}
		c.flags[item.UID] = item.Flags
	}
}

// hear is a NOOP, or a command during which no EXPUNGE may be reported.
func (c *client) hear(expunges bool) {
	changes, err := c.view.Sync(c.ctx, expunges)
	if err != nil {
		c.Error(err)
	}
	from := len(c.uids)
	for _, ch := range changes {
		c.apply(ch, expunges)
		if ch.Expunged != 0 {
			from--
		}
	}
	if !slices.Equal(c.uids, c.view.UIDs()) {
		c.Errorf("client has %v, view %v", c.uids, c.view.UIDs())
		return
	}
	c.fetch(c.uids[from:]) // the new messages; a FETCH comes after all untagged responses
}

func (c *client) apply(ch view.Change, expunges bool) {
	switch {
	case ch.Expunged != 0:
		if !expunges {
			c.Error("EXPUNGE at a forbidden moment")
		}
		if int(ch.Expunged) > len(c.uids) {
			c.Errorf("EXPUNGE %d of %d", ch.Expunged, len(c.uids))
			return
		}
		delete(c.flags, c.uids[ch.Expunged-1])
		c.uids = slices.Delete(c.uids, int(ch.Expunged-1), int(ch.Expunged))
	case ch.Exists != 0:
		old := len(c.uids)
		if int(ch.Exists) <= old {
			c.Errorf("EXISTS %d after %d", ch.Exists, old)
		}
		for seq := uint32(old + 1); seq <= ch.Exists; seq++ {
			uid, ok := c.view.UID(seq)
			if !ok || old > 0 && uid <= c.uids[old-1] {
				c.Errorf("UID(%d) = %d, %v", seq, uid, ok)
			}
			c.uids = append(c.uids, uid)
		}
	case ch.Flags != nil:
		f := ch.Flags
		if int(f.Seq) > len(c.uids) || c.uids[f.Seq-1] != f.UID {
			c.Errorf("FETCH %d is UID %d, client has %v", f.Seq, f.UID, c.uids)
			return
		}
		c.flags[f.UID] = f.Flags
		for _, word := range f.Flags {
			if word[0] != '\\' && !slices.Contains(c.keywords, word) {
				c.Errorf("FETCH uses the keyword %s before FLAGS told of it", word)
			}
		}
	case ch.Keywords != nil:
		c.keywords = ch.Keywords
	default:
		c.Error("a change with nothing set")
	}
}

func (c *client) step(r *rand.Rand, boxes []store.Mailbox) {
	pick := func() []store.UID {
		var uids []store.UID
		for _, uid := range c.uids {
			if r.IntN(4) == 0 {
				uids = append(uids, uid)
			}
		}
		return uids
	}
	all := []string{store.Seen, store.Flagged, store.Deleted, "$a", "$B", "$c"}
	flags := []string{all[r.IntN(len(all))], all[r.IntN(len(all))]}
	if r.IntN(3) > 0 { // otherwise there would hardly be any messages left
		flags = slices.DeleteFunc(flags, func(f string) bool { return f == store.Deleted })
	}
	dest := boxes[r.IntN(len(boxes))]
	var err error
	switch n := r.IntN(20); {
	case n < 6: // silent: the client computes the result itself
		uids, op := pick(), store.Op(r.IntN(3))
		slices.Sort(flags)
		flags = slices.Compact(flags)
		var items []view.Item
		items, err = c.view.Store(c.ctx, uids, op, flags)
		for _, item := range items {
			c.flags[item.UID] = op.Apply(c.flags[item.UID], flags)
		}
	case n < 9:
		in := text("x")
		in.Flags = flags
		_, err = c.Append(c.ctx, c.view.Mailbox().ID, []store.Incoming{in})
	case n < 11:
		_, err = c.view.Expunge(c.ctx, nil)
	case n < 12:
		_, err = c.view.Expunge(c.ctx, append([]store.UID{}, pick()...))
	case n < 14:
		var src, dst []store.UID
		if src, dst, err = c.view.Move(c.ctx, pick(), dest.ID); len(src) != len(dst) {
			c.Error(src, dst)
		}
	case n < 15 && len(c.uids) < 100:
		var src, dst []store.UID
		if src, dst, err = c.view.Copy(c.ctx, pick(), dest.ID); len(src) != len(dst) {
			c.Error(src, dst)
		}
	case n < 16:
		c.fetch(pick())
	case n < 17:
		err = c.maildrop(r)
	case n < 18:
		c.hear(false)
	default:
		c.hear(true)
	}
	if err != nil {
		c.Error(err)
	}
}

// maildrop is a POP3 session on the user's INBOX. It lists and reads, and at the end it removes at most one message.
func (c *client) maildrop(r *rand.Rand) error {
	lease, err := c.LockMaildrop(c.ctx, user)
	if errors.Is(err, store.ErrInUse) {
		return nil
	} else if err != nil {
		return err
	}
	defer lease.Release(c.ctx)
	inbox, err := c.Mailbox(c.ctx, user, store.Inbox)
	if err != nil {
		return err
	}
	list, err := c.Entries(c.ctx, inbox.ID, nil)
	if err != nil || len(list) == 0 {
		return err
	}
	n := r.IntN(len(list))
	if raw, err := store.ReadAll(c.ctx, list[n].Message); int64(len(raw)) != list[n].Message.Size() && !errors.Is(err, store.ErrGone) {
		return fmt.Errorf("RETR: %d bytes, %w", len(raw), err)
	}
	if r.IntN(4) > 0 {
		return nil
	}
	if err := lease.Renew(c.ctx); err != nil {
		return err
	}
	_, err = c.Expunge(c.ctx, inbox.ID, []store.UID{list[n].UID})
	return err
}

// clientsAgree lets many clients work on two mailboxes at once, by IMAP and POP3. Each client's sequence numbers must
// always match what it was told. When everything is quiet, each client must know the truth.
func clientsAgree(e *env) {
	rounds := 30
	if testing.Short() {
		rounds = 8
	}
	seed := uint64(time.Now().UnixNano())
	e.Logf("seed %d", seed)
	boxes := []store.Mailbox{e.inbox(20), e.mailbox("Archive")}
	clients := make([]*client, 8)
	random := make([]*rand.Rand, len(clients))
	for i := range clients {
		clients[i] = newClient(e, boxes[i%2])
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
			c.check()
			messages += len(c.uids)
		}
		if e.Failed() {
			return
		}
	}
	if messages < rounds*len(clients) {
		e.Errorf("%d messages in %d rounds of %d clients: this shows nothing", messages, rounds, len(clients))
	}
	for _, box := range boxes {
		e.checkSums(box)
	}
}

// check compares what the client believes with the mailbox when everything is quiet. News may still be on its way for a
// while.
func (c *client) check() {
	c.Helper()
	entries := c.entries(c.view.Mailbox())
	agree := func() bool {
		return slices.EqualFunc(entries, c.uids, func(x store.Entry, uid store.UID) bool {
			return x.UID == uid && slices.Equal(c.flags[uid], x.Flags)
		})
	}
	deadline := time.After(patience)
	for c.hear(true); !agree() && !c.Failed(); c.hear(true) {
		select {
		case <-c.view.Changed():
		case <-deadline:
			c.Errorf("client has %v, the mailbox %v", c.flags, flagsOf(entries))
			return
		}
	}
}

// checkSums recomputes the sums that a mailbox keeps.
func (e *env) checkSums(box store.Mailbox) {
	e.Helper()
	var size int64
	var unseen, deleted uint32
	list := e.entries(box)
	for _, x := range list {
		size += x.Message.Size()
		if !x.Has(store.Seen) {
			unseen++
		}
		if x.Has(store.Deleted) {
			deleted++
		}
	}
	if st := e.status(box); st.Size != size || st.Unseen != unseen || st.Deleted != deleted || int(st.Messages) != len(list) {
		e.Errorf("status %+v; counted %d, size %d, unseen %d, deleted %d", st, len(list), size, unseen, deleted)
	}
}

// tokens checks that a view which only waits for tokens learns everything, as IDLE must.
func tokens(e *env) {
	const writers, each = 4, 100
	box := e.inbox(1)
	idle := newClient(e, box)
	var group sync.WaitGroup
	for w := range writers {
		group.Go(func() {
			for i := range each {
				_, err := e.SetFlags(e.ctx, box.ID, []store.UID{1}, store.Replace, []string{fmt.Sprintf("w%d-%d", w, i%10)})
				if err == nil {
					_, err = e.Append(e.ctx, box.ID, []store.Incoming{text("x")})
				}
				if err != nil {
					e.Error(err)
				}
			}
		})
	}
	deadline := time.After(patience)
	for idle.view.Len() < 1+writers*each {
		select {
		case <-idle.view.Changed():
			idle.hear(true)
		case <-deadline:
			e.Fatalf("the last token was lost: %d messages", idle.view.Len())
		}
	}
	group.Wait()
}

// foldersConcurrently checks that renames, deletions and resets under way neither lose a delivery that was accepted
// after the last of them, nor block anything.
func foldersConcurrently(e *env) {
	var group sync.WaitGroup
	for w := range 6 {
		group.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			names := []string{"a", "a/b", "a/b/c", "d", "d/e", "INBOX"}
			name := func() string { return names[r.IntN(len(names))] }
			for range 200 {
				switch r.IntN(8) {
				case 0, 1:
					_ = e.Create(e.ctx, user, name(), "")
				case 2:
					_ = e.Delete(e.ctx, user, name())
				case 3:
					_ = e.Rename(e.ctx, user, name(), name())
				case 4:
					_, _ = e.List(e.ctx, user)
				case 5:
					if b, err := e.Mailbox(e.ctx, user, name()); err == nil {
						if v, err := view.Open(e.ctx, e.Store, b, false); err == nil {
							_, _, _ = v.Move(e.ctx, v.UIDs(), b.ID)
							_, _ = v.Sync(e.ctx, true)
							v.Close()
						}
					}
				case 6:
					if _, err := e.Deliver(e.ctx, []string{user}, text("x")); err != nil {
						e.Error(err)
					}
				case 7:
					if r.IntN(10) == 0 {
						_ = e.Store.Reset(e.ctx)
					}
				}
			}
		})
	}
	group.Wait()
	before := e.status(e.mailbox("INBOX")).Messages
	_, err := e.Deliver(e.ctx, []string{user}, text("x"))
	e.must(err)
	if after := e.status(e.mailbox("INBOX")).Messages; after != before+1 {
		e.Errorf("%d messages, then %d", before, after)
	}
	infos, err := e.List(e.ctx, user)
	e.must(err)
	for _, info := range infos {
		if info.Exists && e.mailbox(info.Name).Name != info.Name {
			e.Errorf("%s calls itself otherwise", info.Name)
		}
	}
}

// deliverConcurrently checks that a delivery to several accounts reaches all of them, whatever else is being delivered.
func deliverConcurrently(e *env) {
	accounts := []string{"a", "b", "c"}
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			for i := range 30 {
				r := rand.New(rand.NewPCG(uint64(w), uint64(i)))
				to := slices.Clone(accounts)
				r.Shuffle(len(to), func(i, j int) { to[i], to[j] = to[j], to[i] }) // in any order: no deadlock
				if _, err := e.Deliver(e.ctx, to, text("x")); err != nil {
					e.Error(err)
				}
			}
		})
	}
	group.Wait()
	for _, name := range accounts {
		box, err := e.Mailbox(e.ctx, name, "INBOX")
		e.must(err)
		if n := e.status(box).Messages; n != 4*30 {
			e.Errorf("%s has %d messages", name, n)
		}
	}
}
