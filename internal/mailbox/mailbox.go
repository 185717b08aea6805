// Package mailbox holds accounts, mailboxes and messages: the one store behind
// SMTP, IMAP, POP3 and HTTP. It knows no protocol; the adapters (smtpd, imapd,
// popd) translate.
//
// A message is immutable bytes. A mailbox is a UID-sorted list of entries (UID,
// flags, internal date, mod-sequence). A session that works on a mailbox opens a
// View: its own numbering of the messages (RFC 9051 section 2.3.1.2), brought up
// to date only when the session says so (View.Sync), and told through a channel
// that there is something to see. Nothing returned from this package is touched
// again by it, and no lock is held when a method returns: a client that stops
// reading can't stall another one.
//
// Everything is kept in memory. Methods that a database could fail return an
// error, so that another implementation may stand behind the same methods.
package mailbox

import (
	"errors"
	"slices"
	"time"
)

// Errors that callers tell apart with errors.Is.
var (
	ErrNoMailbox     = errors.New("mailbox doesn't exist")
	ErrExists        = errors.New("mailbox exists already")
	ErrInbox         = errors.New("INBOX can't be deleted")
	ErrBadName       = errors.New("not a valid mailbox name")
	ErrNotSelectable = errors.New("mailbox can't be selected")
	ErrTooBig        = errors.New("message is larger than the server accepts")
	ErrReadOnly      = errors.New("mailbox is open read-only")
	ErrInUse         = errors.New("mailbox is locked by another session")
	ErrSpecialUse    = errors.New("not a special use this server knows")
)

// UID identifies a message in its mailbox for as long as UIDVALIDITY holds
// (RFC 9051 section 2.3.1.1). 1 is the smallest.
type UID uint32

// The system flags (RFC 9051 section 2.3.2), in the only spelling used here.
const (
	Seen     = `\Seen`
	Answered = `\Answered`
	Flagged  = `\Flagged`
	Deleted  = `\Deleted`
	Draft    = `\Draft`
	Recent   = `\Recent` // never stored; a View adds it
)

// Envelope is what SMTP said of a message, beside its bytes; empty for a message
// that came by APPEND or from a seed directory.
type Envelope struct {
	From       string   // reverse-path, without angle brackets; "" is the null path
	Recipients []string // forward-paths in the order given
	Session    string   // id of the session that brought it
}

// Entry is one message in one mailbox. A change of flags makes a new Entry; the
// slice of the old one stays as it was.
type Entry struct {
	UID     UID
	Flags   []string  // sorted; system flags in canonical spelling; never \Recent; shared, do not change
	Date    time.Time // INTERNALDATE (RFC 9051 section 2.3.3)
	ModSeq  uint64    // RFC 7162
	Message *Message
}

// Has tells whether the entry has the flag, given in its canonical spelling.
func (e *Entry) Has(flag string) bool { return slices.Contains(e.Flags, flag) }

// Status is one consistent reading of a mailbox (RFC 9051 section 6.3.11).
type Status struct {
	Messages, Unseen, Deleted, Recent uint32

	UIDNext       UID
	UIDValidity   uint32
	Size          int64 // sum of the sizes of all messages, in bytes
	HighestModSeq uint64
	Keywords      []string // every keyword used here since the mailbox was made, in order of first use
}

// Info describes one name in an account's list of mailboxes.
type Info struct {
	Name        string
	SpecialUse  string // `\Drafts`, `\Sent`, `\Junk`, `\Trash`, `\Archive` or "" (RFC 6154)
	Exists      bool   // false: only a parent of others, or only subscribed
	HasChildren bool   // a mailbox below it exists
	Subscribed  bool
}

// Op says what Store does with the flags it is given.
type Op int

// The three forms of STORE (RFC 9051 section 6.4.6).
const (
	Add     Op = iota // +FLAGS
	Remove            // -FLAGS
	Replace           // FLAGS
)
