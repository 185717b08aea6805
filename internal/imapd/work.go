package imapd

import (
	"errors"
	"net"
	"time"

	"github.com/emersion/go-imap/v2"
)

// This file bounds what a command may compute. A unit of work is about what it costs to compare one byte with one text;
// a core does some thousand million in a second.

const (
	// maxWork is what one command may take, less than a minute: a SEARCH of a gigabyte of mail for thirty texts.
	maxWork = 256 << 30
	// lookAfter is how much work is done before the clock is looked at, a few milliseconds.
	lookAfter = 1 << 20
	// lookEvery is how often a command that goes on looks whether its client is still there.
	lookEvery = 100 * time.Millisecond

	parseCost  = 2  // of a byte of a message whose structure is found
	decodeCost = 8  // of a byte that is decoded and put into lower case
	stepCost   = 32 // of looking at a message, or at one criterion
)

// alive is what a client is told that has closed its side while its command is computed. Servers may send an untagged OK at any
// time (RFC 9051 section 7.1).
var alive = []byte("* OK Still working on it\r\n")

// work is what the command that runs has cost so far.
type work struct {
	done, next int64
	looked     time.Time
}

// begin begins a command. The caller holds mu.
func (s *session) begin() { s.work = work{next: lookAfter, looked: s.cfg.now()} }

// spend counts work. It returns an error if the command must end: it is too much, or nobody waits for it any more. The
// caller holds mu.
func (s *session) spend(units int64) error {
	w := &s.work
	if w.done += units; w.done < w.next {
		return nil
	}
	w.next = w.done + lookAfter
	most := s.cfg.maxWork
	if most == 0 {
		most = maxWork
	}
	if w.done > most {
		return no(imap.ResponseCodeLimit, "That is more work than this server does for one command; ask for less at a time")
	}
	now := s.cfg.now()
	if now.Sub(w.looked) < lookEvery {
		return nil
	}
	w.looked = now
	if err := s.ctx().Err(); err != nil {
		return refused(err)
	}
	if s.cfg.Session.Gone(alive) {
		s.cfg.Logger.Debug("a client has left, and its command ends")
		s.wire.Close()
		return errLeft
	}
	return nil
}

var errLeft = errors.Join(net.ErrClosed, errors.New("the client has left"))
