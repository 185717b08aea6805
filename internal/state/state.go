// Package state keeps what a server must remember besides mail: which scenarios are active, reports that are still due, keys,
// sessions, findings. All of it is records: bytes with a kind and a key. What the bytes mean is known only to the package
// that writes them, and so is the version of their form.
//
// A [Store] may be shared by several servers. So a change can have a condition (Change.If), work that is due is claimed for
// a time (Store.Claim), and whoever keeps a copy in memory watches its kind (Store.Watch). [Memory] is the Store of one
// process. Package store/tables has one in a database. Package statetest is what every Store must pass.
package state

import (
	"context"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Errors in the request. Test for them with errors.Is. A Store that can't be reached, is full or can't be written returns
// package store's errors: see store.Unavailable.
var (
	ErrNone     = errors.New("there is no such record")
	ErrConflict = errors.New("the record has been changed by somebody else meanwhile")
	ErrTooBig   = errors.New("the record is larger than the store takes")
)

// Limits of a record.
const (
	MaxKind = 32       // bytes
	MaxKey  = 512      // bytes
	MaxData = 65 << 20 // bytes
	// MaxChanges is how many changes one Apply takes.
	MaxChanges = 1000
)

// Version says which state of a record is meant. Each Apply gives all records that it writes the next one, of the whole
// Store. So a record that was removed and made anew never has a version that it has had.
type Version int64

// Conditions of a change, besides the version that the record must have.
const (
	Any    Version = 0  // whatever is there
	Absent Version = -1 // there is no record with this key
)

// Record is one record. Its Data belongs to whoever got it.
type Record struct {
	Kind    string
	Key     string // unique among those of its kind
	Data    []byte
	Due     time.Time // when Claim returns it, to the microsecond; zero: never
	Version Version
}

// Change writes or removes a record, or removes all of a kind.
type Change struct {
	Kind   string
	Key    string
	Data   []byte
	Due    time.Time
	If     Version // what must hold; otherwise nothing is changed
	Remove bool    // it is no error if there is nothing to remove, unless If is a version
	All    bool    // with Remove: all records of the kind; Key and If don't count
}

// Put writes a record, whatever was there.
func Put(kind, key string, data []byte) Change { return Change{Kind: kind, Key: key, Data: data} }

// Create writes a record if there is none.
func Create(kind, key string, data []byte) Change {
	return Change{Kind: kind, Key: key, Data: data, If: Absent}
}

// Replace writes other bytes into a record that nobody has changed since. When it is due stays.
func Replace(r Record, data []byte) Change {
	return Change{Kind: r.Kind, Key: r.Key, Data: data, Due: r.Due, If: r.Version}
}

// Remove removes a record, if it is there.
func Remove(kind, key string) Change { return Change{Kind: kind, Key: key, Remove: true} }

// Done removes a record that nobody has changed or claimed since.
func Done(r Record) Change { return Change{Kind: r.Kind, Key: r.Key, If: r.Version, Remove: true} }

// Clear removes all records of a kind.
func Clear(kind string) Change { return Change{Kind: kind, Remove: true, All: true} }

// At returns the change with a time at which the record is due.
func (c Change) At(due time.Time) Change {
	c.Due = due
	return c
}

// Check returns what is wrong with the change itself. Every Store refuses such a one.
func (c *Change) Check() error {
	switch {
	case len(c.Data) > MaxData:
		return fmt.Errorf("%w: %d bytes, at most %d", ErrTooBig, len(c.Data), MaxData)
	case !named(c.Kind, MaxKind) || !c.All && !named(c.Key, MaxKey):
		return fmt.Errorf("a record of kind %.40q can't have the key %.40q", c.Kind, c.Key)
	case c.All && !c.Remove:
		return fmt.Errorf("all records of kind %q can only be removed", c.Kind)
	}
	return nil
}

// named reports whether a text can be a kind or a key: every database can hold it.
func named(s string, most int) bool {
	for _, c := range s {
		if c == 0 {
			return false
		}
	}
	return s != "" && len(s) <= most && utf8.ValidString(s)
}

// CheckAll returns what is wrong with changes for one Apply.
func CheckAll(changes []Change) error {
	if len(changes) > MaxChanges {
		return fmt.Errorf("%d changes at once; at most %d", len(changes), MaxChanges)
	}
	for i := range changes {
		if err := changes[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

// Store keeps records. Any goroutine may call its methods.
type Store interface {
	// Get returns a record, or ErrNone.
	Get(ctx context.Context, kind, key string) (Record, error)
	// List returns records of a kind whose keys are after a key, in the order of the keys' bytes, most at most.
	List(ctx context.Context, kind, after string, most int) ([]Record, error)
	// Count returns how many records a kind has, and how many bytes of data.
	Count(ctx context.Context, kind string) (records int, bytes int64, err error)
	// Apply makes all changes in their order, or none of them, and returns the version of what it wrote. It returns
	// ErrConflict if the condition of one doesn't hold. When it returns without an error, the changes last as long as
	// the Store does. A record that is written loses its claim.
	Apply(ctx context.Context, changes ...Change) (Version, error)
	// Claim returns records of a kind that are due, the earliest first, most at most. For as long as the lease, nobody
	// else gets them, and then they can be claimed again: so what a process that died had claimed isn't lost. Each has a
	// new version, with which Done removes it. wait says how long it takes until there is another one to claim, due or
	// with a lease that ends; it is negative if there is none.
	Claim(ctx context.Context, kind string, most int, lease time.Duration) (due []Record, wait time.Duration, err error)
	// Take returns the first of n numbers that follow each other. None of them was ever returned under this name before.
	// The first one ever is 1.
	Take(ctx context.Context, name string, n int) (first uint64, err error)
	// Watch leaves a token whenever records of the kind may have changed, from now on.
	Watch(ctx context.Context, kind string) (Watch, error)
}

// Watch says that records of a kind may have changed, by whomever. Close it.
type Watch interface {
	// Changed returns a channel that holds at most one token. Whoever takes it reads the kind anew.
	Changed() <-chan struct{}
	Close()
}
