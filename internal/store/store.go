// Package store defines what a store of mail is: accounts, mailboxes, messages, and what changes in them. SMTP delivers
// into a store; IMAP and POP3 read from it. None of them knows which one it is. Package memory keeps everything in memory,
// package kept in a directory, and package shared in a database of several servers. Package tables has what the latter two
// have in common. Package storetest has the tests that every store must pass.
//
// The interface is designed so that a database can implement it, with several servers in front of that database:
//
//   - Every method takes a context and returns an error. errors.go lists the errors that matter to a client. Any other error
//     counts as a failure of the store.
//   - Everything handed out is a value, or never changes. Nothing points into the store.
//   - Nothing is locked between two calls, so a client that stops reading can't block another one. The one exception is
//     the lock of a POP3 maildrop, which is a lease.
//   - A message is a blob that is opened and read in pieces. A store that has it in memory may offer its bytes as they are
//     (see ReadAll).
//   - Callers ask for changes by mod-sequence (RFC 7162), including removals. There is no queue per session: a session that
//     never asks costs nothing.
//
// A store knows no sequence numbers. Package view numbers messages as IMAP does, on top of any store. Package seed
// loads a directory into a store. Package madeup fills a mailbox with messages that are made up as they are read.
package store

import (
	"context"
	"time"
)

// Store is a store of mail. Any number of goroutines may call its methods.
//
// A method that fails has changed nothing, unless the store can't know: a database connection may break between the
// commit and its confirmation. Callers treat an error as "not done" and may retry.
type Store interface {
	Accounts
	Folders
	Messages
	Arrivals
	Watching
}

// Accounts are the users. A user's name is accepted in any form that Address understands. An account, with the folders
// that NewFolders lists, is made when any method except HasAccount and ListAccounts first names it.
type Accounts interface {
	// Address returns the canonical form of a user's name; see CanonicalAddress. It needs no access to the store's
	// data.
	Address(name string) string
	// OpenAccount makes the account if it is new, and returns its address.
	OpenAccount(ctx context.Context, name string) (address string, err error)
	// HasAccount reports whether the account exists. It doesn't make it.
	HasAccount(ctx context.Context, name string) (bool, error)
	// ListAccounts returns the addresses of all accounts, sorted.
	ListAccounts(ctx context.Context) ([]string, error)
	// LockMaildrop takes the exclusive lock that a POP3 session holds from login until it ends (RFC 1939 section 4). It
	// returns ErrInUse if another session has the lock. The lock keeps out only other POP3 sessions.
	LockMaildrop(ctx context.Context, account string) (Lease, error)
	// Reset removes all accounts and their mailboxes. UIDVALIDITY values aren't used again.
	Reset(ctx context.Context) error
}

// Lease is a lock that a store takes back from a holder that has died. The holder must renew it at least once in every
// LeaseTime.
type Lease interface {
	// Renew keeps the lock for another LeaseTime. It returns ErrLeaseLost if the lock has expired.
	Renew(ctx context.Context) error
	// Release releases the lock. It may be called more than once. It never releases a lock that somebody else has taken
	// since.
	Release(ctx context.Context) error
}

// LeaseTime is how long a Lease lasts at least without being renewed.
const LeaseTime = 15 * time.Minute

// Folders are the names of an account's mailboxes. INBOX is found in any case. CanonicalName and NewName define what a
// name is.
type Folders interface {
	// Mailbox returns the mailbox with this name. It returns ErrNoMailbox, or ErrNotSelectable if the name is only a
	// parent of others.
	Mailbox(ctx context.Context, account, name string) (Mailbox, error)
	// List returns every mailbox that exists, every parent of one, and every name that is only subscribed, in the order
	// of CompareNames.
	List(ctx context.Context, account string) ([]Info, error)
	// Create makes a mailbox and its missing parents (RFC 9051 section 6.3.4). A "/" at the end is accepted. specialUse
	// is "" or one of those in NewFolders. It returns ErrExists, ErrBadName or ErrSpecialUse.
	Create(ctx context.Context, account, name, specialUse string) error
	// Delete removes a mailbox and its messages, but not its children. As long as it has children, the name stays in
	// List and can't be selected. A subscription stays (RFC 9051 sections 6.3.5 and 6.3.8). It returns ErrInbox,
	// ErrNoMailbox, or ErrNotSelectable if the name is only a parent.
	Delete(ctx context.Context, account, name string) error
	// Rename renames a mailbox. Its children move along, missing parents of the new name are made, and ids stay the
	// same. INBOX itself stays: its messages move to a new mailbox, and its children keep their names (RFC 9051 section
	// 6.3.6). Subscriptions don't follow. It returns ErrNoMailbox, ErrExists or ErrBadName.
	Rename(ctx context.Context, account, old, new string) error
	// Subscribe adds a name to the list of subscriptions, whether it exists or not. It returns ErrBadName.
	Subscribe(ctx context.Context, account, name string) error
	// Unsubscribe removes a name from the list. A name that isn't on the list is no error.
	Unsubscribe(ctx context.Context, account, name string) error
	// Arrange makes these the account's folders, so that it resembles another provider's. It makes and subscribes
	// missing folders, and removes empty ones that aren't listed. INBOX and folders with mail stay. Parents aren't
	// made: a parent that isn't listed can't be selected. Invalid names are ignored. A special use may be any
	// attribute.
	Arrange(ctx context.Context, account string, folders []Folder) error
}

