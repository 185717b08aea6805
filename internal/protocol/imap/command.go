package imap

import (
	"bytes"

	"github.com/mailrig/mailrig/internal/protocol"
)

// command handles the first line of a command.
func (f *framing) command(line []byte) error {
	first, after := protocol.CutWord(line)
	word, _ := protocol.CutWord(after)
	tag, verb := string(first), words.Verb(word)
	known := f.p.Knows(verb) || verb == "UID"
	login := mentionsLogin(line)
	f.secret = login || !known || verb == "ID" && private.Match(line)
	f.upload, f.size = false, int64(len(line))
	f.searching, f.owed = false, 0
	f.p.GiveUpUpload()
	f.p.Lock()
	f.tag, f.verb, f.done, f.awaited, f.told, f.saveAlone = tag, "", false, -1, false, false
	logged := f.logged
	f.p.Unlock()
	show := protocol.ShowMasked
	switch {
	case f.afterAuth && !known && !logged: // its tag may be a secret
		f.p.Record(line, protocol.ShowNothing, false)
		return f.refuse("* BAD Unknown command\r\n", line)
	case f.afterLogin && !known && !logged:
		show = protocol.ShowNothing
	case known && !login:
		show = protocol.ShowAll
	}
	_, _, followed := literalSize(line)
	line = f.p.Record(line, show, followed || verb == "STARTTLS" || verb == "IDLE" || verb == "AUTHENTICATE")
	f.afterAuth, f.afterLogin = verb == "AUTHENTICATE", login && verb != "AUTHENTICATE" || f.afterLogin && !known
	if wrong := malformed(line, tag, verb); wrong != "" {
		return f.refuse(wrong, line)
	}
	_, after = protocol.CutWord(line)
	_, args := protocol.CutWord(after)
	if verb == "UID" {
		sub, subArgs := protocol.CutWord(args)
		if len(sub) == 0 || !isAtom(string(sub)) || after[len("UID")+1] == ' ' {
			return f.refuse(tag+" BAD UID needs a command behind it, like: a1 UID FETCH 1 FLAGS\r\n", line)
		}
		verb, args = "UID "+words.Verb(sub), subArgs
	}
	f.p.Lock()
	f.verb = verb
	f.p.Unlock()
	f.upload = verb == "APPEND"
	f.message, f.inUpload = f.upload && !bytes.HasPrefix(args, []byte("{")), false
	if handled, err := f.ask(tag, verb, args); handled {
		if err != nil {
			return err
		}
		return f.answered(line)
	}
	return f.perform(tag, verb, line, args, logged)
}

// malformed returns the reply to a line that engine and gate would understand differently, or "". A bare CR or a NUL
// ends the line for the engine but not for the gate. A quoted string left open does the opposite.
func malformed(line []byte, tag, verb string) string {
	switch {
	case strange(line):
		return "* BAD A command line can't have CR or NUL in it\r\n"
	case !isTag(tag):
		return "* BAD A command begins with a tag, like: a1 NOOP\r\n"
	case verb == "" || !isAtom(verb) || line[len(tag)+1] == ' ':
		return tag + " BAD A command has one space and a name behind its tag, like: a1 NOOP\r\n"
	case openQuote(line):
		return tag + " BAD A quoted string isn't closed\r\n"
	}
	return ""
}

// ask asks the scenario about a command.
func (f *framing) ask(tag, verb string, args []byte) (handled bool, err error) {
	about := protocol.About{Tag: tag, Verb: verb}
	if f.p.Active() {
		f.p.Lock()
		about.Mailboxes = mailboxesOf(verb, args, f.selected)
		about.Args, about.Messages, about.UIDs = argumentsOf(verb, args)
		f.wanted = ""
		if (verb == "SELECT" || verb == "EXAMINE") && len(about.Mailboxes) > 0 {
			f.wanted = about.Mailboxes[0]
		}
		f.p.Unlock()
	}
	return f.p.Ask(about)
}

