package imapd

import (
	"errors"
	"net"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
)

// This file bounds what a command may compute. A unit of work is about what it costs to compare one byte with one text;
// a core does some thousand million in a second. What a byte costs depends on the mail, up to fifty times as much, so that
// the clock has the last word.

const (
	// maxWork is what one command may take: a SEARCH of a gigabyte of mail for thirty texts, most messages below a megabyte.
	maxWork = 256 << 30
	// maxTime is how long one command may compute. Looking at the last message may take some seconds more, so that it is less
	// than a minute in all.
	maxTime = 45 * time.Second
	// lookAfter is how much work is done before the clock is looked at, a few milliseconds.
	lookAfter = 1 << 20
	// lookEvery is how often a command that goes on looks whether its client is still there.
	lookEvery = 100 * time.Millisecond

	parseCost  = 2  // of a byte of a message whose structure is found
	decodeCost = 32 // of a byte that is decoded and put into lower case
	stepCost   = 32 // of looking at a message, or at one criterion
)

// alive is what a client is told that has closed its side while its command is computed. Servers may send an untagged OK at any
// time (RFC 9051 section 7.1).
var alive = []byte("* OK Still working on it\r\n")

// work is what the command that runs has cost so far.
type work struct {
	done, next    int64
	began, looked time.Time
	written       time.Duration // what the connection's writes had taken when the command began
}

// begin begins a command. The caller holds mu.
func (s *session) begin() {
	now := s.cfg.now()
	s.work = work{next: lookAfter, began: now, looked: now, written: s.writes.total()}
}

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
	now := s.cfg.now()
	if waited := s.writes.total() - w.written; w.done > most || now.Sub(w.began)-waited > maxTime {
		return no(imap.ResponseCodeLimit, "That is more work than this server does for one command; ask for less at a time")
	}
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

// writes is a connection that counts how long its writes take: a client that reads slowly costs no work.
type writes struct {
	net.Conn
	now func() time.Time
	ns  atomic.Int64
}

func (w *writes) Write(b []byte) (int, error) {
	began := w.now()
	n, err := w.Conn.Write(b)
	w.ns.Add(int64(w.now().Sub(began)))
	return n, err
}

// total returns how long all writes so far have taken.
func (w *writes) total() time.Duration { return time.Duration(w.ns.Load()) }

var errLeft = errors.Join(net.ErrClosed, errors.New("the client has left"))
