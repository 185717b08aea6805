package imapd

import (
	"bytes"
	"io"
	"math"

	"github.com/emersion/go-imap/v2"

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
	var buf bytes.Buffer
	buf.Grow(int(min(r.Size(), 64<<10)))
	if n, err := io.Copy(&buf, r); err != nil {
		return nil, err
	} else if n != r.Size() {
		return nil, io.ErrUnexpectedEOF
	}
	received := o.Time
	if received.IsZero() {
		received = s.cfg.now()
	}
	raw := bytes.Clone(buf.Bytes()) // exactly as large as needed
	uids, err := s.cfg.Store.Append(s.ctx(), box.ID, []store.Incoming{
		{Content: store.Bytes(raw), Received: received, Flags: flags, Date: o.Time},
	})
	if err != nil {
		return nil, missingTarget(err)
	}
	s.cfg.Session.Stored("", []store.Place{{Account: s.account, Mailbox: box.Name, UID: uids[0]}}, raw)
	return &imap.AppendData{UID: imap.UID(uids[0]), UIDValidity: box.UIDValidity}, nil
}
