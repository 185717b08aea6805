package imapd

import (
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/mailbox"
)

// Poll is called by the engine before each tagged OK: what others did is told here.
func (s *session) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.muted { // the IDLE that has just ended
		s.muted = false
		return nil
	}
	s.meanwhile()
	return s.poll(w, allowExpunge)
}

// Idle pushes changes until stop is closed (RFC 2177). The engine may go on without
// waiting for it when the connection ends, so it holds mu all along.
func (s *session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view == nil {
		<-stop
		return nil
	}
	s.meanwhile()
	if s.cfg.Session.MuteIdle() {
		<-stop
		s.muted = true
		return nil
	}
	for {
		if err := s.poll(w, true); err != nil {
			return err
		}
		select {
		case <-stop:
			return nil
		case <-s.view.Changed():
		}
	}
}

func (s *session) poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	if s.view == nil {
		return nil
	}
	for _, c := range s.view.Sync(allowExpunge) {
		if err := s.tell(w, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) tell(w *imapserver.UpdateWriter, c mailbox.Change) error {
	switch {
	case c.Expunged != 0:
		return w.WriteExpunge(c.Expunged)
	case c.Exists != 0:
		if err := w.WriteNumMessages(c.Exists); err != nil {
			return err
		}
		return w.WriteNumRecent(s.view.Recent())
	case c.Keywords != nil:
		for _, f := range c.Keywords {
			if strings.HasPrefix(f, `\`) {
				continue
			}
			if _, ok := s.told[f]; !ok {
				return w.WriteMailboxFlags(s.defined(c.Keywords))
			}
		}
		return nil
	case c.Flags != nil:
		return w.WriteMessageFlags(c.Flags.Seq, imap.UID(c.Flags.UID), s.flagsOf(c.Flags))
	}
	return nil
}
