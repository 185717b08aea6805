package imapd

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// Copy handles COPY and UID COPY. The answer has COPYUID (RFC 4315).
func (s *session) Copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	uids, box, err := s.transfer(set, dest)
	if err != nil {
		return nil, err
	}
	release, err := s.reserveFor(uids)
	if err != nil {
		return nil, err
	}
	defer release()
	src, dst, err := s.view.Copy(s.ctx(), uids, box.ID)
	if err != nil {
		return nil, missingTarget(err)
	}
	return s.copyData(box, src, dst), nil
}

// Move handles MOVE and UID MOVE. It sends COPYUID untagged. The poll that follows sends an EXPUNGE for each message,
// and the tagged OK comes last (RFC 6851 section 4.3).
func (s *session) Move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	uids, box, err := s.transfer(set, dest)
	if err != nil {
		return err
	}
	if s.view.ReadOnly() {
		return refused(view.ErrReadOnly)
	}
	src, dst, err := s.view.Move(s.ctx(), uids, box.ID)
	if err != nil {
		return missingTarget(err)
	}
	if data := s.copyData(box, src, dst); data != nil {
		return w.WriteCopyData(data)
	}
	return nil
}

func (s *session) transfer(set imap.NumSet, dest string) (uids []store.UID, box store.Mailbox, err error) {
	if uids, err = s.resolve(set); err != nil {
		return nil, box, err
	}
	if dest, err = s.target(dest); err != nil {
		return nil, box, err
	}
	if box, err = s.cfg.Store.Mailbox(s.ctx(), s.account, dest); err != nil {
		return nil, box, missingTarget(err)
	}
	return uids, box, nil
}

// copyData returns nil if nothing was copied, because an empty set can't be written.
func (s *session) copyData(box store.Mailbox, src, dst []store.UID) *imap.CopyData {
	if len(src) == 0 {
		return nil
	}
	return &imap.CopyData{
		UIDValidity: box.UIDValidity,
		SourceUIDs:  s.shownSet(src),
		DestUIDs:    s.shownSet(dst),
	}
}
