package store

import (
	"context"
	"errors"
)

// Errors in the request. Test for them with errors.Is. Retrying doesn't help.
var (
	ErrNoMailbox     = errors.New("mailbox doesn't exist")
	ErrExists        = errors.New("mailbox exists already")
	ErrInbox         = errors.New("INBOX can't be deleted")
	ErrBadName       = errors.New("not a valid mailbox name")
	ErrNotSelectable = errors.New("mailbox can't be selected")
	ErrTooBig        = errors.New("message is larger than the server accepts")
	ErrInUse         = errors.New("mailbox is locked by another session")
	ErrSpecialUse    = errors.New("not a special use this server knows")
	// ErrOverQuota: the account would hold more than it may. It is so until something is removed; see package quota.
	ErrOverQuota = errors.New("the account has no room left; remove messages first")
	// ErrKeywords: the mailbox would have more than MaxKeywords, or the keyword is longer than MaxKeywordBytes.
	ErrKeywords = errors.New("too many keywords for one mailbox, or a keyword that is too long")
)

// Errors of the store. They are temporary: the client may repeat the request later, and the adapters say so in their
// protocol's words. An error that is none of these counts as an unexpected temporary failure.
var (
	// ErrUnavailable: the store can't be reached, or doesn't answer in time.
	ErrUnavailable = errors.New("the store is unavailable; try again later")
	// ErrReadOnly: the store accepts no changes at present.
	ErrReadOnly = errors.New("the store is read-only at present; try again later")
	// ErrFull: there is no room for another message.
	ErrFull = errors.New("the store is full; remove messages, or try again later")
	// ErrLeaseLost: the maildrop's lock has expired, and another session may have it by now.
	ErrLeaseLost = errors.New("the maildrop's lock has expired; log in again")
	// ErrGone: the message was removed so long ago that its bytes are gone too.
	ErrGone = errors.New("the message has been removed")
)

// Unavailable reports whether err says that the store can't be asked now, as opposed to a store that was asked and
// failed. An ended context counts as unavailable.
func Unavailable(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, ErrReadOnly) || errors.Is(err, ErrFull) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
