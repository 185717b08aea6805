package event

import "iter"

// Journal keeps the records of connections. Connections append to it, readers read it, and subscribers hear what is
// new. Ring is the implementation in memory. Any goroutine may call its methods. No method waits for a reader.
type Journal interface {
	// Begin starts the record of a connection.
	Begin(Info) *Recorder
	// Records returns the ended records that are still kept, in the order in which they ended, then the open ones in
	// the order in which they began.
	Records() []*Record
	// Open returns snapshots of the open records, in the order in which they began. It returns nothing if more than
	// most connections are open, because copying them would take long.
	Open(most int) []*Record
	// Latest returns snapshots of the open records that began last, most at most, the latest first.
	Latest(most int) []*Record
	// Before returns the kept records that are among the first n to have ended, the latest of them and most at most, in
	// the order in which they ended, and their numbers. Numbers may be missing between them: see Options.Minor.
	Before(n uint64, most int) (ended []*Record, numbers []uint64)
	// Doors returns how many connections are open at each door, by standard port.
	Doors() map[int]int
	// Busy reports whether any connection is open.
	Busy() bool
	// Get returns the record with this id.
	Get(id string) (*Record, bool)
	// Since returns the records that ended after the first n, counted since the journal began. It also returns the n
	// for the next call, and a channel that is closed when another record ends. Records that are no longer kept are
	// missing.
	Since(n uint64) (ended []*Record, next uint64, more <-chan struct{})
	// Walk yields the records that Since(after) returns and then, if open is set, those that are open at the call. It
	// holds only a few at a time, so that a slow reader keeps none of the others in memory. A record that isn't kept
	// any more when its turn comes is left out.
	Walk(after uint64, open bool) iter.Seq[*Record]
	// Subscribe reports what happens from now on: see Subscription.
	Subscribe(buffer int) *Subscription
	// Reset forgets all ended records. The open ones are forgotten when they end.
	Reset()
}

// Subscription delivers news to one reader. A reader that is too slow loses news: the channel is closed after the last
// item that had room, and Lagged reports true. The reader may then read the journal and subscribe again.
type Subscription struct {
	News   <-chan News
	news   chan News
	lagged bool
	closed bool
	ring   *Ring
}

// News says that a record has begun, has gained an event, or has ended.
type News struct {
	ID    string // of the record
	What  Change
	Event Event // set if What is Grew
}

// Change says what happened to a record.
type Change string

// The changes of a record.
const (
	Began  Change = "began"
	Grew   Change = "grew"
	Closed Change = "closed"
)

// Close ends the subscription.
func (s *Subscription) Close() { s.ring.unsubscribe(s) }

// Lagged reports whether the channel was closed because the reader was too slow.
func (s *Subscription) Lagged() bool {
	s.ring.submu.Lock()
	defer s.ring.submu.Unlock()
	return s.lagged
}
