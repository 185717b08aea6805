// Package store says what a store of mail is: accounts, mailboxes, messages and what
// changes in them. SMTP delivers into one, IMAP and POP3 read from one, and none of
// them knows which: memory is the one there is, storetest is what another must pass.
//
// The interface is made so that a database can stand behind it, and several servers in
// front of that database:
//
//   - Every method takes a context and returns an error. Error kinds that matter to a
//     client are listed in errors.go; any other error counts as a failure of the store.
//   - Everything handed out is a value, or immutable. Nothing points into the store.
//   - Nothing is locked between two calls, so a client that stops reading can't stall
//     another one. The one exception is the lock of a POP3 maildrop, which is a lease.
//   - A message is a blob that is opened and read in pieces. A store that has it in
//     memory anyway may offer the bytes as they are (see ReadAll).
//   - What changed is asked for by mod-sequence (RFC 7162), removals included. There is
//     no queue per session: a session that never asks costs nothing.
//
// A store knows no sequence numbers: package view counts messages as IMAP does, on top
// of any store. Package seed loads a directory into one, package madeup fills a mailbox
// with messages that are made as they are read.
package store

import (
	"context"
	"time"
)

// Store is a store of mail. Its methods may be called by any number of goroutines.
//
// A method that fails has changed nothing, except where the store can't know: a
// connection to a database may break between the commit and its answer. Callers treat
// an error as "not done" and may try again.
type Store interface {
	Accounts
	Folders
	Messages
	Watching
}

// Accounts are the users. A user's name is accepted in any form that Address
// understands. An account comes into being, with the folders that NewFolders lists, when
// any method but HasAccount and ListAccounts first names it.
type Accounts interface {
	// Address returns the canonical form of a user's name, see CanonicalAddress. It
	// asks nobody.
	Address(name string) string
	// OpenAccount makes the account if it is new and returns its address.
	OpenAccount(ctx context.Context, name string) (address string, err error)
	// HasAccount reports whether the account exists, without making it.
	HasAccount(ctx context.Context, name string) (bool, error)
	// ListAccounts returns the addresses of all accounts, sorted.
	ListAccounts(ctx context.Context) ([]string, error)
	// LockMaildrop takes the exclusive lock that a POP3 session holds from login to its
	// end (RFC 1939 section 4); ErrInUse. It keeps out only other POP3 sessions.
	LockMaildrop(ctx context.Context, account string) (Lease, error)
	// Reset forgets all accounts. Their mailboxes are gone, and UIDVALIDITY values are
	// not used again.
	Reset(ctx context.Context) error
}

// Lease is a lock that a store takes back from a holder that has died. A holder renews
// it at least once in LeaseTime.
type Lease interface {
	// Renew keeps the lock for another LeaseTime; ErrLeaseLost.
	Renew(ctx context.Context) error
	// Release gives the lock back. It may be called more than once, and releases no
	// lock that somebody else has got since.
	Release(ctx context.Context) error
}

// LeaseTime is how long a Lease lasts without being renewed, at least.
const LeaseTime = 15 * time.Minute

// Folders are the names of an account's mailboxes. INBOX is found in any case, and
// CanonicalName and NewName say what a name is.
type Folders interface {
	// Mailbox returns the mailbox of that name. ErrNoMailbox; ErrNotSelectable if it is
	// only a parent of others.
	Mailbox(ctx context.Context, account, name string) (Mailbox, error)
	// List returns every mailbox that exists, every parent of one, and every name that
	// is only subscribed, in the order of CompareNames.
	List(ctx context.Context, account string) ([]Info, error)
	// Create makes a mailbox and the missing ones above it (RFC 9051 section 6.3.4). A
	// "/" at the end is accepted. specialUse is "" or one of those in NewFolders.
	// ErrExists, ErrBadName, ErrSpecialUse.
	Create(ctx context.Context, account, name, specialUse string) error
	// Delete removes a mailbox and its messages, not its children: while it has some, the
	// name stays in List, not selectable. A subscription stays (RFC 9051 sections 6.3.5
	// and 6.3.8). ErrInbox, ErrNoMailbox; ErrNotSelectable if it is a mere parent.
	Delete(ctx context.Context, account, name string) error
	// Rename gives a mailbox another name. Its children move along, missing parents of
	// the new name are made, and ids stay what they are. INBOX itself stays: its
	// messages move to a new mailbox, and its children keep their names (RFC 9051
	// section 6.3.6). Subscriptions don't follow. ErrNoMailbox, ErrExists, ErrBadName.
	Rename(ctx context.Context, account, old, new string) error
	// Subscribe puts a name, existing or not, on the list of subscriptions. ErrBadName.
	Subscribe(ctx context.Context, account, name string) error
	// Unsubscribe takes a name off the list; one that isn't on it is no error.
	Unsubscribe(ctx context.Context, account, name string) error
	// Arrange makes the account's folders these, as another provider has them: missing
	// ones are created and subscribed, and empty ones that aren't listed go away. INBOX
	// and folders with mail stay. Parents aren't created: a name above a listed one that
	// isn't listed itself can't be selected. Invalid names are left out, and a special
	// use may be any attribute.
	Arrange(ctx context.Context, account string, folders []Folder) error
}

