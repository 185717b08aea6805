package imapd

import (
	"errors"
	"fmt"
	"net"

	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// no returns a NO reply with a response code (RFC 5530, RFC 9051 section 7.1).
func no(code imap.ResponseCode, text string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeNo, Code: code, Text: text}
}

// bad returns the reply to a command that no server could carry out.
func bad(text string) *imap.Error {
	return &imap.Error{Type: imap.StatusResponseTypeBad, Code: imap.ResponseCodeClientBug, Text: text}
}

const (
	codeReadOnly imap.ResponseCode = "READ-ONLY"
	codeUseAttr  imap.ResponseCode = "USEATTR" // RFC 6154 section 3
)

var noMailboxSelected = bad("No mailbox is selected")

// refused translates an error of the store. The texts don't name the mailbox, because a reply's text is ASCII and names
// aren't.
func refused(err error) error {
	reply := (*imap.Error)(nil)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &reply), errors.Is(err, net.ErrClosed):
		return err
	case errors.Is(err, store.ErrNoMailbox):
		return no(imap.ResponseCodeNonExistent, "There is no such mailbox")
	case errors.Is(err, store.ErrNotSelectable):
		return no(imap.ResponseCodeNonExistent, "That is only a parent of other mailboxes, not a mailbox itself")
	case errors.Is(err, store.ErrExists):
		return no(imap.ResponseCodeAlreadyExists, "A mailbox of that name exists already")
	case errors.Is(err, store.ErrInbox):
		return no(imap.ResponseCodeCannot, "INBOX can't be deleted")
	case errors.Is(err, store.ErrBadName):
		return no(imap.ResponseCodeCannot, "That is not a valid mailbox name")
	case errors.Is(err, store.ErrSpecialUse):
		return no(codeUseAttr, "That special use is not supported here")
	case errors.Is(err, store.ErrTooBig):
		return no(imap.ResponseCodeTooBig, "The message is larger than this server accepts")
	case errors.Is(err, store.ErrOverQuota):
		return no(imap.ResponseCodeOverQuota, "The account has no room left; remove messages first")
	case errors.Is(err, store.ErrKeywords):
		return no(imap.ResponseCodeLimit, fmt.Sprintf("A mailbox has at most %d keywords, of at most %d bytes", store.MaxKeywords, store.MaxKeywordBytes))
	case errors.Is(err, view.ErrReadOnly):
		return no(codeReadOnly, "The mailbox is open read-only (EXAMINE)")
	case errors.Is(err, store.ErrInUse):
		return no(imap.ResponseCodeInUse, "The mailbox is locked by another session")
	}
	if errors.Is(err, store.ErrFull) {
		return no(imap.ResponseCodeLimit, full) // RFC 5530 section 3: an implementation limit, not the user's quota
	}
	if store.Unavailable(err) { // RFC 5530 section 3: temporary, and not the client's fault
		return no(imap.ResponseCodeUnavailable, unavailable)
	}
	return no(imap.ResponseCodeServerBug, "The message store failed; try again later")
}

const (
	unavailable = "The message store can't do that now; try again later"
	full        = "The server has no room for that; remove messages, or try again later"
)

// isTemporary reports whether a reply says that the store has failed.
func isTemporary(err error) bool {
	var e *imap.Error
	return errors.As(err, &e) && (e.Code == imap.ResponseCodeUnavailable || e.Code == imap.ResponseCodeLimit || e.Code == imap.ResponseCodeServerBug)
}

// missingTarget is refused for the destination of APPEND, COPY and MOVE. The client may create the mailbox and retry
// (RFC 9051 section 6.3.12).
func missingTarget(err error) error {
	if errors.Is(err, store.ErrNoMailbox) || errors.Is(err, store.ErrNotSelectable) {
		return no(imap.ResponseCodeTryCreate, "There is no such mailbox; create it first")
	}
	return refused(err)
}
