package fault

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/identity"
)

// Auth chooses the ways to log in that the server advertises, in place of the usual ones.
type Auth []string

// Kind implements Fault.
func (*Auth) Kind() Kind {
	return Kind{
		Name:    "auth",
		Doc:     "The server offers these ways to log in, and no others: SASL mechanisms, and APOP. LOGIN, and USER with PASS, go with PLAIN and LOGIN.",
		Example: "[SCRAM-SHA-256, SCRAM-SHA-1]",
		New:     func() Fault { return new(Auth) },
	}
}

// Validate requires names that mailrig knows.
func (f *Auth) Validate() error {
	known := []string{string(identity.APOPCommand)}
	for _, m := range identity.Mechanisms() {
		known = append(known, m.Name)
	}
	for i, name := range *f {
		if (*f)[i] = strings.ToUpper(name); !slices.Contains(known, (*f)[i]) {
			return &ValueError{Value: name, Known: known}
		}
	}
	return nil
}

// Only implements OnlyStage.
func (f *Auth) Only() []string { return *f }

// CheckRule refuses conditions that nobody can know yet, and counters.
func (f *Auth) CheckRule(r *Rule) error {
	if m := r.Match; len(m.Command)+len(m.User)+len(m.Sender)+len(m.Recipient)+len(m.Mailbox)+len(m.Mechanism) > 0 {
		return errors.New("auth: applies before anybody logs in; leave out command, user, sender, recipient, mailbox and mechanism")
	}
	return r.uncounted()
}

// Explain says what is offered.
func (f *Auth) Explain() string {
	if len(*f) == 0 {
		return "the server offers no way to log in"
	}
	return fmt.Sprintf("the server offers %s to log in, and nothing else", strings.Join(*f, ", "))
}

// OnlyMechanisms lists the ways to log in that a scenario allows in place of the usual ones, and names it. by is "" if none
// does.
func (c *Conn) OnlyMechanisms() (names []string, by string) {
	eachOffer(c, func(s OnlyStage, scenario string) {
		if by == "" {
			names, by = s.Only(), scenario
		}
	})
	return names, by
}
