package imapd

import (
	"strings"
	"time"

	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/store/view"
)

// Poll reports what others have done. The engine calls it before each tagged OK.
func (s *session) Poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.muted { // the IDLE that has just ended
		s.muted = false
		return nil
	}
	s.meanwhile()
	if err := s.poll(w, allowExpunge); !isStore(err) {
		return err
	}
	// The command itself has succeeded, and a NO would make the client repeat it. What the store doesn't report now, it
	// reports at the next command.
	return nil
}

// Idle pushes changes until stop is closed (RFC 2177). When the connection ends, the engine may go on without waiting
// for Idle, so Idle holds mu all the time.
func (s *session) Idle(w *imapserver.UpdateWriter, stop <-chan struct{}) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view == nil {
		<-stop
		return nil
	}
	s.meanwhile()
	for {
		mute, next := s.cfg.Session.MuteIdle()
		var turns, again <-chan time.Time
		if next > 0 {
			turns = time.After(next)
		}
		changed := s.view.Changed()
		if mute {
			changed = nil
		} else if err := s.poll(w, true); isStore(err) {
			again = time.After(idleRetry)
		} else if err != nil {
			return err
		}
		select {
		case <-stop:
			s.muted = mute
			return nil
		case <-changed:
		case <-again:
		case <-turns:
		}
	}
}

// idleRetry is how long IDLE waits before it asks a failed store again.
const idleRetry = 2 * time.Second

// storeError is an error of the store, as opposed to one of the client's connection.
type storeError struct{ error }

func isStore(err error) bool {
	_, ok := err.(storeError)
	return ok
}

func (s *session) poll(w *imapserver.UpdateWriter, allowExpunge bool) error {
	if s.view == nil {
		return nil
	}
	changes, err := s.view.Sync(s.ctx(), allowExpunge)
	if err != nil {
		s.cfg.Logger.Warn("the store doesn't tell what has changed; asking again later", "err", err)
		s.behind = true
		return storeError{err}
	}
	changes = append(s.untold, changes...)
	s.behind, s.untold = false, nil
	for _, c := range changes {
		if err := s.tell(w, c); err != nil {
			return err
		}
	}
	return nil
}

// catchUp asks again for what the store couldn't tell. Without it, a command about a message that this client has itself
// appended meanwhile would succeed and do nothing.
func (s *session) catchUp() error {
	if !s.behind {
		return nil
	}
	changes, err := s.view.Sync(s.ctx(), false)
	if err != nil {
		return refused(err)
	}
	s.behind, s.untold = false, append(s.untold, changes...)
	return nil
}

func (s *session) tell(w *imapserver.UpdateWriter, c view.Change) error {
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
		return w.WriteMessageFlags(c.Flags.Seq, s.shown(c.Flags.UID), s.flagsOf(c.Flags))
	}
	return nil
}
