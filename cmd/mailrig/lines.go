package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"

	"github.com/mailrig/mailrig/server"
)

// sessionLines prints a line for each session that ends, and one for each finding that deserves it. Sessions end on the
// goroutines of their connections, so add never blocks: if the terminal can't keep up, lines are left out and counted.
type sessionLines struct {
	queue    chan queued
	leftOut  atomic.Int64
	stopping chan struct{}
	done     chan struct{}
	once     sync.Once
	all      bool // also findings that report no fault
	colour   bool

	told map[string]time.Time // findings by id, client and door; only the writing goroutine uses it
}

// queued is what to print: the line of a session, or a finding. Sessions are formatted before they are queued: a line is
// small, however large the session is.
type queued struct {
	line    string
	finding *server.Finding
}

// stopTime is how long the last lines may take at the end.
const stopTime = 150 * time.Millisecond

func newSessionLines() *sessionLines {
	return &sessionLines{queue: make(chan queued, 4096), stopping: make(chan struct{}), done: make(chan struct{}), told: map[string]time.Time{}}
}

// attach makes a server report what to print.
func (l *sessionLines) attach(cfg *server.Config) {
	cfg.OnSession = l.add
	cfg.OnFinding = l.found
}

// add is a server's OnSession.
func (l *sessionLines) add(s *server.Session) {
	select {
	case l.queue <- queued{line: sessionLine(s)}:
	default:
		l.leftOut.Add(1)
	}
}

// found is a server's OnFinding. A finding that finds no room in the queue is left out and not counted: `mailrig
// sessions` shows it.
func (l *sessionLines) found(f server.Finding) {
	if !l.all && !worthALine(&f) {
		return
	}
	select {
	case l.queue <- queued{finding: &f}:
	default:
	}
}

func (l *sessionLines) start(w io.Writer) {
	go func() {
		defer close(l.done)
		for {
			select {
			case q := <-l.queue:
				l.write(w, q)
			case <-l.stopping:
				for {
					select {
					case q := <-l.queue:
						l.write(w, q)
					default:
						return
					}
				}
			}
		}
	}()
}

func (l *sessionLines) write(w io.Writer, q queued) {
	if q.finding != nil {
		fmt.Fprintln(w, findingLine(q.finding, l.again(q.finding), l.colour))
		return
	}
	fmt.Fprintln(w, q.line)
	if n := l.leftOut.Swap(0); n > 0 {
		fmt.Fprintf(w, "(%d sessions not shown, because the terminal was too slow; `mailrig sessions` lists them)\n", n)
	}
}

// stop prints what is queued. It returns soon, even if the terminal hangs.
func (l *sessionLines) stop() {
	l.once.Do(func() { close(l.stopping) })
	select {
	case <-l.done:
	case <-time.After(stopTime):
	}
}

// sessionLine formats a session with its time of day and number.
func sessionLine(s *server.Session) string {
	at, open := s.End, ""
	if at.IsZero() {
		at, open = s.Start, " | still open"
	}
	return printableLine(fmt.Sprintf("%s #%s %s%s", at.Local().Format(time.TimeOnly), s.ID, s.Summary(), open))
}

// printable prevents what a client sent from controlling the terminal. The text may have several lines.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// printableLine is printable for text that is one line: nobody can add a line to it.
func printableLine(s string) string {
	return strings.ReplaceAll(printable(s), "\n", string(unicode.ReplacementChar))
}
