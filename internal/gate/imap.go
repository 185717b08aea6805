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
	secret   bool  // the literal is part of a login
	upload   bool  // the command is an APPEND
	message  bool  // its next literal is the message, not the mailbox name
	brought  bool  // ... and has been read
	taken    int64
	fate     fault.Body
	badLines int

	// Guarded by g.wmu.
	tag      string
	verb     string
	sync     int64    // size of a literal that waits for the engine's "+", -1: none
	next     imapMode // what a continuation request makes of the client's next bytes
	done     bool     // the tagged reply has been given
	override string   // what to say instead of the engine's tagged reply
	logged   bool     // a login has succeeded
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
	line, long, err := g.line(imapLine, imapIdle)
	if err != nil {
		return 0, d.farewell(err)
	}
	switch next {
	case imapAuth:
		g.rec.Said(transcript.FromClient, transcript.Auth, transcript.MaskedLine(), "")
		if long {
			line = []byte("*\r\n") // cancels the exchange; RFC 9051 section 6.2.2
		}
		d.c.pending = line
		return 0, nil
	case imapDone:
		g.rec.Said(transcript.FromClient, transcript.Command, line, "")
		if long {
			line = []byte("\r\n")
		}
		d.c.pending = line
		return 0, nil
	}
	if long {
		return 0, d.refuse("* BAD Command line too long\r\n")
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
	d.taken, d.fate = 0, fault.Body{}
	if d.message {
		d.fate = d.g.fault.Body()
	}
	d.brought = d.message
	d.message = d.upload && !d.message
}

func (d *imap) readLiteral(p []byte) (int, error) {
	if d.fate.End != fault.EndNone {
		p = p[:min(int64(len(p)), max(0, d.fate.After-d.taken)+1)]
	}
	n, err := d.g.rawBytes(p, d.literal, imapIdle)
	if err != nil {
		return 0, d.farewell(err)
	}
	if d.taken += int64(n); d.fate.End != fault.EndNone && d.taken > d.fate.After {
		d.g.cut(d.fate.End, d.fate.By)
		return 0, io.EOF
	}
	d.literal -= int64(n)
	if d.secret {
		d.g.rec.Said(transcript.FromClient, transcript.Auth, transcript.MaskedLine(), "")
	} else {
		d.g.rec.Said(transcript.FromClient, transcript.Data, p[:n], "")
	}
	return n, nil
}

// abandon reads what is left of a command that has been answered: n bytes of
// its literal, and the lines and literals that follow.
func (d *imap) abandon(n int64) error {
	d.mode = imapCommand
	for {
		if err := d.g.swallow(n, imapIdle); err != nil {
			return d.farewell(err)
		}
		line, long, err := d.g.line(imapLine, imapIdle)
		if err != nil {
			return d.farewell(err)
		}
		d.g.rec.Said(transcript.FromClient, transcript.Data, line, "")
		size, sync, ok := literalSize(line)
		if long || !ok || sync {
			return nil
		}
		n = size
	}
}

// refuse says a reply of the gate's own to a line that no engine should see.
func (d *imap) refuse(reply string) error {
	if d.badLines++; d.badLines > imapBadLines {
		d.g.farewell([]byte("* BYE Too many invalid commands\r\n"), transcript.EndedByServer)
		return io.EOF
	}
	return d.g.say([]byte(reply), "")
}

// command takes the first line of a command.
func (d *imap) command(line []byte) error {
	g := d.g
	g.rec.Said(transcript.FromClient, transcript.Command, transcript.Mask("imap", line), "")
	tag, rest := cutWord(line)
	verb, args := cutWord(rest)
	verb = strings.ToUpper(verb)
	// A bare CR or NUL would end the line for the engine and not for us.
	if body := bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")); bytes.ContainsAny(body, "\r\x00") {
		return d.refuse("* BAD A command line can't have CR or NUL in it\r\n")
	}
	if !isTag(tag) {
		return d.refuse("* BAD A command begins with a tag, like: a1 NOOP\r\n")
	}
	if verb == "" || !isAtom(verb) {
		return d.refuse(tag + " BAD A command has a name behind its tag, like: a1 NOOP\r\n")
	}
	if verb == "UID" {
		sub, subArgs := cutWord(args)
		if sub == "" || !isAtom(sub) {
			return d.refuse(tag + " BAD UID needs a command behind it, like: a1 UID FETCH 1 FLAGS\r\n")
		}
		verb, args = "UID "+strings.ToUpper(sub), subArgs
	}
	g.wmu.Lock()
	d.tag, d.verb, d.done, d.sync, d.override = tag, verb, false, -1, ""
	logged := d.logged
	g.wmu.Unlock()
	d.upload = verb == "APPEND"
	d.message, d.brought = d.upload && !bytes.HasPrefix(args, []byte("{")), false
	d.secret = verb == "LOGIN" || verb == "AUTHENTICATE"

	if g.fault != nil {
		line = bytes.Clone(line)
		_, rest := cutWord(line)
		_, args = cutWord(rest)
		g.fault.Event.Command = verb
		handled, err := g.act(
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
	if g.cfg.Extra != nil {
		if untagged, tagged, ok := g.cfg.Extra(verb, args); ok {
			for _, u := range untagged {
				if err := g.say([]byte("* "+u+"\r\n"), ""); err != nil {
					return err
				}
			}
			d.badLines = 0
			if err := g.say([]byte(tag+" "+tagged+"\r\n"), ""); err != nil {
				return err
			}
			return d.answered(line)
		}
	}
	if g.cfg.Knows != nil && !g.cfg.Knows(verb) {
		// The engine would end the connection for this before login.
		if err := d.refuse(tag + " BAD Unknown command\r\n"); err != nil {
			return err
		}
		return d.answered(line)
	}
	d.badLines = 0
	if verb == "STARTTLS" && d.c.secure {
		return g.say([]byte(tag+" BAD TLS is up already\r\n"), "") // RFC 9051 section 6.2.1
	}
	if verb == "STARTTLS" && g.cfg.StartTLS {
		switch {
		case len(args) > 0:
			return g.say([]byte(tag+" BAD STARTTLS takes no argument\r\n"), "")
		case logged: // RFC 9051 section 6.2.1: only in the not authenticated state
			return g.say([]byte(tag+" BAD STARTTLS isn't possible after login\r\n"), "")
		}
		return g.upgrade(d.c, tag+" OK Begin TLS negotiation now\r\n")
	}
	return d.pass(line, true)
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
	shown := line
	if d.secret {
		shown = transcript.MaskedLine()
		if _, _, ok := literalSize(line); ok {
			shown = line[bytes.LastIndexByte(line, '{'):]
		}
	}
	d.g.rec.Said(transcript.FromClient, transcript.Data, shown, "")
	d.mode = imapCommand
	if body := bytes.TrimRight(line, "\r\n"); d.brought && len(body) > 0 && string(body) != ")" {
		// The engine would take what is behind the message, and never answer.
		return d.abort("BAD One message at a time: there is no MULTIAPPEND here", line, "\r\n")
	} else if bytes.ContainsAny(body, "\r\x00") {
		return d.abort("BAD A command line can't have CR or NUL in it", line, " (\r\n")
	}
	return d.pass(line, false)
}

// pass gives a line to the engine and prepares for the literal it may announce.
func (d *imap) pass(line []byte, first bool) error {
	size, sync, ok := literalSize(line)
	if ok {
		limit, what := int64(imapLiteral), "NO [TOOBIG] Literals of this command are limited to 4096 bytes"
		if d.message {
			limit, what = d.g.cfg.MaxMessageBytes, "NO [TOOBIG] The message is larger than this server accepts"
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