// argumentsOf returns a command's arguments, and the messages that it names: by number, or by UID.
func argumentsOf(verb string, args []byte) (all, numbers, uids string) {
	args = protocol.TrimEnd(args)
	set, _ := protocol.CutWord(args)
	switch verb {
	case "FETCH", "STORE", "COPY", "MOVE":
		return string(args), string(set), ""
	case "UID FETCH", "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE":
		return string(args), "", string(set)
	}
	return string(args), "", ""
}

// perform handles a command that no scenario has answered: here, beside the engine, or in the engine.
func (f *framing) perform(tag, verb string, line, args []byte, logged bool) error {
	switch {
	case f.p.Beside(verb):
		f.badLines = 0
		return f.beside(tag, verb, line, args)
	case !f.p.Knows(verb): // before login the engine would close the connection for this
		return f.refuse(tag+" BAD Unknown command\r\n", line)
	}
	f.badLines = 0
	if verb == "STARTTLS" && f.p.Secure() {
		return f.refuse(tag+" BAD TLS is up already\r\n", line) // RFC 9051 section 6.2.1
	}
	if verb == "STARTTLS" && f.p.Offers() {
		switch {
		case len(args) > 0:
			return f.refuse(tag+" BAD STARTTLS takes no argument\r\n", line)
		case logged: // RFC 9051 section 6.2.1: only in the not authenticated state
			return f.refuse(tag+" BAD STARTTLS isn't possible after login\r\n", line)
		}
		return f.p.Upgrade(tag)
	}
	switch {
	case verb == "ENABLE":
		line = f.enable(tag, line, args)
	case verb == "UNAUTHENTICATE":
		f.utf8 = false // RFC 8437 section 2.1
	case verb == "SEARCH" || verb == "UID SEARCH":
		return f.beginSearch(line, args)
	case f.utf8 && namesMailboxes(verb):
		line = withUTF7(line, len(args))
	}
	return f.pass(line, true)
}

// beside lets a handler beside the engine answer a command, including its literals.
func (f *framing) beside(tag, verb string, line, args []byte) error {
	from := len(bytes.TrimRight(line, "\r\n")) - len(args)
	whole, ok, err := f.gather(line)
	if err != nil || !ok {
		return err
	}
	return f.p.RunBeside(protocol.Line{Tag: tag, Verb: verb, Args: string(protocol.TrimEnd(whole[from:]))})
}

// gather reads the literals and lines that belong to a command. ok is false if the command was refused; by then
// everything that belongs to it has been read.
func (f *framing) gather(line []byte) (whole []byte, ok bool, err error) {
	whole = bytes.Clone(line)
	for {
		size, sync, more := literalSize(line)
		if !more {
			return whole, true, nil
		}
		if size > maxLiteral || int64(len(whole))+size > int64(Protocol.MaxLine) {
			return nil, false, f.refuseRest(line, "NO [TOOBIG] Literals of this command are limited to 4096 bytes")
		}
		if sync {
			if err := f.p.Say([]byte("+ Ready for the literal\r\n"), ""); err != nil {
				return nil, false, err
			}
		}
		at := len(whole)
		whole = append(whole, make([]byte, size)...)
		for at < len(whole) {
			n, err := f.p.Upload(whole[at:], int64(len(whole)-at), f.secret)
			if err != nil {
				return nil, false, err
			}
			at += n
		}
		var long bool
		if line, long, err = f.p.Line(Protocol.MaxLine, f.secret); err != nil {
			return nil, false, err
		}
		if !long {
			f.restSeen(line)
		}
		if whole = append(whole, line...); long || len(whole) > Protocol.MaxLine || strange(line) || openQuote(line) {
			return nil, false, f.refuseRest(line, "BAD The command is too long, or isn't well formed behind a literal")
		}
	}
}

// refuseRest answers a command of which a part has been read, and reads the rest.
func (f *framing) refuseRest(line []byte, text string) error {
	line = bytes.Clone(line)
	if err := f.p.Say((&replies{}).Write(f.tag, text), ""); err != nil {
		return err
	}
	return f.answered(line)
}
