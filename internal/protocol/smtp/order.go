package smtp

import (
	"bytes"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file keeps the order of commands and their syntax (RFC 5321 sections 4.1.1 and 4.1.4). The framing is the only
// one that decides: the engine sees no command that is out of order or malformed. Otherwise engine and adapter might
// think differently of the transaction, and one of them would acknowledge what the other doesn't have.

// stage says how far a session has come.
type stage int

const (
	greetless stage = iota // no EHLO or HELO yet
	idle                   // between transactions
	begun                  // MAIL has been accepted
	ready                  // a recipient has been accepted too
)

// maxBad is how many commands that don't exist a client may send. The next one ends the connection.
const maxBad = 3

// unimplemented are commands that older RFCs define. The engine answers them with 502, which says that they are known
// (RFC 5321 section 4.2.4).
var unimplemented = []string{"SEND", "SOML", "SAML", "TURN"}

// known reports whether a command exists.
func known(verb string) bool {
	if verb == "LHLO" { // RFC 2033: LMTP's alone
		return false
	}
	if _, ok := words.Find(verb); ok {
		return true
	}
	for _, v := range unimplemented {
		if v == verb {
			return true
		}
	}
	return false
}

// field matches the name of a header field and its colon (RFC 5322 section 2.2).
var field = lazyregexp.New(`^([!-9;-~]+):`)

// likeHeader reports whether a line begins like the header of a message. A command with its space or its argument misplaced
// doesn't, like MAILFROM:<a@b> or DATA:.
func likeHeader(line []byte) bool {
	m := field.FindSubmatch(line)
	return m != nil && !known(words.Verb(m[1])) && protocol.Joined(string(m[0])) == 0
}

// unknown answers a command that doesn't exist. Its line isn't recorded, so unknown records whether it looks like one of
// a message.
func (f *framing) unknown(line []byte) error {
	if likeHeader(line) {
		f.p.Notice(event.HeaderLine)
	}
	if err := f.reply("500 5.5.2 Command not recognized"); err != nil {
		return err
	}
	if f.bad++; f.bad > maxBad {
		return f.p.Close([]byte("421 4.7.0 Too many errors, closing now\r\n")) // RFC 5321 section 3.8
	}
	return nil
}

// check returns the line for the engine, or the reply to a command that is out of order or malformed.
func (f *framing) check(verb string, line, arg []byte) (pass []byte, refusal string) {
	at := f.now()
	switch verb {
	case "MAIL", "RCPT", "DATA", "AUTH":
		switch {
		case at == greetless:
			return nil, greetFirst
		case f.spool != nil && verb != "AUTH": // RFC 3030 section 2
			return nil, "503 5.5.1 " + verb + " isn't possible between BDAT chunks"
		}
	}
	switch verb {
	case "EHLO", "HELO":
		if len(arg) == 0 || hasControl(arg) { // RFC 5321 section 4.1.1.1
			return nil, "501 5.5.4 " + verb + " needs the client's name, like: " + verb + " client.example"
		}
	case "STARTTLS":
		if f.p.Secure() {
			return nil, "503 5.5.1 TLS is up already"
		}
		if f.p.Offers() && len(arg) > 0 { // RFC 3207 section 4
			return nil, "501 5.5.4 STARTTLS takes no parameter"
		}
	case "AUTH":
		switch {
		case at >= begun: // RFC 4954 section 4
			return nil, "503 5.5.1 AUTH isn't possible in a transaction"
		case f.p.NeedsTLS():
			return nil, tlsFirst
		}
	case "MAIL":
		switch {
		case at >= begun: // RFC 5321 section 4.1.4: one MAIL per transaction
			return nil, "503 5.5.1 A transaction has begun already; send RSET to give it up"
		case f.p.NeedsTLS():
			return nil, tlsFirst
		case f.p.NeedsLogin():
			return nil, loginFirst
		}
		return f.mail(line, arg)
	case "RCPT":
		if at < begun {
			return nil, "503 5.5.1 Send MAIL first"
		}
		return f.rcpt(line, arg)
	case "DATA":
		switch {
		case len(arg) > 0:
			return nil, "501 5.5.4 DATA takes no parameter"
		case at < ready:
			return nil, noRecipient(at)
		case f.binary: // RFC 3030 section 3
			return nil, "503 5.5.1 A BINARYMIME message needs BDAT"
		}
	}
	if len(arg) == 0 && len(bytes.TrimRight(line, "\r\n")) > len(verb) { // a space behind the verb; RFC 5321 section 4.1.1
		return []byte(verb + "\r\n"), ""
	}
	return line, ""
}

// now returns how far the session has come.
func (f *framing) now() stage {
	f.p.Lock()
	defer f.p.Unlock()
	return f.at
}

const (
	greetFirst = "503 5.5.1 Send EHLO or HELO first"
	tlsFirst   = "530 5.7.0 Must issue a STARTTLS command first" // RFC 3207 section 4
	loginFirst = "530 5.7.0 Authentication required"             // RFC 4954 section 6
)

// noRecipient returns the reply to a message without a transaction, or without a recipient.
func noRecipient(at stage) string {
	switch at {
	case greetless:
		return greetFirst
	case idle:
		return "503 5.5.1 Send MAIL and RCPT first"
	}
	return "503 5.5.1 Send RCPT first; no recipient has been accepted"
}

// reply answers a command in the engine's place, as if the engine had.
func (f *framing) reply(text string) error {
	f.p.Lock()
	defer f.p.Unlock()
	_, err := f.Write([]byte(text+"\r\n"), true)
	return err
}

// forget makes the engine forget the transaction. The client doesn't see the reply.
func (f *framing) forget() { f.hide("RSET", "RSET\r\n") }

// hide gives the engine a command whose reply the client doesn't see.
func (f *framing) hide(verb, line string) {
	f.p.Lock()
	f.hidden, f.verb = true, verb
	f.p.Unlock()
	f.p.Pass([]byte(line))
}

// settle follows a command that a scenario has answered in the engine's place. What the client was told holds: after a
// positive reply to EHLO or RSET, mailrig must not say that the command hasn't come.
func (f *framing) settle(verb string, arg []byte) error {
	positive := strings.HasPrefix(f.p.Injected(), "2")
	switch verb {
	case "MAIL":
		f.p.Begun(positive)
	case "EHLO", "HELO":
		if positive && len(arg) > 0 && !hasControl(arg) {
			f.dropSpool()
			f.p.GiveUpUpload()
			f.hide("HELO", "HELO "+string(arg)+"\r\n")
		}
	case "RSET":
		if positive {
			f.dropSpool()
			f.p.GiveUpUpload()
			f.forget()
		}
	case "BDAT":
		return f.settleChunk(arg, positive)
	}
	return nil
}

// hasControl reports whether there is a control character, like NUL or CR. None may stand in an address or a name (RFC
// 5321 section 4.1.2).
func hasControl(b []byte) bool {
	return bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// follow tracks the session by the replies to its commands.
func (f *framing) follow(positive bool) {
	switch f.verb {
	case "RCPT":
		if positive {
			f.at = ready
			f.p.Taken()
		}
	case "MAIL":
		f.p.Begun(positive)
		if positive {
			f.at, f.binary = begun, f.asksBinary
		}
	case "RSET":
		if positive {
			f.at = min(f.at, idle)
		}
	case "EHLO", "HELO":
		if positive {
			f.at = idle
		}
	}
}

// over ends a transaction whose message has been answered.
func (f *framing) over() {
	f.at = min(f.at, idle)
	f.p.EndMail()
}
