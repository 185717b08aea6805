package gate

import (
	"bytes"
	"io"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Bounds of SMTP.
const (
	// An AUTH line may have 12288 octets (RFC 4954 section 4), other commands
	// 512 and what extensions add (RFC 5321 section 4.5.3.1.4).
	smtpLine = 12288 + 2
	smtpIdle = 5 * time.Minute // RFC 5321 section 4.5.3.2.7
)

// smtpCorrections are replies of the engine's that its RFCs have otherwise.
var smtpCorrections = map[string]string{
	"454 4.7.0 Invalid base64 data\r\n":          "501 5.5.2 Cannot decode base64 data\r\n",    // RFC 4954 section 4
	"235 2.0.0 Authentication succeeded\r\n":     "235 2.7.0 Authentication succeeded\r\n",     // RFC 4954 section 6
	"500 5.5.1 Too many errors. Quiting now\r\n": "421 4.7.0 Too many errors, closing now\r\n", // RFC 5321 section 3.8
}

var smtpVerbs = map[string]bool{
	"HELO": true, "EHLO": true, "LHLO": true, "MAIL": true, "RCPT": true, "DATA": true, "BDAT": true, "RSET": true, "NOOP": true, "QUIT": true,
	"VRFY": true, "EXPN": true, "HELP": true, "STARTTLS": true, "AUTH": true,
}

// smtpCapabilityOf names the extension that a command needs, for commands that
// hiding a capability refuses.
var smtpCapabilityOf = map[string]string{"STARTTLS": "STARTTLS", "AUTH": "AUTH", "BDAT": "CHUNKING", "VRFY": "VRFY", "EXPN": "EXPN", "HELP": "HELP"}

// smtp is the dialect of SMTP (RFC 5321; CHUNKING: RFC 3030; AUTH: RFC 4954).
type smtp struct {
	c *Conn
	g *Gate

	// Reader's side.
	mode      smtpMode
	body      eod       // where DATA stands
	chunk     int64     // bytes left of a BDAT chunk
	spool     []byte    // chunks of a BDAT transfer before its last; nil: none is open
	hasty     bool      // commands have come before the reply to the one before
	text      hygiene   // of the message
	orphan    bool      // a scenario has asked for a line of AUTH that nobody waits for
	loose     bool      // an AUTH has failed: lines of its exchange may still come
	lastChunk bool      // it ends the message
	taken     int64     // bytes of the message so far
	fate      fault.Cut // what the scenario wants of this message

	// Guarded by g.wmu.
	verb  string
	next  smtpMode // what the engine's reply makes of the client's next bytes
	hush  bool     // the next reply isn't for the client
	ready bool     // MAIL and RCPT have been accepted
	await bool     // a message has been sent; the reply decides if it is accepted
	ehlo  [][]byte // lines of a reply to EHLO so far
}

type smtpMode int

const (
	smtpCommand smtpMode = iota
	smtpData
	smtpChunk
	smtpAuth
)

func (d *smtp) read(p []byte) (int, error) {
	g := d.g
	switch d.mode {
	case smtpData:
		return d.readData(p)
	case smtpChunk:
		return d.readChunk(p)
	}
	g.wmu.Lock()
	next := d.next
	d.next = smtpCommand
	g.wmu.Unlock()
	if next == smtpData {
		d.mode, d.body, d.taken = smtpData, eodLineStart, 0
		d.text.begin()
		d.fate = g.fault.Cut(fault.InUpload)
		return 0, nil
	}
	if isTLS, err := g.opening(smtpIdle); isTLS {
		return 0, io.EOF
	} else if err != nil {
		return 0, d.farewell(err)
	}
	line, long, err := g.line(smtpLine, smtpIdle, next == smtpAuth || d.orphan)
	if err != nil {
		return 0, d.farewell(err)
	}
	if d.orphan {
		d.orphan = false
		g.rec.Said(transcript.FromClient, transcript.Auth, transcript.MaskExchange(line), "")
		return 0, g.say([]byte("501 5.7.0 Authentication cancelled\r\n"), "")
	}
	if next == smtpAuth {
		g.rec.Said(transcript.FromClient, transcript.Auth, transcript.MaskExchange(line), "")
		if long {
			line = []byte("*\r\n") // cancels the exchange; RFC 4954 section 4
		}
		d.c.pending = line
		return 0, nil
	}
	if long {
		g.rec.Note("line too long", "")
		return 0, g.say([]byte("500 5.5.2 Line too long\r\n"), "")
	}
	return 0, d.command(line)
}

// farewell says what SMTP says when reading ended with err, and returns what the
// engine is to see.
func (d *smtp) farewell(err error) error {
	switch {
	case isTimeout(err):
		d.g.farewell([]byte("421 4.4.2 "+d.g.cfg.Domain+" Idle for too long, closing\r\n"), transcript.EndedByTimeout)
	case err == errTooLong:
		d.g.farewell([]byte("500 5.5.2 Line too long, closing\r\n"), transcript.EndedByServer)
	}
	return io.EOF
}

// command looks at a command line and gives it to the engine, or answers itself.
func (d *smtp) command(line []byte) error {
	g := d.g
	verb, _ := cutWord(line)
	verb = strings.ToUpper(verb)
	g.rec.Said(transcript.FromClient, transcript.Command, d.shown(verb, line), "")
	if !d.hasty && g.br.Buffered() > 0 && verb != "BDAT" && verb != "STARTTLS" {
		d.hasty = true
		g.rec.Mark(transcript.Pipelined, "the client goes on before the reply has been sent", "")
	}
	line = g.tempt(line)
	_, arg := cutWord(line)
	g.wmu.Lock()
	d.verb = verb
	g.wmu.Unlock()
	if verb == "MAIL" {
		g.fault.Sends(g.canonical(d.pathOf(line)))
	}
	if g.fault.Active() {
		line = bytes.Clone(line)
		_, arg = cutWord(line)
		d.track(verb, line)
		if handled, err := d.c.act(smtpReply, func(text string) bool { return strings.HasPrefix(text, "421") }); handled {
			if err == nil && verb == "BDAT" {
				err = d.skipChunk(arg)
			}
			d.orphan = verb == "AUTH" && strings.HasPrefix(d.c.said, "334")
			return err
		}
		if name := smtpCapabilityOf[verb]; name != "" {
			if fate, by := g.fault.Capability(name); fate == fault.CapabilityHidden {
				if err := g.say([]byte("502 5.5.1 Command not implemented\r\n"), by); err != nil {
					return err
				}
				if verb == "BDAT" {
					return d.skipChunk(arg)
				}
				return nil
			}
		}
	}
	switch verb {
	case "STARTTLS":
		if g.cfg.StartTLS && !d.c.secure {
			if len(arg) > 0 {
				return g.say([]byte("501 5.5.4 STARTTLS takes no parameter\r\n"), "") // RFC 3207 section 4
			}
			return g.upgrade(d.c, "220 2.0.0 Ready to start TLS\r\n", "")
		}
	case "BDAT":
		return d.bdat(line, arg)
	case "RSET", "EHLO", "HELO":
		d.spool = nil
		d.taken = 0
	case "MAIL", "RCPT", "DATA":
		if d.spool != nil { // RFC 3030 section 2
			return g.say([]byte("503 5.5.1 "+verb+" isn't possible between BDAT chunks\r\n"), "")
		}
		if verb == "MAIL" {
			d.taken = 0
		}
		line = d.qualify(line)
	}
	d.c.pending = line
	return nil
}

// qualify adds the domain to an address that has none: a server must take
// <Postmaster> (RFC 5321 section 4.1.1.3) and does well to take <root>; the
// engine takes neither.
func (d *smtp) qualify(line []byte) []byte {
	i, j := bytes.IndexByte(line, '<'), bytes.IndexByte(line, '>')
	if i < 0 || j < i+2 || bytes.ContainsAny(line[i+1:j], "@\" \t") {
		return line
	}
	return []byte(string(line[:j]) + "@" + d.g.cfg.MailDomain + string(line[j:]))
}

// shown is a command line as it may be taken down.
func (d *smtp) shown(verb string, line []byte) []byte {
	if smtpVerbs[verb] {
		if d.loose = verb == "AUTH"; !d.loose {
			return line
		}
	} else if d.loose {
		return transcript.MaskedLine()
	}
	return transcript.Mask(line)
}

// track keeps what rules may match on.
func (d *smtp) track(verb string, line []byte) {
	e := &d.g.fault.Event
	e.Command = verb
	e.Recipient = ""
	switch verb {
	case "MAIL":
		e.Sender, e.Recipients = d.pathOf(line), nil
	case "RCPT":
		e.Recipient = d.pathOf(line)
	case "RSET", "EHLO", "HELO":
		e.Sender, e.Recipients = "", nil
	}
}

// accepted keeps track of a transaction by what the engine says of its commands.
// g.wmu is held.
func (d *smtp) accepted(positive bool) {
	f := d.g.fault
	switch d.verb {
	case "RCPT":
		if positive {
			d.ready = true
			if f != nil && f.Recipient != "" {
				f.Recipients = append(f.Recipients, f.Recipient)
			}
		}
	case "MAIL", "RSET", "EHLO", "HELO":
		d.ready = false
	}
}

// over ends a transaction: its message has been answered. g.wmu is held.
func (d *smtp) over() {
	d.ready = false
	if f := d.g.fault; f != nil {
		f.Sender, f.Recipients = "", nil
	}
}

// pathOf finds the address in FROM:<a@b> or TO:<a@b>, as the engine will see it: a
// source route left out, a domain added.
func (d *smtp) pathOf(line []byte) string {
	line = d.qualify(line)
	_, path, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return ""
	}
	path = bytes.TrimLeft(path, " \t")
	if len(path) > 0 && path[0] == '<' {
		path = path[1:]
	}
	quoted := false
	end := len(path)
scan:
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == '>' || c == ' ' || c == '\t' || c == '\r' || c == '\n'):
			end = i
			break scan
		}
	}
	path = path[:end]
	if len(path) > 0 && path[0] == '@' { // RFC 5321 section 4.1.2: A-d-l
		if _, after, ok := bytes.Cut(path, []byte(":")); ok {
			path = after
		}
	}
	return string(path)
}

