package event

// Journal keeps the records of connections: it appends, it is read, and readers are told when there is more.
// Ring is the one in memory. Methods may be called by any goroutine, and never wait for a reader.
type Journal interface {
	// Begin starts the record of a connection.
	Begin(Info) *Recorder
	// Records returns those of ended connections that are still kept, in the order in which they ended, then
	// the open ones in the order in which they began.
	Records() []*Record
	// Open returns the records of open connections as they are now, in the order in which they began; none at
	// all when there are more than most, which would take long.
	Open(most int) []*Record
	// Busy reports whether a connection is open.
	Busy() bool
	// Get returns a record by its id.
	Get(id string) (*Record, bool)
	// Since returns the records that ended after the first n ever, the number to ask with next time, and a
	// channel that is closed when another one ends. Those that are no longer kept are not returned.
	Since(n uint64) (ended []*Record, next uint64, more <-chan struct{})
	// Subscribe tells what happens from now on: see Subscription.
	Subscribe(buffer int) *Subscription
	// Reset forgets every record of an ended connection, and those of open ones when they end.
	Reset()
}

// Subscription is a reader's share of what is new. News that the reader doesn't take in time are lost: the
// channel is closed behind the last one that had room, and Lagged reports true. The reader may then read the
// journal and subscribe anew.
type Subscription struct {
	News   <-chan News
	news   chan News
	lagged bool
	closed bool
	ring   *Ring
}

// News says that a record has begun, has grown by an event, or has ended.
type News struct {
	ID    string // of the record
	What  Change
	Event Event // with Grew
}

// Change is what became of a record.
type Change string

// The changes.
const (
	Began  Change = "began"
	Grew   Change = "grew"
	Closed Change = "closed"
)

// Close ends the subscription.
func (s *Subscription) Close() { s.ring.unsubscribe(s) }

// Lagged reports, when News is closed, that the reader was too slow.
func (s *Subscription) Lagged() bool {
	s.ring.submu.Lock()
	defer s.ring.submu.Unlock()
	return s.lagged
}
