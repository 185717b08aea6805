package store

import (
	"slices"
	"time"
)

// UID identifies a message in its mailbox as long as UIDVALIDITY stays the same (RFC 9051 section 2.3.1.1). The
// smallest is 1.
type UID uint32

// MailboxID identifies a mailbox whatever its name is. It isn't reused after the mailbox has been deleted. 0 means
// none.
type MailboxID uint64

// Mailbox is a mailbox that was found by its name.
type Mailbox struct {
	ID          MailboxID
	Account     string // the address
	Name        string // its name at that time
	UIDValidity uint32 // RFC 9051 section 2.3.1.1; unique in this store
}

// Envelope is what SMTP said about a message besides its bytes. It is empty for a message that came by APPEND or from a
// seed directory.
type Envelope struct {
	From       string   // reverse-path without angle brackets; "" is the null path
	Recipients []string // forward-paths in the order given; not to be changed
	Session    string   // id of the session that brought it
	User       string   // who had logged in, as the client spelt the name; "" for nobody
}

// Incoming is a message to be stored.
type Incoming struct {
	// Content is the message's bytes. If it is a Message, it keeps its ID, Origin and digest, and Received and Envelope
	// are ignored.
	Content  Blob
	Received time.Time // zero means now
	Envelope Envelope

	Flags []string
	Date  time.Time // INTERNALDATE (RFC 9051 section 2.3.3); zero means when it was received
	Gap   UID       // how many UIDs to skip before the message
}

// Delivery is a message in an INBOX.
type Delivery struct {
	Account string // the address
	Mailbox MailboxID
	UID     UID
	Message Message
}

// Place says where a message is.
type Place struct {
	Account string // the address
	Mailbox string // its name
	UID     UID
}

// Entry is one message in one mailbox.
type Entry struct {
	UID     UID
	Flags   []string  // sorted; system flags in canonical spelling; never \Recent; not to be changed
	Date    time.Time // INTERNALDATE (RFC 9051 section 2.3.3)
	ModSeq  uint64    // RFC 7162
	Arrival uint64    // its number among all that have come into this store; ascends with UID in a mailbox
	Message Message
}

// Placed is an entry and the mailbox that it is in.
type Placed struct {
	Mailbox Mailbox
	Entry
}

// Has reports whether the entry has the flag, given in its canonical spelling.
func (e *Entry) Has(flag string) bool { return slices.Contains(e.Flags, flag) }

// Status is one consistent reading of a mailbox (RFC 9051 section 6.3.11).
type Status struct {
	Messages, Unseen, Deleted, Recent uint32

	UIDNext       UID
	UIDValidity   uint32
	Size          int64 // sum of the sizes of all messages, in bytes
	HighestModSeq uint64
	Keywords      []string // every keyword used here since the mailbox was made, in order of first use; not to be changed
}

// Snapshot is a Status with the messages that it counts.
type Snapshot struct {
	Status
	UIDs        []UID // ascending; belongs to the caller
	RecentFrom  UID   // messages from this UID on are \Recent
	FirstUnseen UID   // the first message without \Seen; 0 if there is none
}

// Changes is what has happened in a mailbox since a mod-sequence.
type Changes struct {
	ModSeq     uint64 // the mailbox's current one: ask from here next time
	UIDNext    UID    // current
	RecentFrom UID    // current
	// Entries are the messages that arrived or whose flags changed, in their current state.
	Entries []Entry
	// Expunged are the messages that were removed, ascending. Some of them may have arrived after the mod-sequence.
	Expunged []UID
	// Truncated says that Expunged is incomplete, because the store no longer remembers older removals. A message that
	// isn't in a Snapshot is gone.
	Truncated bool
	// Keywords are all keywords, as in Status, if there are new ones; otherwise nil.
	Keywords []string
}

// Update is the result of SetFlags.
type Update struct {
	Entries []Updated
	// Before and ModSeq are the mailbox's mod-sequences before and after.
	Before, ModSeq uint64
	// Learned says that the mailbox has new keywords.
	Learned bool
}

// Updated is a message after SetFlags.
type Updated struct {
	Entry
	Was uint64 // its mod-sequence before
}

// Info describes one name in an account's list of mailboxes.
type Info struct {
	Name        string
	SpecialUse  string // `\Drafts`, `\Sent`, `\Junk`, `\Trash`, `\Archive` or "" (RFC 6154)
	Exists      bool   // false: it is only a parent of others, or only subscribed
	HasChildren bool   // a mailbox below it exists
	Subscribed  bool
}

// Folder is a mailbox as Arrange takes it.
type Folder struct {
	Name       string
	SpecialUse string // any attribute, like `\Sent` or `\All`; "" for none
}

// NewFolders returns the folders that every account starts with. All are subscribed. RFC 6154 defines the special uses.
func NewFolders() []Folder {
	return []Folder{
		{Inbox, ""},
		{"Drafts", `\Drafts`},
		{"Sent", `\Sent`},
		{"Junk", `\Junk`},
		{"Trash", `\Trash`},
		{"Archive", `\Archive`},
	}
}
