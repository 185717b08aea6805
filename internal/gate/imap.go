package gate

import (
	"bytes"
	"io"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Bounds of IMAP.
const (
	imapLine     = 48 << 10         // the engine's own bound of a command is 50 KiB
	imapShort    = 4096             // of a line of AUTHENTICATE or IDLE: the engine's buffer
	imapLiteral  = 4096             // of any command but APPEND: what the engine buffers (RFC 7888 section 5)
	imapIdle     = 30 * time.Minute // RFC 9051 section 5.4
	imapBadLines = 20               // in a row, then the connection ends
)

// imapCapabilityOf names the extension that a command needs.
var imapCapabilityOf = map[string]string{
	"STARTTLS": "STARTTLS", "IDLE": "IDLE", "MOVE": "MOVE", "UID MOVE": "MOVE", "UID EXPUNGE": "UIDPLUS",
	"NAMESPACE": "NAMESPACE", "ID": "ID", "UNSELECT": "UNSELECT", "ENABLE": "ENABLE", "AUTHENTICATE": "AUTH",
	"UNAUTHENTICATE": "UNAUTHENTICATE",
}

// imap is the dialect of IMAP (RFC 9051, RFC 3501; literals: RFC 7888).
type imap struct {
	c *Conn
	g *Gate

	// Reader's side.
	mode     imapMode
	literal  int64 // bytes left of the client's literal
	size     int64 // bytes of the command's lines so far
	secret   bool  // the command may be a login: nothing of it is to be kept
	upload   bool  // the command is an APPEND
	message  bool  // its next literal is the message, not the mailbox name
	brought  bool  // ... and has been read
	taken    int64
	fate     fault.Cut
	loose    bool // an AUTHENTICATE has failed: lines of its exchange may still come
	badLines int

	// Guarded by g.wmu.
	tag      string
	verb     string
	sync     int64    // size of a literal that waits for the engine's "+", -1: none
	next     imapMode // what a continuation request makes of the client's next bytes
	done     bool     // the tagged reply has been given
	override string   // what to say instead of the engine's tagged reply
	logged   bool     // a login has succeeded
	wanted   string   // mailbox that a SELECT or EXAMINE names
	selected string   // mailbox that is open, as far as rules need to know
	olit     int64    // bytes left of the engine's literal
	ocont    bool     // the next line goes on behind a literal
}

type imapMode int

const (
	imapCommand imapMode = iota
	imapLit              // inside a literal
	imapRest             // the command goes on behind a literal
	imapAuth             // the next line belongs to AUTHENTICATE
	imapDone             // the next line should be DONE
)

func (d *imap) read(p []byte) (int, error) {
	g := d.g
	g.wmu.Lock()
	next, size, done := d.next, d.sync, d.done
	d.next = imapCommand
	g.wmu.Unlock()
	switch {
	case d.mode == imapLit && done:
		// The engine has answered without reading the literal; left alone it
		// would take its bytes for commands.
		return 0, d.abandon(d.literal)
	case d.mode == imapLit && d.literal > 0:
		return d.readLiteral(p)
	case d.mode == imapLit:
		d.mode = imapRest
	}
	if d.mode == imapRest && done {
		d.mode = imapCommand
		if size < 0 {
			return 0, d.abandon(0)
		}
		// A synchronising literal was refused: the client sends nothing more.
		g.wmu.Lock()
		d.sync = -1
		g.wmu.Unlock()
	}
	if next == imapLit && size >= 0 {
		g.wmu.Lock()
		d.sync = -1
		g.wmu.Unlock()
		d.begin(size)
		return 0, nil
	}
	if isTLS, err := g.opening(imapIdle); isTLS {
		return 0, io.EOF
	} else if err != nil {
		return 0, d.farewell(err)
	}
	line, long, err := g.line(imapLine, imapIdle, next == imapAuth || d.mode == imapRest && d.secret)
	if err != nil {
		return 0, d.farewell(err)
	}
	// Here the engine reads a line of its buffer's size at most, and takes the rest
	// for the next command.
	short := !long && len(line) <= imapShort
	switch next {
	case imapAuth:
		g.rec.Said(transcript.FromClient, transcript.Auth, transcript.MaskExchange(line), "")
		if !short {
			line = []byte("*\r\n") // cancels the exchange; RFC 9051 section 6.2.2
		}
		d.c.pending = line
		return 0, nil
	case imapDone:
		g.rec.Said(transcript.FromClient, transcript.Command, transcript.Mask(line), "")
		if !short {
			line = []byte("\r\n")
		}
		d.c.pending = line
		return 0, nil
	}
	if long && d.mode == imapRest {
		d.mode = imapCommand
		return 0, d.abort("BAD Command line too long", nil, " (\r\n")
	}
	if long {
		return 0, d.refuse("* BAD Command line too long\r\n", nil)
	}
	if d.mode == imapRest {
		return 0, d.rest(line)
	}
	return 0, d.command(line)
}

func (d *imap) farewell(err error) error {
	switch {
	case isTimeout(err):
		d.g.farewell([]byte("* BYE Autologout; idle for too long\r\n"), transcript.EndedByTimeout)
	case err == errTooLong:
		d.g.farewell([]byte("* BYE Too much data\r\n"), transcript.EndedByServer)
	}
	return io.EOF
}

func (d *imap) begin(size int64) {
	d.mode, d.literal = imapLit, size
	d.taken, d.fate = 0, fault.Cut{}
	if d.message {
		d.fate = d.g.fault.Cut(fault.InUpload)
	}
	d.brought = d.message
	d.message = d.upload && !d.message
}

func (d *imap) readLiteral(p []byte) (int, error) {
	if d.fate.End != fault.EndNone {
		p = p[:min(int64(len(p)), max(0, d.fate.After-d.taken)+1)]
	}
	limit := d.literal
	if d.brought {
		if limit > 1 {
			limit-- // the last byte waits until what is behind it has been seen
		} else if err := d.oneMessage(); err != nil {
			return 0, err
		}
	}
	n, err := d.g.rawBytes(p, limit, imapIdle)
	if err != nil {
		return 0, d.farewell(err)
	}
	if d.taken += int64(n); d.fate.End != fault.EndNone && d.taken > d.fate.After {
		d.g.cut(d.fate.End, d.fate.By)
		return 0, io.EOF
	}
	if d.literal -= int64(n); d.literal == 0 && d.brought {
		if delay, by := d.g.fault.Final(); delay > 0 {
			d.g.rec.Mark(transcript.Delayed, "final reply delayed by "+delay.String(), by)
			if !d.g.pause(delay) {
				return 0, io.EOF
			}
		}
	}
	if d.secret {
		d.g.rec.Said(transcript.FromClient, transcript.Auth, transcript.MaskedLine(), "")
	} else {
		d.g.rec.Said(transcript.FromClient, transcript.Data, p[:n], "")
	}
	return n, nil
}

// oneMessage looks behind the last byte of an APPEND's message. There must be the
// line's end, or the parenthesis of UTF8 (RFC 6855 section 4); with more messages
// (MULTIAPPEND, RFC 3502, which isn't offered) the engine would store the first one and
// never answer.
func (d *imap) oneMessage() error {
	g := d.g
	if g.br.Buffered() < 2 {
		g.wait(imapIdle)
		_, err := g.br.Peek(2)
		g.waited()
		if err := g.readError(err); err != nil {
			return d.farewell(err)
		}
	}
	if b, _ := g.br.Peek(2); b[1] == '\r' || b[1] == '\n' || b[1] == ')' {
		return nil
	}
	g.farewell([]byte(d.tag+" BAD One message at a time: there is no MULTIAPPEND here\r\n* BYE Closing, to stay in step\r\n"), transcript.EndedByServer)
	return io.EOF
}

// abandon reads what is left of a command that has been answered: n bytes of
// its literal, and the lines and literals that follow.
func (d *imap) abandon(n int64) error {
	d.mode = imapCommand
	for {
		if err := d.g.swallow(n, imapIdle, d.secret); err != nil {
			return d.farewell(err)
		}
		line, long, err := d.g.line(imapLine, imapIdle, d.secret)
		if err != nil {
			return d.farewell(err)
		}
		d.g.rec.Said(transcript.FromClient, transcript.Data, d.shown(line), "")
		size, sync, ok := literalSize(line)
		if long || !ok || sync {
			return nil
		}
		n = size
	}
}

// shown is what may be taken down of a line behind a command's first: of a login only
// the literal that it announces.
func (d *imap) shown(line []byte) []byte {
	if !d.secret {
		return line
	}
	if _, _, ok := literalSize(line); ok {
		return line[bytes.LastIndexByte(line, '{'):]
	}
	return transcript.MaskedLine()
}

// refuse says a reply of the gate's own to a line that no engine should see, and reads
// what belongs to it.
func (d *imap) refuse(reply string, line []byte) error {
	if d.badLines++; d.badLines > imapBadLines {
		d.g.farewell([]byte("* BYE Too many invalid commands\r\n"), transcript.EndedByServer)
		return io.EOF
	}
	d.mode = imapCommand
	if err := d.g.say([]byte(reply), ""); err != nil {
		return err
	}
	return d.answered(line)
}

// command takes the first line of a command.
func (d *imap) command(line []byte) error {
	g := d.g
	tag, rest := cutWord(line)
	verb, args := cutWord(rest)
	verb = strings.ToUpper(verb)
	known := d.c.beside == nil || d.c.beside.Knows(verb) || verb == "UID"
	d.secret = mentionsLogin(line)
	d.upload, d.size = false, int64(len(line))
	g.wmu.Lock()
	d.tag, d.verb, d.done, d.sync, d.override = tag, "", false, -1, ""
	logged := d.logged
	g.wmu.Unlock()
	if d.loose && !known && !logged {
		g.rec.Said(transcript.FromClient, transcript.Command, transcript.MaskedLine(), "")
		return d.refuse("* BAD Unknown command\r\n", line) // its tag may be a secret
	}
	shown := line
	if d.secret || !known {
		shown = transcript.Mask(line)
	}
	g.rec.Said(transcript.FromClient, transcript.Command, shown, "")
	d.loose = verb == "AUTHENTICATE"
	// A bare CR or NUL would end the line for the engine and not for us; an open quote
	// would not end it.
	if strange(line) {
		return d.refuse("* BAD A command line can't have CR or NUL in it\r\n", line)
	}
	if !isTag(tag) {
		return d.refuse("* BAD A command begins with a tag, like: a1 NOOP\r\n", line)
	}
	if verb == "" || !isAtom(verb) || line[len(tag)+1] == ' ' {
		return d.refuse(tag+" BAD A command has one space and a name behind its tag, like: a1 NOOP\r\n", line)
	}
	if openQuote(line) {
		return d.refuse(tag+" BAD A quoted string isn't closed\r\n", line)
	}
	if verb == "UID" {
		sub, subArgs := cutWord(args)
		if sub == "" || !isAtom(sub) || rest[len("UID")+1] == ' ' {
			return d.refuse(tag+" BAD UID needs a command behind it, like: a1 UID FETCH 1 FLAGS\r\n", line)
		}
		verb, args = "UID "+strings.ToUpper(sub), subArgs
	}
	g.wmu.Lock()
	d.verb = verb
	g.wmu.Unlock()
	d.upload = verb == "APPEND"
	d.message, d.brought = d.upload && !bytes.HasPrefix(args, []byte("{")), false

	if g.fault.Active() {
		line = bytes.Clone(line)
		_, rest := cutWord(line)
		_, args = cutWord(rest)
		if strings.HasPrefix(verb, "UID ") {
			_, args = cutWord(args)
		}
		g.fault.Event.Command = verb
		d.aboutMailbox(verb, args)
		handled, err := d.c.act(
			func(text string) []byte { return imapReply(tag, text) },
			func(text string) bool { return strings.HasPrefix(text, "BYE") })
		if handled {
			if err != nil {
				return err
			}
			return d.answered(line)
		}
		if name := imapCapabilityOf[verb]; name != "" {
			if fate, by := g.fault.Capability(name); fate == fault.CapabilityHidden {
				if err := g.say([]byte(tag+" BAD Unknown command\r\n"), by); err != nil {
					return err
				}
				return d.answered(line)
			}
		}
	}
	if d.c.beside != nil && d.c.beside.Has(verb) {
		reply, err := d.c.beside.Answer(verb, args, func(line string) error { return g.say([]byte(line), "") })
		if err != nil {
			return err
		}
		d.badLines = 0
		if err := g.say([]byte(tag+" "+reply+"\r\n"), ""); err != nil {
			return err
		}
		return d.answered(line)
	}
	if d.c.beside != nil && !d.c.beside.Knows(verb) {
		// The engine would end the connection for this before login.
		return d.refuse(tag+" BAD Unknown command\r\n", line)
	}
	d.badLines = 0
	if verb == "STARTTLS" && d.c.secure {
		return d.refuse(tag+" BAD TLS is up already\r\n", line) // RFC 9051 section 6.2.1
	}
	if verb == "STARTTLS" && g.cfg.StartTLS {
		switch {
		case len(args) > 0:
			return d.refuse(tag+" BAD STARTTLS takes no argument\r\n", line)
		case logged: // RFC 9051 section 6.2.1: only in the not authenticated state
			return d.refuse(tag+" BAD STARTTLS isn't possible after login\r\n", line)
		}
		return g.upgrade(d.c, tag+" OK Begin TLS negotiation now\r\n", tag)
	}
	return d.pass(line, true)
}

// aboutMailbox keeps what rules may match on.
func (d *imap) aboutMailbox(verb string, args []byte) {
	d.g.wmu.Lock()
	defer d.g.wmu.Unlock()
	names := mailboxesOf(verb, args, d.selected)
	d.g.fault.Mailboxes = names
	d.wanted = ""
	if (verb == "SELECT" || verb == "EXAMINE") && len(names) > 0 {
		d.wanted = names[0]
	}
}

// answered stays in step after a command that the engine hasn't seen.
func (d *imap) answered(line []byte) error {
	if size, sync, ok := literalSize(line); ok && !sync {
		return d.abandon(size)
	}
	return nil
}

// rest takes the line that follows a literal.
func (d *imap) rest(line []byte) error {
	d.g.rec.Said(transcript.FromClient, transcript.Data, d.shown(line), "")
	d.mode = imapCommand
	d.size += int64(len(line))
	switch {
	case d.size > imapLine:
		return d.abort("BAD Command too long", line, " (\r\n")
	case strange(line):
		return d.abort("BAD A command line can't have CR or NUL in it", line, " (\r\n")
	case openQuote(line):
		return d.abort("BAD A quoted string isn't closed", line, " (\r\n")
	}
	return d.pass(line, false)
}

// pass gives a line to the engine and prepares for the literal it may announce.
func (d *imap) pass(line []byte, first bool) error {
	size, sync, ok := literalSize(line)
	if ok {
		limit, what := int64(imapLiteral), "NO [TOOBIG] Literals of this command are limited to 4096 bytes"
		if d.message {
			limit, what = d.g.maxBytes(), "NO [TOOBIG] The message is larger than this server accepts"
		}
		if size > limit {
			if first {
				if err := d.g.say(imapReply(d.tag, what), ""); err != nil {
					return err
				}
				return d.answered(line)
			}
			return d.abort(what, line, " (\r\n")
		}
		if sync {
			d.g.wmu.Lock()
			d.sync = size
			d.g.wmu.Unlock()
			d.mode = imapRest
		} else {
			d.begin(size)
		}
	}
	d.c.pending = line
	return nil
}

// abort ends a command of which the engine has seen a part: it gets the line end
// instead, and what it says to that is replaced by reply.
func (d *imap) abort(reply string, line []byte, end string) error {
	d.g.wmu.Lock()
	d.override = reply
	d.g.wmu.Unlock()
	if err := d.answered(bytes.Clone(line)); err != nil {
		return err
	}
	d.c.pending = []byte(end)
	return nil
}
