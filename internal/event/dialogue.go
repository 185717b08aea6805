package event

import "strings"

// This file defines the content of the dialogue: what client and server said.

// Command is a command line from the client.
type Command struct {
	Line string // as sent, without the line end: escaped, masked, shortened
	Tag  string // as sent; empty in a protocol without tags
	Verb string // upper case, like RCPT or UID FETCH; "" if the line has none
	Args string // the part of Line after the verb
	// Secret says that the line carried a credential. Line shows a mask in its place.
	Secret bool
	// Masked says that Line isn't all of the line: what a command's grammar doesn't allow may be a credential.
	Masked bool
	// Early says that the command came before mailrig had sent the reply to the command before it.
	Early bool
	Bytes int64 // size of the whole line; where a part is masked, of what Line shows
}

// Answer is a line of a login exchange. Neither its bytes nor their number is recorded.
type Answer struct {
	Form  AnswerForm
	Bytes int64 // of what is shown in its place, with a line end
}

// AnswerForm says what kind of line in a login exchange this was.
type AnswerForm string

// The kinds of line in a login exchange.
const (
	SecretAnswer AnswerForm = "secret" // a response, which may hold a credential
	CancelAnswer AnswerForm = "cancel" // "*" alone: the client gives up (RFC 4954 section 4)
	EmptyAnswer  AnswerForm = "empty"  // an empty line: acknowledges an error (XOAUTH2)
)

// Finish is the line with which a client ends a lasting command, like DONE for IDLE (RFC 2177 section 3).
type Finish struct {
	Line  string // escaped, shortened
	Bytes int64
}

// Reply is what the server said. Consecutive lines form one event. A reply spans several events if something else
// happens in between, or if a line comes a second or more after the event began.
type Reply struct {
	Text     string // the lines, separated by \n: escaped, shortened
	End      string // the last line, if Text was cut before it; otherwise ""
	Bytes    int64
	Greeting bool // no command has come before
	Verdict
}

// Verdict says what a reply's lines mean.
type Verdict struct {
	Class    Class
	Code     string // SMTP: the reply code; IMAP: the response code, like UNAVAILABLE; POP3: the response code, like SYS/TEMP
	Enhanced string // SMTP's enhanced status code (RFC 3463), like 5.7.1
	// NotUnderstood says that the server couldn't parse the command, or doesn't know it: SMTP's 500, 501 and 555, IMAP's
	// BAD. POP3 has no sign for it.
	NotUnderstood bool
	// Preauth says that the greeting has logged the client in (IMAP's PREAUTH).
	Preauth bool
}

// Class is the class of a reply.
type Class string

// The classes of replies.
const (
	NoReply   Class = ""          // nothing that decides the command
	OK        Class = "ok"        // done
	Continue  Class = "continue"  // go on: 354, 334, +
	Temporary Class = "temporary" // not now: 4xx, [UNAVAILABLE], [SYS/TEMP], BYE
	Permanent Class = "permanent" // no: 5xx, NO, BAD, -ERR
	Nonsense  Class = "nonsense"  // not a valid reply here
)

// Lines returns the reply's lines. The last line is always among them.
func (r *Reply) Lines() []string {
	lines := strings.Split(r.Text, "\n")
	if r.End != "" {
		lines = append(lines, r.End)
	}
	return lines
}

// Body is a message or a literal: all its consecutive bytes.
type Body struct {
	From  Side
	Head  string // the first bytes, escaped; line ends are \n
	Bytes int64
	// Ended says that the last byte came. A body without it was cut short.
	Ended bool
	Lines Lines // of a message that a client sent by SMTP; otherwise zero
}

// Lines says how the lines of a message are terminated and formed.
type Lines struct {
	CRLF     int64 // lines that end with CR LF
	BareLF   int64 // lines that end with LF alone, which RFC 5321 section 2.3.8 forbids
	BareCR   int64 // CR that no LF follows
	DoubleCR int64 // of these, CR before CR LF: lines that end CR CR LF
	Longest  int64 // bytes in the longest line, without its line end; RFC 5322 section 2.1.1 allows 998
	EightBit bool  // the message contains a byte above 127
	NUL      bool
	// Unstuffed counts lines that begin with a dot that isn't doubled (RFC 5321 section 4.5.2).
	Unstuffed int64
}

// Overheard is what a client said that nobody answers and that belongs to no command. The client said it to a silent
// server, or in clear after STARTTLS.
type Overheard struct {
	Lines []HeardLine
	Bytes int64
}

// HeardLine is one overheard line.
type HeardLine struct {
	Text string // escaped, credentials masked, shortened
	// Verb is the line's command in upper case. It is "" if the line doesn't look like a command; such a line is masked
	// as a whole, because it may be a password.
	Verb string
	// Secret says that Text masks a credential, or what may be one.
	Secret bool
}

func (*Command) what() name   { return "command" }
func (*Answer) what() name    { return "answer" }
func (*Finish) what() name    { return "finish" }
func (*Reply) what() name     { return "reply" }
func (*Body) what() name      { return "body" }
func (*Overheard) what() name { return "overheard" }
