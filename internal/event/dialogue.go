package event

import "strings"

// This file has the content of the dialogue: what client and server said.

// Command is a command line of the client.
type Command struct {
	Line string // as sent, without the line end: escaped, credentials masked, shortened
	Tag  string // of a protocol that has tags, as sent
	Verb string // upper case, like RCPT or UID FETCH; "" for a line that has none
	Args string // what follows the verb in Line
	// Secret says that the line carried a credential, which Line shows as a mask.
	Secret bool
	// Early says that the command came before the reply to the one before it had been sent.
	Early bool
	Bytes int64 // of the whole line
}

// Answer is a line of a login exchange. Its bytes are never recorded.
type Answer struct {
	Form  AnswerForm
	Bytes int64
}

// AnswerForm says what a line of a login exchange was.
type AnswerForm string

// The forms.
const (
	SecretAnswer AnswerForm = "secret" // a response, which may hold a credential
	CancelAnswer AnswerForm = "cancel" // "*" alone: the client gives up (RFC 4954 section 4)
	EmptyAnswer  AnswerForm = "empty"  // nothing: acknowledges an error (XOAUTH2)
)

// Finish is the line by which a client ends a command that lasts, like DONE for IDLE (RFC 2177 section 3).
type Finish struct {
	Line  string // escaped, shortened
	Bytes int64
}

// Reply is what the server said, lines that follow one another taken together. A reply may come in several
// events, when something else happens in between.
type Reply struct {
	Text     string // the lines, separated by \n: escaped, shortened
	End      string // the last line, where Text was shortened before it; else ""
	Bytes    int64
	Greeting bool // no command has come before
	Verdict
}

// Verdict is what the lines of a reply come to.
type Verdict struct {
	Class    Class
	Code     string // SMTP: the reply code; IMAP: the response code, like UNAVAILABLE; POP3: like SYS/TEMP
	Enhanced string // SMTP's enhanced status code (RFC 3463), like 5.7.1
	// Preauth says that a greeting has logged the client in (IMAP's PREAUTH).
	Preauth bool
}

// Class is the class of a reply.
type Class string

// The classes.
const (
	NoReply   Class = ""          // nothing that decides
	OK        Class = "ok"        // done
	Continue  Class = "continue"  // go on: 354, 334, +
	Temporary Class = "temporary" // not now: 4xx, [UNAVAILABLE], [SYS/TEMP], BYE
	Permanent Class = "permanent" // no: 5xx, NO, BAD, -ERR
	Nonsense  Class = "nonsense"  // nothing that the protocol has there
)

// Lines returns the reply's lines, the last one always among them.
func (r *Reply) Lines() []string {
	lines := strings.Split(r.Text, "\n")
	if r.End != "" {
		lines = append(lines, r.End)
	}
	return lines
}

// Body is a message or a literal: all the bytes of it that follow one another.
type Body struct {
	From  Side
	Head  string // the first bytes, escaped; with its line ends, as \n
	Bytes int64
	// Ended says that the last byte came; a body without it was cut.
	Ended bool
	Lines Lines // of a message that a client sent by SMTP; else zero
}

// Lines says how the lines of a message are formed.
type Lines struct {
	CRLF     int64 // lines that end with CR LF
	BareLF   int64 // ... with LF alone (RFC 5321 section 2.3.8 forbids it)
	BareCR   int64 // CR without LF behind it
	Longest  int64 // bytes of the longest line, without its end (RFC 5322 section 2.1.1: 998 at most)
	EightBit bool  // a byte above 127
	NUL      bool
	// Unstuffed counts lines that begin with a dot that isn't doubled (RFC 5321 section 4.5.2).
	Unstuffed int64
}

// Overheard is what a client said that nobody answers and that belongs to no command: to a silent server, or
// in clear behind STARTTLS.
type Overheard struct {
	Lines []HeardLine
	Bytes int64
}

// HeardLine is an overheard line.
type HeardLine struct {
	Text string // escaped, credentials masked, shortened
	// Verb is its command, upper case. It is "" for a line that looks like no command, which is masked as a
	// whole: it may be a password.
	Verb string
	// Secret says that a credential, or what may be one, is masked in Text.
	Secret bool
}

func (*Command) what() name   { return "command" }
func (*Answer) what() name    { return "answer" }
func (*Finish) what() name    { return "finish" }
func (*Reply) what() name     { return "reply" }
func (*Body) what() name      { return "body" }
func (*Overheard) what() name { return "overheard" }
