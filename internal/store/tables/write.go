package tables

import (
	"context"
	"errors"
	"fmt"
	"maps"

	"github.com/mailrig/mailrig/internal/store"
)

// maxBatch is how many changes share a transaction at most.
const maxBatch = 64

// call is a change that waits for its transaction.
type call struct {
	ctx   context.Context
	do    func(*tx) error
	needs needs
	err   error
	turn  chan bool // true: write the next transaction, with this call in it; false: done
}

// write carries out a change. When it returns without an error, the change is durable. do must not change anything
// outside its tx except its own results, which count only if write returns nil. n is what it will look up, as far as that is
// known.
//
// Whoever finds nobody writing does so, for all who have come meanwhile; then the next one who waits does it. So there
// is no goroutine that writes, a lone client waits for nobody, and many clients share one fsync.
func (s *Store) write(ctx context.Context, n needs, do func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c := &call{ctx: ctx, do: do, needs: n, turn: make(chan bool, 1)}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return Ended()
	}
	s.queue = append(s.queue, c)
	wait := s.writing
	s.writing = true
	s.mu.Unlock()
	if wait && !<-c.turn {
		return c.err
	}
	s.mu.Lock()
	many := min(len(s.queue), maxBatch)
	batch := s.queue[:many:many]
	s.queue = s.queue[many:]
	s.mu.Unlock()
	defer s.passOn(batch)
	s.transact(batch)
	return c.err
}

// passOn tells the others of a batch that it is done, and the next one that it is its turn.
func (s *Store) passOn(batch []*call) {
	for _, other := range batch[1:] {
		other.turn <- false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) > 0 {
		s.queue[0].turn <- true
	} else {
		s.queue, s.writing = nil, false
	}
}

// awaitWriter returns when nobody writes any more. The store is closed, so nobody begins.
func (s *Store) awaitWriter() {
	c := &call{do: func(*tx) error { return nil }, turn: make(chan bool, 1)}
	s.mu.Lock()
	if !s.writing {
		s.mu.Unlock()
		return
	}
	s.queue = append(s.queue, c)
	s.mu.Unlock()
	if !<-c.turn {
		s.awaitWriter() // somebody took it along, and may not have finished
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queue, s.writing = nil, false
}

// transact carries out changes in one transaction.
func (s *Store) transact(batch []*call) {
	err := s.attempt(batch)
	if err == nil {
		return
	}
	if s.onTrouble != nil {
		s.onTrouble(err)
	}
	for _, c := range batch {
		if c.err == nil {
			c.err = err
		}
	}
}

func (s *Store) attempt(batch []*call) error {
	var t *tx
	err := s.engine.Write(func(c Conn) (err error) {
		if t, err = s.begin(c, batch); err != nil {
			return fmt.Errorf("begin to write: %w", err)
		}
		for _, c := range batch {
			if c.err != nil {
				continue
			}
			if c.err = t.step(c.do); s.engine.Broken(c.err) {
				err, c.err = c.err, nil // what else is in the transaction may be lost
				return fmt.Errorf("write: %w", err)
			}
		}
		if err := t.flush(); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.numbers.Store(&t.numbers)
	s.Publish(t.news)
	return nil
}

// tx is a transaction. Each change in it is a step of its own.
type tx struct {
	Conn
	store   *Store
	before  numbers // the transaction
	numbers numbers
	boxes   map[store.MailboxID]*box // that the steps so far have changed
	own     map[store.MailboxID]*box // of the present step
	fresh   map[*message]*fresh      // of the present step
	found   found
	large   map[string]int64 // numbers of bodies whose pieces are written, by digest
	used    []int64          // numbers of bodies of which pieces may be written
	news    []News
}

// News is what everybody must hear of after a commit.
type News struct {
	Box     store.MailboxID // that has changed; 0 means none
	ModSeq  uint64          // its new mod-sequence
	Arrived bool            // in any mailbox
	Removed bool            // from any mailbox
	Kind    string          // of records that have changed; "" means none
}

// begin returns the transaction on a connection. Until it has ended, nobody else changes anything.
func (s *Store) begin(c Conn, batch []*call) (t *tx, err error) {
	t = &tx{Conn: c, store: s, boxes: map[store.MailboxID]*box{}}
	t.forgetFound()
	if s.alone {
		t.before = *s.numbers.Load()
		t.numbers = t.before
		return t, nil
	}
	if err := t.writeLarge(batch); err != nil {
		return nil, err
	}
	if t.before, err = lockNumbers(c); err != nil {
		return nil, err
	}
	t.numbers = t.before
	return t, t.prefetch(batch)
}

// step carries out one change, or nothing of it.
func (t *tx) step(do func(*tx) error) error {
	before, told := t.numbers, len(t.news)
	t.own = map[store.MailboxID]*box{}
	if err := t.Exec("SAVEPOINT step"); err != nil {
		return err
	}
	t.fresh = nil
	if err := do(t); err != nil {
		// The numbers may be used again: nobody has seen them.
		t.numbers, t.news = before, t.news[:told]
		t.forgetFound()
		return errors.Join(err, t.Exec("ROLLBACK TO step"), t.Exec("RELEASE step"))
	}
	if err := t.writeFresh(); err != nil {
		return err
	}
	maps.Copy(t.boxes, t.own)
	return t.Exec("RELEASE step")
}

// flush writes what the steps have only noted.
func (t *tx) flush() error {
	if err := t.dropLarge(); err != nil {
		return err
	}
	for _, b := range t.boxes {
		if err := b.save(t.Conn); err != nil {
			return err
		}
	}
	if t.numbers != t.before {
		if err := t.numbers.save(t.Conn); err != nil {
			return err
		}
	}
	if len(t.news) == 0 {
		return nil
	}
	return t.store.engine.Tell(t.Conn, t.news)
}

// changed notes that a mailbox has a new mod-sequence.
func (t *tx) changed(id store.MailboxID, modSeq uint64) {
	t.news = append(t.news, News{Box: id, ModSeq: modSeq})
}
