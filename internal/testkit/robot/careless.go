package robot

import (
	"errors"
	"strings"
)

// The careless robot talks blindly: it says its lines whatever the replies are, and repeats at once whatever has
// failed. Each bad habit is a method of blindIMAP, blindPOP3 or blindSMTP.

const (
	hurriedTries = 5 // connections without a pause
	blindRepeats = 3 // repetitions of a refused command
)

// mode says how to encrypt a careless connection.
type mode int

const (
	inClear mode = iota
	bySTARTTLS
	fromTheStart
)

// hurry works at a door, without a pause, until it succeeds. If TLS fails, it goes on without TLS.
func (r *robot) hurry(door int, protocol string, m mode, work func(*wire, mode) (ok bool)) {
	for try := range hurriedTries {
		if r.ctx.Err() != nil {
			return
		}
		w, err := r.dial(door, protocol)
		if err != nil {
			if try > 0 { // it has tried twice
				return
			}
			continue
		}
		if m == fromTheStart && w.handshake() != nil {
			w.close()
			m = inClear
			continue
		}
		ok := work(w, m)
		if m == bySTARTTLS && !w.secure {
			m = inClear
		}
		w.close()
		if ok {
			return
		}
	}
}

// inOrder does one thing after the other while the connection is alive.
func inOrder(habits ...func() (alive bool)) bool {
	for _, habit := range habits {
		if !habit() {
			return false
		}
	}
	return true
}

// late reports whether a reply hasn't come yet. The careless robot doesn't wait for it before it speaks.
func late(err error) bool {
	var t *trouble
	return errors.As(err, &t) && t.silent
}

// startTLS begins TLS if the reply looks like it, and goes on regardless if it doesn't.
func (w *wire) startTLS(command string, hear func(string), ok func(string) bool) {
	if w.patience == 0 {
		command += "\r\nNOOP" // what should it wait for?
	}
	if w.send(command) != nil {
		return
	}
	for range maxLines {
		line, err := w.line()
		if err != nil {
			return
		}
		if w.protocol == "imap" && !strings.HasPrefix(line, "c0 ") && !strings.HasPrefix(line, "a2 ") {
			hear(line)
			continue
		}
		if ok(line) {
			_ = w.handshake() // it goes on either way
		}
		return
	}
}
