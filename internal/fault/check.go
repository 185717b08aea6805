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

// checkHandshake is checkEarly for what is decided before TLS is up.
func checkHandshake(kind string, r *Rule) error {
	if r.Match.TLS != nil {
		return fmt.Errorf("%s: is decided before TLS is up; match doors instead of tls", kind)
	}
	return checkEarly(kind, r)
}

// CheckRule refuses conditions that can't be known yet.
func (f *Security) CheckRule(r *Rule) error { return checkHandshake("security", r) }

// CheckRule refuses conditions that can't be known yet.
func (f *Certificate) CheckRule(r *Rule) error { return checkHandshake("certificate", r) }

// CheckRule refuses conditions that can't be known yet.
func (f *DelayGreeting) CheckRule(r *Rule) error { return checkEarly("delay-greeting", r) }

// CheckRule refuses conditions that can't be known yet.
func (f *Greeting) CheckRule(r *Rule) error { return checkEarly("greeting", r) }

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

// CheckRule wants to know which command is answered.
func (f *Reply) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("reply: say which command it answers, like match: {command: RCPT}")
	}
	if strings.HasPrefix(f.SMTP, "354") && slices.ContainsFunc(r.Match.Command, func(c string) bool { return SameCommand(c, "DATA") }) {
		return errors.New("reply: 354 to DATA would have the client send a message that nobody reads; leave it to the server")
	}
	return nil
}
