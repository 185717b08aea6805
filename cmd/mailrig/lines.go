package main

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/mailrig/mailrig/server"
)

// sessionLines prints a line for each session that ends. Sessions end on the
// goroutines of their connections, so add never waits: when the terminal can't
// keep up, lines are left out and counted.
type sessionLines struct {
	queue    chan *server.Session
	leftOut  atomic.Int64
	stopping chan struct{}
	done     chan struct{}
}

// stopTime is how long the last lines may take at the end.
const stopTime = 150 * time.Millisecond

func newSessionLines() *sessionLines {
	return &sessionLines{queue: make(chan *server.Session, 4096), stopping: make(chan struct{}), done: make(chan struct{})}
}

// add is a server's OnSession.
func (l *sessionLines) add(s *server.Session) {
	select {
	case l.queue <- s:
	default:
		l.leftOut.Add(1)
	}
}

func (l *sessionLines) start(w io.Writer) {
	go func() {
		defer close(l.done)
		for {
			select {
			case s := <-l.queue:
				l.write(w, s)
			case <-l.stopping:
				for {
					select {
					case s := <-l.queue:
						l.write(w, s)
					default:
						return
					}
				}
			}
		}
	}()
}

func (l *sessionLines) write(w io.Writer, s *server.Session) {
	fmt.Fprintln(w, sessionLine(s))
	if n := l.leftOut.Swap(0); n > 0 {
		fmt.Fprintf(w, "(%d sessions not shown: the terminal was too slow; `mailrig sessions` has them)\n", n)
	}
}

// stop prints what is queued and returns, soon even when the terminal hangs.
func (l *sessionLines) stop() {
	close(l.stopping)
	select {
	case <-l.done:
	case <-time.After(stopTime):
	}
}

// sessionLine is a session with its time of day and number.
func sessionLine(s *server.Session) string {
	at, open := s.End, ""
	if at.IsZero() {
		at, open = s.Start, " | still open"
	}
	return printable(fmt.Sprintf("%s #%s %s%s", at.Local().Format(time.TimeOnly), s.ID, s.Summary(), open))
}

// printable keeps what a client sent from steering the terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}
