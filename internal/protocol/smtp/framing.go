package smtp

import (
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
	afterAuth  bool
	asksBinary bool // the last MAIL asks for BINARYMIME
	bad        int  // commands that don't exist

	// Guarded by the port's lock.
	verb   string
	next   mode     // what the client's next bytes are after the engine's reply
	hidden bool     // the next reply isn't shown to the client
	at     stage    // how far the session has come
	binary bool     // the transaction is one of BINARYMIME
	await  bool     // a message has been sent, and its reply decides whether it is accepted
	ehlo   [][]byte // lines of a reply to EHLO so far
	long   bool     // a line of AUTH's exchange was too long, and the engine was told that the client cancels
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
		line, settled := f.p.Answer(line)
		if long && !settled {
			f.p.Notice(event.LineTooLong)
			f.p.Lock()
			f.long = true
			f.p.Unlock()
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
	switch {
	case !known(verb):
		return f.unknown(line)
	case verb == "BDAT":
		return f.bdat(arg)
	}
	pass, refusal := f.check(verb, line, arg)
	if refusal != "" {
		return f.reply(refusal)
	}
	switch verb {
	case "STARTTLS":
		if f.p.Offers() {
			return f.p.Upgrade("")
		}
	case "RSET", "EHLO", "HELO":
		f.dropSpool()
		f.p.GiveUpUpload()
	}
	f.p.Pass(pass)
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
	if f.p.Active() {
		about.Args = string(arg)
	}
	switch verb {
	case "MAIL":
		about.Begins, about.Sender = true, f.address(line, "FROM:")
		f.p.Sends(about.Sender)
		if f.p.Active() {
			for _, names := range uses(protocol.Line{Verb: verb, Args: string(arg)}) {
				about.Uses = append(about.Uses, names...)
			}
		}
	case "RCPT":
		if f.p.Active() {
			about.Recipient = f.address(line, "TO:")
		}
	case "RSET", "EHLO", "HELO":
		about.Ends = true
	}
	if handled, err = f.p.Ask(about); !handled {
		return false, nil
	}
	if err == nil {
		err = f.settle(verb, arg)
	}
	f.askedForLine = verb == "AUTH" && strings.HasPrefix(f.p.Injected(), "334")
	return true, err
}

// address returns the address in MAIL or RCPT, with a domain; "" if there is none.
func (f *framing) address(line []byte, keyword string) string {
	p, ok := readPath(line, keyword, true)
	if !ok || p.local == "" {
		return ""
	}
	return f.p.Qualify(p.address())
}
