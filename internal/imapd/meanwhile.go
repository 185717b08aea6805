package imapd

import (
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/madeup"
)

// meanwhile does to the selected mailbox what a scenario wants another session to do now. poll tells the client when
// IMAP allows. The caller holds mu.
func (s *session) meanwhile() {
	if s.view == nil {
		return
	}
	expunge, deliver := s.cfg.Session.Meanwhile()
	var uids []store.UID
	for _, seq := range expunge {
		if uid, ok := s.view.UID(seq); ok {
			uids = append(uids, uid)
		}
	}
	box := s.view.Mailbox()
	var err error
	if len(uids) > 0 {
		_, err = s.cfg.Store.Expunge(s.ctx(), box.ID, uids)
	}
	if deliver > 0 && err == nil {
		_, err = madeup.Append(s.ctx(), s.cfg.Store, box.ID, madeup.Messages{Count: deliver, Size: madeup.MinSize, Gap: 1, To: s.account, Now: s.cfg.now()})
	}
	if err != nil { // the client didn't ask for this, so it can't be told
		s.cfg.Logger.Error("another session's work failed", "mailbox", box.Name, "err", err)
	}
}
