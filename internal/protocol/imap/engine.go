package imap

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
)

// This file is the framing's other half: what the engine says.

func (f *framing) Write(p []byte, complete bool) (int, error) {
	if f.served > 0 {
		n := int(min(int64(len(p)), f.served))
		f.served -= int64(n)
		return n, f.p.Download(p[:n])
	}
	if !complete {
		return 0, nil
	}
	line, n := p, len(p)
	behind := f.behind
	f.behind = false
	if size, _, ok := literalSize(line); ok {
		f.served, f.behind = size, true
		if isBodyItem(line) {
			f.p.MessageOut()
			f.p.BeginDownload()
		}
	}
	if behind {
		return n, f.p.Tell(line, "")
	}
	switch line[0] {
	case '+':
		return n, f.continuation(line)
	case '*':
		if f.saveAlone && bytes.HasPrefix(line, []byte("* ESEARCH ")) {
			return n, nil
		}
		return n, f.p.Tell(f.EditGreeting(line))
	}
	return n, f.tagged(line)
}

// continuation handles a continuation request (RFC 9051 section 7.6).
func (f *framing) continuation(line []byte) error {
	switch {
	case f.awaited >= 0:
		f.next = literal
	case f.verb == "AUTHENTICATE":
		f.next = exchange
		return f.p.Tell(line, f.p.RefusedBy(false))
	case f.verb == "IDLE":
		f.next = idling
	}
	return f.p.Tell(line, "")
}

// tagged handles the last line of the reply to a command.
func (f *framing) tagged(line []byte) error {
	f.done = true
	if f.told {
		return nil
	}
	if f.verb == "APPEND" && f.p.CutReply() {
		return nil
	}
	f.follow(bytes.HasPrefix(line, []byte(f.tag+" OK")))
	long := f.long
	f.long = false
	if f.p.Replaced() {
		return f.p.Replace()
	}
	if long {
		return f.p.Tell([]byte(f.tag+" BAD Authentication exchange line is too long\r\n"), "")
	}
	edited, by := f.EditGreeting(line)
	return f.p.Tell(edited, cmp.Or(f.p.RefusedBy(true), by))
}

// follow tracks the state by the engine's replies.
func (f *framing) follow(ok bool) {
	if f.verb == "SELECT" || f.verb == "EXAMINE" {
		f.selected = "" // RFC 9051 section 6.3.2: even if the command fails
	}
	if !ok {
		return
	}
	switch f.verb {
	case "SELECT", "EXAMINE":
		f.selected = f.wanted
	case "CLOSE", "UNSELECT":
		f.selected = ""
	case "LOGIN", "AUTHENTICATE":
		f.logged = true
	case "UNAUTHENTICATE":
		f.logged, f.selected = false, ""
	case "APPEND":
		f.p.MessageIn()
	}
}

// isBodyItem reports whether the literal that follows is a whole message.
func isBodyItem(line []byte) bool {
	i := bytes.LastIndexByte(line, '{')
	before := bytes.TrimRight(line[:i], " ~")
	return bytes.HasSuffix(before, []byte("BODY[]")) || bytes.HasSuffix(before, []byte("RFC822")) || bytes.HasSuffix(before, []byte("BODY[TEXT]"))
}

func (f *framing) InBody() bool             { return f.served > 0 }
func (f *framing) GreetingEnds([]byte) bool { return true }

// EditGreeting edits the capability list in any line that has one: "* CAPABILITY …", or the response code of an OK.
func (f *framing) EditGreeting(line []byte) (edited []byte, by string) {
	from, to := f.listIn(line)
	if from == 0 {
		return line, ""
	}
	list := strings.Fields(string(line[from:to]))
	loggedOut := false
	for _, name := range list {
		loggedOut = loggedOut || strings.HasPrefix(name, "AUTH=") || name == "LOGINDISABLED"
	}
	list = append(list, f.p.Adds()...)
	if f.p.Offers() && loggedOut {
		list = append(list, "STARTTLS")
	}
	if !f.logged && f.p.NeedsSASL() && !slices.Contains(list, "LOGINDISABLED") {
		list = append(list, "LOGINDISABLED")
	}
	kept, by := f.p.Capabilities(list)
	return []byte(string(line[:from]) + strings.Join(kept, " ") + string(line[to:])), by
}

// listIn returns where the capability list stands in a line. from is 0 if the line has none.
func (f *framing) listIn(line []byte) (from, to int) {
	if !bytes.Contains(line, []byte("CAPABILITY ")) {
		return 0, 0 // true of most lines
	}
	const untagged = "* CAPABILITY "
	if bytes.HasPrefix(line, []byte(untagged)) {
		return len(untagged), len(bytes.TrimRight(line, "\r\n"))
	}
	for _, before := range []string{"* OK ", "* PREAUTH ", f.tag + " OK "} {
		if bytes.HasPrefix(line, []byte(before+"[CAPABILITY ")) {
			from = len(before) + len("[CAPABILITY ")
		}
	}
	j := bytes.IndexByte(line[from:], ']')
	if from == 0 || j < 0 {
		return 0, 0
	}
	return from, from + j
}
