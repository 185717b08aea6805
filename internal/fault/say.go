package fault

import "errors"

// Say adds lines before the reply to a command.
type Say struct {
	Texts `smtp:"lines as they go over the wire" imap:"lines as they go over the wire, like * OK [ALERT] …; {literal}text{end} is a literal whose bytes mailrig counts" pop3:"lines as they go over the wire"`
}

// Kind implements Fault.
func (*Say) Kind() Kind {
	return Kind{
		Name:    "say",
		Doc:     "The server also sends these lines, before its reply to the command.",
		Example: `{imap: "* OK [ALERT] System shutdown in 10 minutes"}`,
		New:     func() Fault { return new(Say) },
		ForUser: ByCommand,
	}
}

// ValidateFor requires at least one text, whose literals are as long as they say.
func (f *Say) ValidateFor(among Protocols) error {
	if err := some(f.Texts, among, "lines"); err != nil {
		return err
	}
	return checkTexts(f.Texts, among, checkLines)
}

// Says implements SayStage.
func (f *Say) Says(protocol string) string { return f.For(protocol) }

// CheckRule requires the command before whose reply the lines are sent.
func (f *Say) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("say: say at which command, like match: {command: SELECT}")
	}
	return nil
}
