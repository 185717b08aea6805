package imapd

import (
	"errors"
	"io"
	"math"

	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/store"
)

// AppendLimit implements the APPENDLIMIT capability (RFC 7889). The engine refuses larger literals with [TOOBIG] before
// it asks for them.
func (s *session) AppendLimit() uint32 {
	limit, _ := s.cfg.Session.Limits()
	return uint32(min(limit, math.MaxUint32))
}

// Append stores a message. The engine discards whatever is left of the literal.
func (s *session) Append(name string, r imap.LiteralReader, o *imap.AppendOptions) (*imap.AppendData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, err := s.target(name)
	if err != nil {
		return nil, err
	}
	box, err := s.cfg.Store.Mailbox(s.ctx(), s.account, name)
	if err != nil {
		return nil, missingTarget(err)
	}
	flags, err := checkFlags(o.Flags)
	if err != nil {
		return nil, err
	}
	// The announced size may be a lie: memory grows only as the bytes come.
	arriving := s.cfg.Spool.New(r.Size())
	defer arriving.Close()
	if n, err := arriving.ReadFrom(r); errors.Is(err, budget.ErrFull) {
		s.cfg.Logger.Warn("no room for an APPEND", "size", r.Size(), "err", err)
		return nil, no(imap.ResponseCodeLimit, full)
	} else if err != nil {
		return nil, err
	} else if n != r.Size() {
		return nil, io.ErrUnexpectedEOF
	}
	received := o.Time
	if received.IsZero() {
		received = s.cfg.now()
	}
	content := arriving.Content()
	release, err := s.reserve(content.Size())
	if err != nil {
		return nil, err
	}
	defer release()
	uids, err := s.cfg.Store.Append(s.ctx(), box.ID, []store.Incoming{
		{Content: content, Received: received, Flags: flags, Date: o.Time},
	})
	if err != nil {
		return nil, missingTarget(err)
	}
	place := store.Place{Account: s.account, Mailbox: box.Name, UID: uids[0]}
	if raw, err := s.stored(content, box.ID, uids); err == nil { // otherwise only the record of it is missing
		s.cfg.Session.Stored("", []store.Place{place}, raw)
	}
	return &imap.AppendData{UID: s.shown(uids[0]), UIDValidity: box.UIDValidity}, nil
}

// stored returns the bytes of a message that has just been stored. If they weren't in memory, a store in memory has
// them by now: reading them there takes no room.
func (s *session) stored(content store.Blob, box store.MailboxID, uids []store.UID) ([]byte, error) {
	if raw, ok := store.Whole(content); ok {
		return raw, nil
	}
	entries, err := s.cfg.Store.Entries(s.ctx(), box, uids)
	if err != nil {
		return nil, err
	}
	if len(entries) > 0 {
		content = entries[0].Message
	}
	return store.ReadAll(s.ctx(), content)
}
