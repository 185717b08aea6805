package fault

import (
	"errors"
	"time"
)

// ReplaceReply lets the engine carry out the command, and sends another reply.
type ReplaceReply struct {
	Texts `smtp:"an SMTP reply, like 554 5.7.1 Message rejected as spam" imap:"an IMAP status, like NO [SERVERBUG] Internal error" pop3:"a POP3 status, like -ERR [SYS/TEMP] Try again later"`
	Then  End `yaml:"then" doc:"what happens to the connection after the reply: close, reset, silence or vanish" enum:"close,reset,silence,vanish"`
}

// Kind implements Fault.
func (*ReplaceReply) Kind() Kind {
	return Kind{
		Name:    "replace-reply",
		Doc:     "The server does what the command asks, and answers with this.",
		Example: `{smtp: "554 5.7.1 Message rejected as spam"}`,
		New:     func() Fault { return new(ReplaceReply) },
		ForUser: ByCommand,
	}
}

// ReadReply implements ReplyReader.
func (f *ReplaceReply) ReadReply(text string, among Protocols) (err error) {
	if f.Texts, err = readReply(text, among); err != nil {
		return err
	}
	return f.ValidateFor(among)
}

// ValidateFor checks the form of each reply.
func (f *ReplaceReply) ValidateFor(among Protocols) error {
	if err := f.Then.checkThen(); err != nil {
		return err
	}
	return checkReplies(f.Texts, among)
}

// Command implements CommandStage.
func (f *ReplaceReply) Command(a *Answer, e *Event, _ Counts) bool {
	a.Replace = f.For(e.Protocol)
	a.End = f.Then
	return a.Replace != ""
}

// Afterwards implements Afterwards.
func (f *ReplaceReply) Afterwards() bool { return true }

// CheckRule requires the command that is answered.
func (f *ReplaceReply) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("replace-reply: say which command it answers, like match: {command: DATA}")
	}
	return nil
}

// Vanishes implements Vanisher.
func (f *ReplaceReply) Vanishes() bool { return f.Then == EndVanish }

// Waits implements Waiter.
func (f *ReplaceReply) Waits() time.Duration { return f.Then.waits() }
