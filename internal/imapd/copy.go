package imapd

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/mailbox"
)

// Copy is COPY and UID COPY, answered with COPYUID (RFC 4315).
func (s *session) Copy(set imap.NumSet, dest string) (*imap.CopyData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	uids, box, err := s.transfer(set, dest)
	if err != nil {
		return nil, err
	}
	src, dst, err := s.view.Copy(uids, box)
	if err != nil {
		return nil, missingTarget(err)
	}
	return copyData(box, src, dst), nil
}

// Move is MOVE and UID MOVE: COPYUID untagged, then EXPUNGE for each message, which
// the poll that follows writes, then the tagged OK (RFC 6851 section 4.3).
func (s *session) Move(w *imapserver.MoveWriter, set imap.NumSet, dest string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	uids, box, err := s.transfer(set, dest)
	if err != nil {
		return err
	}
	if s.view.ReadOnly() {
		return refused(mailbox.ErrReadOnly)
	}
	src, dst, err := s.view.Move(uids, box)
	if err != nil {
		return missingTarget(err)
	}
	if data := copyData(box, src, dst); data != nil {
		return w.WriteCopyData(data)
	}
	return nil
}

func (s *session) transfer(set imap.NumSet, dest string) ([]mailbox.UID, *mailbox.Mailbox, error) {
	uids, err := s.resolve(set)
	if err != nil {
		return nil, nil, err
	}
	if dest, err = s.target(dest); err != nil {
		return nil, nil, err
	}
	box, err := s.account.Mailbox(dest)
	if err != nil {
		return nil, nil, missingTarget(err)
	}
	return uids, box, nil
}

// copyData is nil when nothing was copied: an empty set can't be written.
func copyData(box *mailbox.Mailbox, src, dst []mailbox.UID) *imap.CopyData {
	if len(src) == 0 {
		return nil
	}
	return &imap.CopyData{
		UIDValidity: box.Status().UIDValidity,
		SourceUIDs:  uidSet(src),
		DestUIDs:    uidSet(dst),
	}
}