func (d *smtp) farewellIf(err error) error {
	if err != nil {
		return d.farewell(err)
	}
	return nil
}

func (d *smtp) readData(p []byte) (int, error) {
	g := d.g
	if err := g.fill(smtpIdle); err != nil {
		return 0, d.farewell(err)
	}
	b, _ := g.br.Peek(min(g.br.Buffered(), len(p)))
	n, done := d.body.scan(b)
	if d.cutShort(int64(n)) {
		return 0, io.EOF
	}
	copy(p, b[:n])
	g.br.Discard(n)
	g.rec.Said(transcript.FromClient, transcript.Data, p[:n], "")
	d.text.look(p[:n], g.rec)
	if done {
		d.mode, d.taken = smtpCommand, 0
		if !d.received() {
			return 0, io.EOF
		}
	}
	return n, nil
}

// received is called when the last byte of a message is there, before the engine
// gets it. It tells if the client is still there after the scenario's delay.
func (d *smtp) received() bool {
	g := d.g
	g.wmu.Lock()
	d.await = true
	g.wmu.Unlock()
	if delay, by := g.fault.Final(); delay > 0 {
		g.rec.Mark(transcript.Delayed, "final reply delayed by "+delay.String(), by)
		return g.pause(delay)
	}
	return true
}

// cutShort counts n more bytes of a message and cuts the connection when the
// scenario says so.
func (d *smtp) cutShort(n int64) bool {
	d.taken += n
	if d.fate.End == fault.EndNone || d.taken <= d.fate.After {
		return false
	}
	d.g.cut(d.fate.End, d.fate.By)
	return true
}
