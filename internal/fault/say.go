package fault

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Say adds lines before the reply to a command.
type Say struct {
	SMTP string `yaml:"smtp" doc:"lines as they go over the wire"`
	IMAP string `yaml:"imap" doc:"lines as they go over the wire, like * OK [ALERT] …"`
	POP3 string `yaml:"pop3" doc:"lines as they go over the wire"`
}

// Validate wants at least one.
func (f *Say) Validate() error {
	if f.SMTP == "" && f.IMAP == "" && f.POP3 == "" {
		return errors.New("give lines for at least one of smtp, imap and pop3")
	}
	return nil
}

func (f *Say) command(a *Action, c *Conn, _ *rule) bool {
	text := byProtocol(c.Protocol, f.SMTP, f.IMAP, f.POP3)
	if text == "" {
		return false
	}
	a.Say = []Said{{Text: text}}
	return true
}

// CheckRule wants to know before which reply.
func (f *Say) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("say: say at which command, like match: {command: SELECT}")
	}
	return nil
}

// ReplaceReply lets the engine do the command and gives another answer.
type ReplaceReply struct {
	SMTP string `yaml:"smtp" doc:"an SMTP reply, like 554 5.7.1 Message rejected as spam"`
	IMAP string `yaml:"imap" doc:"an IMAP status, like NO [SERVERBUG] Internal error"`
	POP3 string `yaml:"pop3" doc:"a POP3 status, like -ERR [SYS/TEMP] Try again later"`
	Then End    `yaml:"then" doc:"what happens to the connection after the reply: close, reset or silence" enum:"close,reset,silence"`
}

// UnmarshalText takes a single reply, whose form tells the protocol.
func (f *ReplaceReply) UnmarshalText(b []byte) error {
	var r Reply
	err := r.UnmarshalText(b)
	f.SMTP, f.IMAP, f.POP3 = r.SMTP, r.IMAP, r.POP3
	return err
}

// Validate checks the form of each reply.
func (f *ReplaceReply) Validate() error {
	return (&Reply{SMTP: f.SMTP, IMAP: f.IMAP, POP3: f.POP3, Then: f.Then}).Validate()
}

func (f *ReplaceReply) command(a *Action, c *Conn, _ *rule) bool {
	a.Replace = byProtocol(c.Protocol, f.SMTP, f.IMAP, f.POP3)
	a.End = f.Then
	return a.Replace != ""
}

// CheckRule is as Reply's.
func (f *ReplaceReply) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("replace-reply: say which command it answers, like match: {command: DATA}")
	}
	return nil
}

// EditReply replaces what fits a pattern, line by line, in what the server says to
// a command. Message bodies and literals are never edited.
type EditReply struct {
	Find string `yaml:"find" doc:"a regular expression (RE2)"`
	Put  string `yaml:"put" doc:"what comes in its place; $1 is the first group; may be empty"`

	re *regexp.Regexp
}

// Validate compiles the pattern.
func (f *EditReply) Validate() error {
	if f.Find == "" {
		return errors.New("find: give a regular expression")
	}
	re, err := regexp.Compile(f.Find)
	if err != nil {
		return fmt.Errorf("find: %q isn't a regular expression: %s", f.Find, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	f.re = re
	return nil
}

// fresh compiles the pattern, of which a copied fault has only the text.
func (f *EditReply) fresh() any {
	c := &EditReply{Find: f.Find, Put: f.Put}
	c.re = regexp.MustCompile(f.Find)
	return c
}

func (f *EditReply) edit(line []byte) ([]byte, bool) {
	if !f.re.Match(line) {
		return line, false
	}
	return f.re.ReplaceAll(line, []byte(f.Put)), true
}

// CheckRule wants to know in whose reply.
func (f *EditReply) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("edit-reply: say in the reply to which command, like match: {command: SELECT}")
	}
	return nil
}
