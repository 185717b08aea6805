package smtp

import (
	"bytes"
	"io"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// framing is SMTP's framing. This file handles the client's lines, data.go and bdat.go its messages, engine.go what the
// engine says.
type framing struct {
	p protocol.Port

	// Used by the reading side only.
	mode      mode
	body      protocol.DotEnd // how far the end of DATA has been matched
	apart     bool            // the adapter reads DATA, and the engine doesn't
	chunk     int64           // bytes left of a BDAT chunk
	lastChunk bool            // the chunk ends the message
	spool     protocol.Spool  // chunks before the last one of a BDAT transfer; nil: no transfer is open
	replay    io.Reader       // what the engine reads of the spool before the last chunk; nil: nothing
	lines     *lines          // of the message; nil before the first one
	hurried   bool            // the client has sent commands before the reply to the previous one
	// A scenario has asked for a line of AUTH that no engine waits for.
	askedForLine bool
	// An AUTH has failed: lines of its exchange may still follow.
	afterAuth bool

	// Guarded by the port's lock.
	verb   string
	next   mode     // what the client's next bytes are after the engine's reply
	hidden bool     // the next reply isn't shown to the client
	ready  bool     // MAIL and RCPT have been accepted
	await  bool     // a message has been sent, and its reply decides whether it is accepted
	ehlo   [][]byte // lines of a reply to EHLO so far
}

// mode says what the client's next bytes are.
type mode int

const (
	command mode = iota
	data         // part of DATA
	chunk        // part of BDAT
	auth         // a line of AUTH's exchange
)

func newFraming(p protocol.Port) protocol.Framing { return &framing{p: p} }

func (f *framing) Read(b []byte) (int, error) {
	switch {
	case f.mode == data || f.apart:
		return f.readData(b)
	case f.mode == chunk:
		return f.readChunk(b)
	}
	f.p.Lock()
	next := f.next
	f.next = command
	f.p.Unlock()
	if next == data {
		f.beginData()
		return 0, nil
	}
	line, long, err := f.p.Line(Protocol.MaxLine, next == auth || f.askedForLine)
	if err != nil {
		return 0, err
	}
	switch {
	case f.askedForLine:
		f.askedForLine = false
		f.p.Answer(line)
		return 0, f.p.Say([]byte("501 5.7.0 Authentication cancelled\r\n"), "")
	case next == auth:
		f.p.Answer(line)
		if long {
			line = []byte("*\r\n") // cancels the exchange; RFC 4954 section 4
		}
		f.p.Pass(line)
		return 0, nil
	case long:
		f.p.Notice(event.LineTooLong)
		return 0, f.p.Say([]byte("500 5.5.2 Line too long\r\n"), "")
	}
	return 0, f.command(line)
}

// command handles a command line. It passes the line to the engine or answers it itself.
func (f *framing) command(line []byte) error {
	word, _ := protocol.CutWord(line)
	verb := words.Verb(word)
	followed := verb == "BDAT" || verb == "STARTTLS"
	pipelined := !followed && len(f.p.Buffered()) > 0
	line = f.p.Record(line, f.show(verb), followed)
	if !f.hurried && pipelined {
		f.hurried = true
		f.p.Notice(event.Pipelined)
	}
	_, arg := protocol.CutWord(line)
	f.p.Lock()
	f.verb = verb
	f.p.Unlock()
	if handled, err := f.ask(verb, line, arg); handled {
		return err
	}
	switch verb {
	case "STARTTLS":
		if f.p.Offers() {
			if len(arg) > 0 {
				return f.p.Say([]byte("501 5.5.4 STARTTLS takes no parameter\r\n"), "") // RFC 3207 section 4
			}
			return f.p.Upgrade("")
		}
	case "BDAT":
		return f.bdat(line, arg)
	case "RSET", "EHLO", "HELO":
		f.dropSpool()
		f.p.GiveUpUpload()
	case "MAIL", "RCPT", "DATA":
		if f.spool != nil { // RFC 3030 section 2
			if verb == "MAIL" {
				f.p.Begun(false)
			}
			return f.p.Say([]byte("503 5.5.1 "+verb+" isn't possible between BDAT chunks\r\n"), "")
		}
		line = f.qualify(line)
	}
	f.p.Pass(line)
	return nil
}

// show says what may be recorded of a command line.
func (f *framing) show(verb string) protocol.Show {
	if word, known := words.Find(verb); known {
		f.afterAuth = word.Login
		if !word.Login {
			return protocol.ShowAll
		}
	} else if f.afterAuth {
		return protocol.ShowNothing
	}
	return protocol.ShowMasked
}

// ask asks the scenario about a command.
func (f *framing) ask(verb string, line, arg []byte) (handled bool, err error) {
	about := protocol.About{Verb: verb}
	switch verb {
	case "MAIL":
		about.Begins, about.Sender = true, f.path(line)
		f.p.Sends(about.Sender)
	case "RCPT":
		if f.p.Active() {
			about.Recipient = f.path(line)
		}
	case "RSET", "EHLO", "HELO":
		about.Ends = true
	}
	if handled, err = f.p.Ask(about); !handled {
		return false, nil
	}
	switch {
	case verb == "MAIL":
		f.p.Begun(strings.HasPrefix(f.p.Injected(), "2"))
	case verb == "BDAT" && err == nil:
		err = f.skipChunk(arg)
	}
	f.askedForLine = verb == "AUTH" && strings.HasPrefix(f.p.Injected(), "334")
	return true, err
}

// qualify adds the server's domain to an address that has none. A server must accept <Postmaster> (RFC 5321 section
// 4.1.1.3) and should accept <root>; the engine accepts neither.
func (f *framing) qualify(line []byte) []byte {
	i, j := bytes.IndexByte(line, '<'), bytes.IndexByte(line, '>')
	if i < 0 || j < i+2 || bytes.ContainsAny(line[i+1:j], "@\" \t") {
		return line
	}
	return []byte(string(line[:i+1]) + f.p.Qualify(string(line[i+1:j])) + string(line[j:]))
}

// path returns the address in FROM:<a@b> or TO:<a@b> as the engine will see it: without a source route, and with a
// domain.
func (f *framing) path(line []byte) string {
	line = f.qualify(line)
	_, path, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return ""
	}
	path = bytes.TrimLeft(path, " \t")
	if len(path) > 0 && path[0] == '<' {
		path = path[1:]
	}
	path = path[:pathEnd(path)]
	if len(path) > 0 && path[0] == '@' { // RFC 5321 section 4.1.2: A-d-l
		if _, after, ok := bytes.Cut(path, []byte(":")); ok {
			path = after
		}
	}
	return string(path)
}

// pathEnd returns where an address ends: at a bracket, a space or the line end, outside quotes.
func pathEnd(path []byte) int {
	quoted := false
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '>' || c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			return i
		}
	}
	return len(path)
}