// Messages are the contents of mailboxes. Every method except Deliver returns ErrNoMailbox for a mailbox that has been
// deleted. Lists of UIDs may be in any order and may name messages that don't exist. Results are in ascending order of
// UID.
type Messages interface {
	// Deliver puts a message into the INBOX of every account, or, with an error, of none. An account that is named
	// twice, in whatever form, gets the message once. The result has one Delivery for each account, in the order given.
	// Gap is ignored, and so are keywords beyond an INBOX's bound. It returns ErrTooBig.
	Deliver(ctx context.Context, accounts []string, m Incoming) ([]Delivery, error)
	// Append adds messages to a mailbox, all or none, and returns their UIDs (RFC 9051 section 6.3.12). It returns
	// ErrTooBig, ErrKeywords or ErrFull.
	Append(ctx context.Context, box MailboxID, messages []Incoming) ([]UID, error)
	// Status returns one consistent reading (RFC 9051 section 6.3.11).
	Status(ctx context.Context, box MailboxID) (Status, error)
	// Snapshot returns the Status and the UIDs of the messages that it counts.
	Snapshot(ctx context.Context, box MailboxID) (Snapshot, error)
	// Entries returns those of the given messages that exist. nil means all messages.
	Entries(ctx context.Context, box MailboxID, uids []UID) ([]Entry, error)
	// Changes returns what has changed since a mod-sequence that the mailbox has had.
	Changes(ctx context.Context, box MailboxID, since uint64) (Changes, error)
	// SetFlags changes flags of the given messages (RFC 9051 section 6.4.6) and returns those that exist. A message
	// whose flags stay the same keeps its mod-sequence. \Recent is ignored. It returns ErrKeywords if there are too many
	// new keywords, and changes nothing then.
	SetFlags(ctx context.Context, box MailboxID, uids []UID, op Op, flags []string) (Update, error)
	// Expunge removes exactly the given messages, with or without \Deleted, and returns those that existed.
	Expunge(ctx context.Context, box MailboxID, uids []UID) ([]UID, error)
	// ExpungeDeleted removes those of the given messages that have \Deleted, and returns them (RFC 9051 sections 6.4.3
	// and 6.4.9). nil means all messages.
	ExpungeDeleted(ctx context.Context, box MailboxID, uids []UID) ([]UID, error)
	// Copy copies the existing ones of the given messages to another mailbox, with flags and date, all or none (RFC
	// 9051 section 6.4.7). src and dst are their UIDs here and there. ErrNoMailbox is about to; if from is gone,
	// nothing is copied. It returns ErrKeywords if the other mailbox can't take the messages' keywords.
	Copy(ctx context.Context, from MailboxID, uids []UID, to MailboxID) (src, dst []UID, err error)
	// Move is Copy, followed by removing the messages here (RFC 6851). Messages that somebody else is moving away at
	// this moment count as gone: two sessions that move the same message at the same time don't duplicate it.
	Move(ctx context.Context, from MailboxID, uids []UID, to MailboxID) (src, dst []UID, err error)
	// ClaimRecent takes \Recent away from all messages below a UID, for every later session (RFC 3501 section 2.3.2).
	// It returns the first UID that had it.
	ClaimRecent(ctx context.Context, box MailboxID, below UID) (from UID, err error)
}

// Arrivals are the messages of all mailboxes in one order. Whenever a message comes into a mailbox, in whatever way, its
// entry gets the next number. Numbers are never used again, not even after a Reset.
type Arrivals interface {
	// Latest returns the entries whose numbers are above after and, unless before is 0, below before: those with the
	// highest numbers first, and n at most. account "" means all accounts; one that doesn't exist has no entries.
	Latest(ctx context.Context, account string, after, before uint64, n int) ([]Placed, error)
	// Arrived returns the highest number so far, or 0. Every entry up to it can be seen, unless it has been removed.
	// Whatever comes later gets a higher number.
	Arrived(ctx context.Context) (uint64, error)
}

// Watching reports changes. To wait for something: watch first, then look; after each token, look again.
type Watching interface {
	// Watch watches one mailbox for changes of any kind, including its deletion.
	Watch(ctx context.Context, box MailboxID) (Watch, error)
	// WatchArrivals watches for messages that arrive in any mailbox, in whatever way.
	WatchArrivals(ctx context.Context) (Watch, error)
}

// Watch reports changes until it is closed. ctx applies only to the call that made it.
type Watch interface {
	// Changed returns a channel of capacity one that holds a token after a change. A token may be stale, or be about
	// the caller's own change. No change goes without one.
	Changed() <-chan struct{}
	// ModSeq returns the highest mod-sequence of the mailbox that the watch has heard of, or 0 for WatchArrivals. It is
	// never behind a token, and needs no access to the store's data. A deletion raises it too.
	ModSeq() uint64
	// Close ends the watch. No more tokens come. It may be called more than once.
	Close()
}