// Messages are the contents of mailboxes. Every method but Deliver returns ErrNoMailbox
// for a mailbox that has been deleted. Lists of UIDs may be in any order and name
// messages that aren't there; results are in ascending order of UID.
type Messages interface {
	// Deliver puts a message into the INBOX of each account: into all of them, or, with
	// an error, into none. An account that is named twice, in whatever form, gets it
	// once. The result has one Delivery for each account, in the order given. Gap
	// is ignored. ErrTooBig.
	Deliver(ctx context.Context, accounts []string, m Incoming) ([]Delivery, error)
	// Append adds messages to a mailbox, all or none, and returns their UIDs (RFC 9051
	// section 6.3.12). ErrTooBig, ErrFull.
	Append(ctx context.Context, box MailboxID, messages []Incoming) ([]UID, error)
	// Status returns one consistent reading (RFC 9051 section 6.3.11).
	Status(ctx context.Context, box MailboxID) (Status, error)
	// Snapshot returns the Status together with the UIDs it counts.
	Snapshot(ctx context.Context, box MailboxID) (Snapshot, error)
	// Entries returns the given messages as far as they exist, all of them for nil.
	Entries(ctx context.Context, box MailboxID, uids []UID) ([]Entry, error)
	// Changes returns what has changed since a mod-sequence, which is one that the
	// mailbox has had.
	Changes(ctx context.Context, box MailboxID, since uint64) (Changes, error)
	// SetFlags changes flags of the given messages (RFC 9051 section 6.4.6) and returns
	// those that exist. A message whose flags stay the same keeps its mod-sequence.
	// \Recent is ignored.
	SetFlags(ctx context.Context, box MailboxID, uids []UID, op Op, flags []string) (Update, error)
	// Expunge removes exactly the given messages, \Deleted or not, and returns those that
	// were there.
	Expunge(ctx context.Context, box MailboxID, uids []UID) ([]UID, error)
	// ExpungeDeleted removes those of the given messages that have \Deleted, of all
	// messages for nil, and returns them (RFC 9051 sections 6.4.3 and 6.4.9).
	ExpungeDeleted(ctx context.Context, box MailboxID, uids []UID) ([]UID, error)
	// Copy puts the given messages, as far as they exist, into another mailbox too, with
	// flags and date: all or none (RFC 9051 section 6.4.7). src and dst are their UIDs
	// here and there. ErrNoMailbox speaks of to; if from is gone, nothing is copied.
	Copy(ctx context.Context, from MailboxID, uids []UID, to MailboxID) (src, dst []UID, err error)
	// Move is Copy, and removes the messages here (RFC 6851). Messages that somebody else
	// is moving away at this moment count as gone: two sessions that move the same
	// message at once don't make two of it.
	Move(ctx context.Context, from MailboxID, uids []UID, to MailboxID) (src, dst []UID, err error)
	// ClaimRecent takes \Recent from all messages below a UID for every later session
	// (RFC 3501 section 2.3.2). It returns the UID from which on they had it.
	ClaimRecent(ctx context.Context, box MailboxID, below UID) (from UID, err error)
}

// Watching is hearing of changes. To wait for something: watch first, look, then wait
// for a token and look again.
type Watching interface {
	// Watch watches one mailbox for changes of any kind, its deletion included.
	Watch(ctx context.Context, box MailboxID) (Watch, error)
	// WatchArrivals watches for messages that arrive in any mailbox, whichever way.
	WatchArrivals(ctx context.Context) (Watch, error)
}

// Watch tells of changes until it is closed. ctx bounds only the call that made it.
type Watch interface {
	// Changed returns a channel of capacity one that holds a token after a change. A
	// token may be stale, even one of the caller's own change; none is ever missing.
	Changed() <-chan struct{}
	// ModSeq returns the highest mod-sequence of the mailbox that has been heard of, 0
	// with WatchArrivals. It is never behind a token, and asks nobody. A deletion raises
	// it too.
	ModSeq() uint64
	// Close ends it: there are no more tokens. It may be called more than once.
	Close()
}
