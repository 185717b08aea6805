package pop3

import (
	"bytes"
	"strings"

	"github.com/mailrig/mailrig/internal/protocol"
)

// This file is the framing's other half: what the engine says.

func (f *framing) Write(p []byte, complete bool) (int, error) {
	if f.multi {
		return f.writeMulti(p, complete)
	}
	if !complete {
		return 0, nil
	}
	ok := bytes.HasPrefix(p, []byte("+OK"))
	switch {
	case bytes.HasPrefix(p, []byte("+ ")) && f.verb == "AUTH":
		f.auth = true
		return len(p), f.p.Tell(p, f.p.RefusedBy(false))
	case ok && f.isMulti():
		f.multi, f.end = true, protocol.DotEnd(0)
		f.hidden = f.p.Replaced()
		if f.InBody() {
			f.p.MessageOut()
			f.p.BeginDownload()
		}
	case ok && (f.verb == "PASS" || f.verb == "APOP" || (f.verb == "AUTH" && f.args)):
		f.logged = true
	}
	long := f.long
	f.long = false
	if f.p.Replaced() && (p[0] != '+' || ok) {
		return len(p), f.p.Replace()
	}
	if long {
		return len(p), f.p.Tell([]byte("-ERR Authentication exchange line is too long\r\n"), "")
	}
	return len(p), f.p.Tell(p, f.p.RefusedBy(true))
}

// isMulti reports whether a positive reply to the command has more lines.
func (f *framing) isMulti() bool {
	switch f.verb {
	case "CAPA", "RETR", "TOP":
		return true
	case "LIST", "UIDL", "AUTH":
		return !f.args
	}
	return false
}

func (f *framing) writeMulti(p []byte, complete bool) (int, error) {
	if f.verb == "CAPA" {
		if !complete {
			return 0, nil
		}
		return len(p), f.writeCapa(p)
	}
	if !f.InBody() && !complete {
		return 0, nil
	}
	body := f.InBody()
	n, done := f.end.Scan(p)
	f.multi = !done
	switch {
	case f.hidden:
		return n, nil
	case body:
		return n, f.p.Download(p[:n])
	}
	return n, f.p.Tell(p[:n], "")
}

// writeCapa gathers the lines of a reply to CAPA, because the list can only be edited as a whole.
func (f *framing) writeCapa(line []byte) error {
	if !bytes.Equal(line, []byte(".\r\n")) {
		f.capa = append(f.capa, bytes.Clone(line))
		return nil
	}
	f.multi = false
	lines := f.capa
	f.capa = nil
	if f.hidden {
		return nil
	}
	if f.p.Offers() && !f.logged {
		lines = append(lines, []byte("STLS\r\n"))
	}
	var names []string
	for _, l := range lines {
		names = append(names, strings.TrimRight(string(l), "\r\n"))
	}
	names, by := f.p.Capabilities(names)
	for _, name := range append(names, ".") {
		if err := f.p.Tell([]byte(name+"\r\n"), by); err != nil {
			return err
		}
	}
	return nil
}

// InBody reports whether the engine is in the middle of a message.
func (f *framing) InBody() bool { return f.multi && (f.verb == "RETR" || f.verb == "TOP") }

func (f *framing) GreetingEnds([]byte) bool                            { return true }
func (f *framing) EditGreeting(line []byte) (edited []byte, by string) { return line, "" }
