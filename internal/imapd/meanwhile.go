package imapd

import "github.com/mailrig/mailrig/internal/mailbox"

// meanwhile does to the selected mailbox what a scenario wants another session to do now.
// The client is told by poll, when it may be. It wants mu held.
func (s *session) meanwhile() {
	if s.view == nil {
		return
	}
	expunge, deliver := s.cfg.Session.Meanwhile()
	var uids []mailbox.UID
	for _, seq := range expunge {
		if uid, ok := s.view.UID(seq); ok {
			uids = append(uids, uid)
		}
	}
	box := s.view.Mailbox()
	if len(uids) > 0 {
		box.Expunge(uids)
	}
	if deliver > 0 {
		// The messages of a large mailbox, of the least size.
		box.Fill(int(box.Status().Messages)+deliver, 600, 1, s.account.Address())
	}
}
