package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ValueError says that a value isn't among those that can be. Who loads a
// scenario adds which one was perhaps meant.
type ValueError struct {
	Value string
	Known []string
}

func (e *ValueError) Error() string { return fmt.Sprintf("%q isn't one of %v", e.Value, e.Known) }

// checkEarly refuses conditions that nobody can know before the client's first
// command.
func checkEarly(kind string, r *Rule) error {
	m := r.Match
	if m.late() {
		return fmt.Errorf("%s: only door, protocol, tls, family, client and connection can be matched, nothing else is known before the first command", kind)
	}
	return nil
}

// late tells if a match needs what only commands tell.
func (m *Match) late() bool {
	return len(m.Command)+len(m.User)+len(m.Sender)+len(m.Recipient)+len(m.Mechanism)+len(m.Mailbox) > 0
}

// checkReplyRule refuses a rule that could never act, because none of its texts
// is for a protocol that the rule matches.
func checkReplyRule(kind string, r *Rule, smtp, imap, pop3 string) error {
	for _, p := range []struct{ protocol, text string }{{"smtp", smtp}, {"imap", imap}, {"pop3", pop3}} {
		if p.text != "" && (len(r.Match.Protocol) == 0 || slices.Contains(r.Match.Protocol, p.protocol)) {
			return nil
		}
	}
	return fmt.Errorf("%s: it has no text for %s, which is all that the rule matches", kind, strings.Join(r.Match.Protocol, " or "))
}

// CheckRule refuses conditions that can't be known yet.
func (f *Security) CheckRule(r *Rule) error { return checkEarly("security", r) }

// CheckRule refuses conditions that can't be known yet.
func (f *Certificate) CheckRule(r *Rule) error { return checkEarly("certificate", r) }

// CheckRule refuses conditions that can't be known yet.
func (f *DelayGreeting) CheckRule(r *Rule) error { return checkEarly("delay-greeting", r) }

// CheckRule refuses conditions that can't be known yet, and texts for nobody.
func (f *Greeting) CheckRule(r *Rule) error {
	if err := checkEarly("greeting", r); err != nil || f.Raw != "" {
		return err
	}
	return checkReplyRule("greeting", r, f.SMTP, f.IMAP, f.POP3)
}

// CheckRule refuses counters: a server that has a capability only now and then
// would be two servers.
func (f *Hide) CheckRule(r *Rule) error { return checkUncounted("hide", r) }

// CheckRule refuses counters, as Hide does.
func (f *Strip) CheckRule(r *Rule) error { return checkUncounted("strip", r) }

func checkUncounted(kind string, r *Rule) error {
	if r.Skip > 0 || r.Times > 0 || r.Per != PerScenario {
		return fmt.Errorf("%s: holds for whole connections; skip, times and per can't be used with it", kind)
	}
	return nil
}

// CheckRule refuses texts for nobody.
func (f *Login) CheckRule(r *Rule) error {
	return checkReplyRule("login", r, f.SMTP, f.IMAP, f.POP3)
}

// CheckRule wants to know which command is answered, and refuses texts for nobody.
func (f *Reply) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("reply: say which command it answers, like match: {command: RCPT}")
	}
	if f.Raw != "" {
		return nil
	}
	if strings.HasPrefix(f.SMTP, "354") && slices.ContainsFunc(r.Match.Command, func(c string) bool { return SameCommand(c, "DATA") }) {
		return errors.New("reply: 354 to DATA would have the client send a message that nobody reads; leave it to the server")
	}
	return checkReplyRule("reply", r, f.SMTP, f.IMAP, f.POP3)
}
