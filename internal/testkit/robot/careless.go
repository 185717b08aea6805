package robot

import (
	"errors"
	"strings"
)

// The careless robot talks blindly: it says its piece whatever the replies are, and when
// something has failed it says it again at once. Each of its bad habits is a method of
// blindIMAP, blindPOP3 or blindSMTP.

const (
	hurriedTries = 5 // connections without a pause
	blindRepeats = 3 // of a command that was refused
)

// mode is how a careless connection is to be encrypted.
type mode int

const (
	inClear mode = iota
	bySTARTTLS
	fromTheStart
)

// hurry works at a door until it succeeds, without a pause. Where TLS fails it does
// without.
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

// late tells a reply that hasn't come yet: no reason to wait before one speaks.
func late(err error) bool {
	var t *trouble
	return errors.As(err, &t) && t.silent
}

// startTLS upgrades when the reply looks like it, and doesn't mind when not.
func (w *wire) startTLS(command string, hear func(string), ok func(string) bool) {
	if w.patience == 0 {
		command += "\r\nNOOP" // what for should it wait?
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
