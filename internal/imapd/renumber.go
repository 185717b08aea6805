package imapd

import (
	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/store"
)

// A scenario may move UIDs from one login to the next. Only this file knows: whatever tells the client a UID goes through
// shown, and whatever the client says goes through meant.

// higher returns how much higher UIDs are for the client than in the store.
func (s *session) higher() uint32 {
	if s.account != s.renumbered.account {
		s.renumbered = renumbered{s.account, s.cfg.Session.Renumber()}
	}
	return s.renumbered.higher
}

// renumbered is how much higher UIDs are while an account is open.
type renumbered struct {
	account string
	higher  uint32
}

// shown returns the UID by which the client knows a message.
func (s *session) shown(uid store.UID) imap.UID { return imap.UID(uint32(uid) + s.higher()) }

// meant returns the store's UID for a number that the client has given. 0 is no message's.
func (s *session) meant(uid uint32) store.UID { return store.UID(uid - min(uid, s.higher())) }

// shownSet builds the library's set from ascending UIDs.
func (s *session) shownSet(uids []store.UID) imap.UIDSet {
	var set imap.UIDSet
	for _, uid := range uids {
		shown := s.shown(uid)
		if n := len(set); n > 0 && set[n-1].Stop+1 == shown {
			set[n-1].Stop++
			continue
		}
		set = append(set, imap.UIDRange{Start: shown, Stop: shown})
	}
	return set
}
