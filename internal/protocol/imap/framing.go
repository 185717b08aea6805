package imap

import (
	"bytes"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Limits on what the client sends.
const (
	maxShort    = 4096 // bytes of a line of AUTHENTICATE or IDLE: the engine's buffer size
	maxLiteral  = 4096 // bytes of a literal outside APPEND: what the engine buffers (RFC 7888 section 5)
	maxBadLines = 20   // in a row; after that the connection ends
)

// framing is IMAP's framing. This file handles the client's lines, command.go the commands, literal.go their literals,
// and engine.go what the engine says.
type framing struct {
	p protocol.Port

	// Used by the reading side only.
	mode      mode
	literal   int64 // bytes left of the client's literal
	size      int64 // bytes in the command's lines so far
	secret    bool  // the command may be a login, or isn't known: none of its literals may be kept
	upload    bool  // the command is an APPEND
	message   bool  // the next literal is the message, not the mailbox name
	inUpload  bool  // the literal being read is the message
	closing   bool  // a parenthesis follows the literal (RFC 6855 section 4)
	searching bool  // the command is a SEARCH
	badLines  int
	owed      int  // arguments of a search key that are literals to come
	utf8      bool // mailbox names are UTF-8: the client has enabled UTF8=ACCEPT
	// An AUTHENTICATE or a LOGIN has failed: lines of its exchange, or what should have been its literals, may still
	// follow.
	afterAuth, afterLogin bool

	// Guarded by the port's lock.
	tag      string
	verb     string
	awaited  int64  // size of a literal that waits for the engine's "+"; -1 if there is none
	next     mode   // what the client's next bytes are after a continuation request
	done     bool   // the engine has sent the tagged reply
	long     bool   // a line of AUTHENTICATE's exchange was too long, and the engine was told that the client cancels
	told     bool   // the command has had its tagged reply; the engine's isn't shown
	logged   bool   // a login has succeeded
	wanted   string // the mailbox that a SELECT or EXAMINE names
	selected string // the open mailbox, as far as rules need to know
	served   int64  // bytes left of the engine's literal
	behind   bool   // the engine's next line continues after a literal
	// saveAlone says that the command is a SEARCH which asks for RETURN (SAVE) and nothing else. The engine shows what it
	// found nevertheless (RFC 5182 section 2.1).
	saveAlone bool
}

// mode says what the client's next bytes are.
type mode int

const (
	command  mode = iota
	literal       // part of a literal
	rest          // the command continues after a literal
	exchange      // a line of AUTHENTICATE's exchange
	idling        // the line that ends IDLE
)

func newFraming(p protocol.Port) protocol.Framing { return &framing{p: p, awaited: -1} }

func (f *framing) Read(b []byte) (int, error) {
	f.p.Lock()
	next, size, done := f.next, f.awaited, f.done
	f.next = command
	f.p.Unlock()
	switch {
	case f.mode == literal && done:
		// The engine has answered without reading the literal. It would now take the literal's bytes for commands.
		return 0, f.abandon(f.literal)
	case f.mode == literal && f.literal > 0:
		return f.readLiteral(b)
	case f.mode == literal:
		f.mode = rest
	}
	if f.mode == rest && done {
		f.mode = command
		if size < 0 {
			return 0, f.abandon(0)
		}
		// A synchronizing literal was refused, so the client sends no more of it.
		f.await(-1)
	}
	if next == literal && size >= 0 {
		f.await(-1)
		f.begin(size)
		return 0, nil
	}
	line, long, err := f.p.Line(Protocol.MaxLine, next == exchange || f.mode == rest && f.secret)
	if err != nil {
		return 0, err
	}
	return 0, f.line(next, line, long)
}

// line handles a line from the client.
func (f *framing) line(next mode, line []byte, long bool) error {
	// Here the engine reads at most one buffer of a line, and would take the rest for the next command.
	short := !long && len(line) <= maxShort
	switch {
	case next == exchange:
		line, settled := f.p.Answer(line)
		if !short && !settled {
			f.p.Notice(event.LineTooLong)
			f.p.Lock()
			f.long = true
			f.p.Unlock()
			line = []byte("*\r\n") // cancels the exchange; RFC 9051 section 6.2.2
		}
		f.p.Pass(line)
		return nil
	case next == idling:
		if !short {
			line = []byte("\r\n")
		}
		f.endIdle(line)
		f.p.Pass(line)
		return nil
	case long && f.mode == rest:
		f.mode = command
		return f.abort("BAD Command line too long", line, " (\r\n")
	case long:
		f.p.Notice(event.LineTooLong)
		f.secret = true // nobody knows whose literal it is
		return f.refuse(f.tagOf(line)+" BAD Command line too long\r\n", line)
	case f.mode == rest:
		return f.rest(line)
	}
	return f.command(line)
}

// endIdle records the line that ends IDLE, which should be DONE (RFC 2177 section 3).
func (f *framing) endIdle(line []byte) {
	if strings.EqualFold(string(bytes.TrimRight(line, "\r\n")), "DONE") {
		f.p.Finish(line)
		return
	}
	f.p.Record(line, protocol.ShowMasked, false)
}

// await sets the size of the literal for which the client awaits a go-ahead. -1 means none.
func (f *framing) await(size int64) {
	f.p.Lock()
	f.awaited = size
	f.p.Unlock()
}

// refuse answers a line that the engine must not see, and reads what belongs to that line.
func (f *framing) refuse(reply string, line []byte) error {
	if f.badLines++; f.badLines > maxBadLines {
		return f.p.Close([]byte("* BYE Too many invalid commands\r\n"))
	}
	f.mode = command
	line = bytes.Clone(line)
	if err := f.p.Say([]byte(reply), ""); err != nil {
		return err
	}
	return f.answered(line)
}

// answered keeps gate and client in step after a command that the engine hasn't seen.
func (f *framing) answered(line []byte) error {
	if size, sync, ok := literalSize(line); ok && !sync {
		return f.abandon(size)
	}
	return nil
}

// rest handles the line that follows a literal.
func (f *framing) rest(line []byte) error {
	f.restSeen(line)
	f.mode = command
	f.size += int64(len(line))
	switch {
	case f.size > int64(Protocol.MaxLine):
		return f.abort("BAD Command too long", line, " (\r\n")
	case strange(line):
		return f.abort("BAD A command line can't have CR or NUL in it", line, " (\r\n")
	case openQuote(line):
		return f.abort("BAD A quoted string isn't closed", line, " (\r\n")
	}
	if f.searching {
		line = f.search(line, len(protocol.TrimEnd(line)))
	}
	return f.pass(line, false)
}

// restSeen records a later line of a command. Of a login it records only that a literal is announced.
func (f *framing) restSeen(line []byte) { f.p.Rest(line, f.secret) }

// pass gives a line to the engine and prepares for a literal that the line may announce.
func (f *framing) pass(line []byte, first bool) error {
	size, sync, ok := literalSize(line)
	if ok {
		f.closing = bytes.HasSuffix(line[:bytes.LastIndexByte(line, '{')], []byte("(~"))
		if f.message && size == 0 {
			return f.emptyMessage(line, sync)
		}
		limit, what := int64(maxLiteral), "NO [TOOBIG] Literals of this command are limited to 4096 bytes"
		if f.message {
			limit, what = f.p.MaxBytes(), "NO [TOOBIG] The message is larger than this server accepts"
		}
		if size > limit {
			var by string
			if f.message {
				by = f.p.TooLarge()
			}
			if first {
				if err := f.p.Say((&replies{}).Write(f.tag, what), by); err != nil {
					return err
				}
				return f.answered(line)
			}
			return f.abort(what, line, " (\r\n")
		}
		if sync {
			f.await(size)
			f.mode = rest
		} else {
			f.begin(size)
		}
	}
	f.p.Pass(line)
	return nil
}

// tagOf returns the tag of a line that is too long. What follows a failed login may be a secret, unless it is a command.
func (f *framing) tagOf(line []byte) string {
	tag, after := protocol.CutWord(line)
	verb, _ := protocol.CutWord(after)
	f.p.Lock()
	secret := (f.afterAuth || f.afterLogin) && !f.logged
	f.p.Unlock()
	if len(after) == 0 || !isTag(string(tag)) || secret && !f.p.Knows(words.Verb(verb)) {
		return "*"
	}
	return string(tag)
}

// abort ends a command of which the engine has seen a part. The client gets the reply at once: what belongs to the
// command may be too much to read. The engine gets end in place of the rest, and nobody hears what it says to that.
func (f *framing) abort(reply string, line []byte, end string) error {
	line = bytes.Clone(line)
	f.p.Lock()
	err := f.tagged((&replies{}).Write(f.tag, reply))
	f.told = true
	f.p.Unlock()
	if err != nil {
		return err
	}
	if err := f.answered(line); err != nil {
		return err
	}
	f.p.Pass([]byte(end))
	return nil
}

// abandon reads what is left of a command that has already been answered: n bytes of its literal, then the lines and
// literals that follow.
func (f *framing) abandon(n int64) error {
	f.mode = command
	for {
		if err := f.p.Swallow(n, f.secret); err != nil {
			return err
		}
		line, long, err := f.p.Line(Protocol.MaxLine, f.secret)
		if err != nil {
			return err
		}
		size, sync, ok := literalSize(line)
		if !long {
			f.restSeen(line)
		}
		if !ok || sync {
			return nil
		}
		n = size
	}
}

func (f *framing) LoggedIn() { f.logged = true }
