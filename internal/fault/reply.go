package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Reply answers a command in the engine's place. A text for one protocol may stand alone; a fault for several takes a
// map.
type Reply struct {
	Texts `smtp:"an SMTP reply, like 550 5.1.1 User unknown" imap:"an IMAP status, like NO [OVERQUOTA] Quota exceeded" pop3:"a POP3 status, like -ERR [SYS/TEMP] Try again later"`
	Raw   string `yaml:"raw" doc:"instead of these: exactly these bytes, in any protocol, with \\r\\n where a line ends; {tag} is IMAP's tag"`
	Then  End    `yaml:"then" doc:"what happens to the connection after the reply: close, reset, silence or vanish" enum:"close,reset,silence,vanish"`
}

// Kind implements Fault.
func (*Reply) Kind() Kind {
	return Kind{
		Name:    "reply",
		Doc:     "The server answers the command with this reply instead of doing it.",
		Example: `{smtp: "451 4.7.1 Greylisted, please try again in 5 minutes"}`,
		New:     func() Fault { return new(Reply) },
		ForUser: ByCommand,
	}
}

// ReadReply implements ReplyReader.
func (f *Reply) ReadReply(text string, among Protocols) (err error) {
	if f.Texts, err = readReply(text, among); err != nil {
		return err
	}
	return f.ValidateFor(among)
}

// ValidateFor checks the form of each reply.
func (f *Reply) ValidateFor(among Protocols) error {
	if err := f.Then.checkThen(); err != nil {
		return err
	}
	if f.Raw != "" {
		return checkRaw(f.Raw, f.Texts, among)
	}
	return checkReplies(f.Texts, among)
}

// checkThen requires an end that may follow a reply.
func (e End) checkThen() error {
	if !slices.Contains([]End{EndNone, EndClose, EndReset, EndSilence, EndVanish}, e) {
		return fmt.Errorf("then: %q isn't one of [close reset silence vanish]", e)
	}
	return nil
}

// waits returns how long such an end makes a client wait.
func (e End) waits() time.Duration {
	if e == EndSilence || e == EndVanish {
		return Forever
	}
	return 0
}

// Command implements CommandStage.
func (f *Reply) Command(a *Answer, e *Event, _ Counts) bool {
	a.Reply, a.Raw = f.For(e.Protocol), f.Raw
	a.End = f.Then
	return a.Reply+a.Raw != ""
}

// CheckRule requires the command that is answered.
func (f *Reply) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("reply: say which command it answers, like match: {command: RCPT}")
	}
	if strings.HasPrefix(f.For("smtp"), "354") && slices.ContainsFunc(r.Match.Command, func(c string) bool { return SameCommand(c, "DATA") }) {
		return errors.New("reply: after 354 to DATA the client would send a message that nobody reads; leave 354 to the server")
	}
	return nil
}

// ActsIn implements Spoken. Raw bytes work in all protocols.
func (f *Reply) ActsIn(p *protocol.Protocol) bool { return f.Raw != "" || f.Texts.ActsIn(p) }

// Vanishes implements Vanisher.
func (f *Reply) Vanishes() bool { return f.Then == EndVanish }

// Waits implements Waiter.
func (f *Reply) Waits() time.Duration { return f.Then.waits() }
