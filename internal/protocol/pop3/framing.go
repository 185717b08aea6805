package pop3

import (
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// framing is POP3's framing. This file handles the client's lines, engine.go what the engine says.
type framing struct {
	p protocol.Port

	// An AUTH has failed: lines of its exchange may still follow.
	afterAuth bool

	// Guarded by the port's lock.
	verb   string
	args   bool
	auth   bool            // the client's next line belongs to AUTH
	long   bool            // a line of AUTH's exchange was too long, and the engine was told that the client cancels
	logged bool            // a login has succeeded
	multi  bool            // inside a multi-line response
	end    protocol.DotEnd // finds the end of that response
	hidden bool            // the response isn't shown to the client
	capa   [][]byte        // lines of a reply to CAPA so far
}

func newFraming(p protocol.Port) protocol.Framing { return &framing{p: p} }

func (f *framing) Read([]byte) (int, error) {
	f.p.Lock()
	auth := f.auth
	f.auth = false
	logged := f.logged
	f.p.Unlock()
	line, long, err := f.p.Line(Protocol.MaxLine, auth)
	switch {
	case err != nil:
		return 0, err
	case auth:
		line, settled := f.p.Answer(line)
		if long && !settled {
			f.p.Notice(event.LineTooLong)
			f.p.Lock()
			f.long = true
			f.p.Unlock()
			line = []byte("*\r\n") // cancels the exchange; RFC 5034 section 4
		}
		f.p.Pass(line)
		return 0, nil
	case long:
		f.p.Notice(event.LineTooLong)
		return 0, f.p.Say([]byte("-ERR Line too long\r\n"), "")
	}
	return 0, f.command(line, logged)
}

func (f *framing) command(line []byte, logged bool) error {
	word, _ := protocol.CutWord(line)
	verb := words.Verb(word)
	line = f.p.Record(line, f.show(verb), verb == "STLS" || verb == "AUTH")
	_, arg := protocol.CutWord(line)
	f.p.Lock()
	f.verb, f.args = verb, len(arg) > 0
	f.p.Unlock()
	if verb == "USER" {
		f.p.Claims(string(arg))
	}
	about := protocol.About{Verb: verb}
	if f.p.Active() {
		about.Args = string(arg)
		if names(verb) {
			first, _ := protocol.CutWord(arg)
			about.Messages = string(first)
		}
	}
	if handled, err := f.p.Ask(about); handled {
		return err
	}
	if verb == "STLS" && f.p.Offers() {
		if logged { // RFC 2595 section 4: only in the AUTHORIZATION state
			return f.p.Say([]byte("-ERR STLS isn't possible after login\r\n"), "")
		}
		return f.p.Upgrade("")
	}
	f.p.Pass(line)
	return nil
}

// names reports whether a command's first argument is the number of a message (RFC 1939).
func names(verb string) bool {
	return verb == "RETR" || verb == "TOP" || verb == "DELE" || verb == "LIST" || verb == "UIDL"
}

// show says what may be recorded of a command line.
func (f *framing) show(verb string) protocol.Show {
	word, known := words.Find(verb)
	switch {
	case known && word.Secret == event.NoSecret:
		f.afterAuth = false
		return protocol.ShowAll
	case known:
		f.afterAuth = verb == "AUTH"
	case f.afterAuth:
		return protocol.ShowNothing
	}
	return protocol.ShowMasked
}

func (f *framing) LoggedIn() { f.logged = true }
