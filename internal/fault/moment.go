package fault

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Moment is when a rule begins (after) or stops (until) to act: some time after the connection began, or once a command
// has been answered OK. The zero Moment never comes.
//
// A rule's Per says for what it counts. By default that is the connection. With another Per, a command counts on
// whatever connection it is answered, and the time begins when the rule first meets the client, user or envelope.
type Moment struct {
	Time    time.Duration
	Command []string `yaml:"command" doc:"once one of these commands has been answered OK, like ID or [LOGIN, AUTHENTICATE]"`
}

// UnmarshalText parses a duration like 10s.
func (m *Moment) UnmarshalText(b []byte) (err error) {
	m.Time, err = parseDelay(b)
	return err
}

// Validate requires a command if there is no time.
func (m *Moment) Validate() error {
	if m.never() || slices.Contains(m.Command, "") {
		return errors.New("give a time like 10s, or a command like {command: ID}")
	}
	return nil
}

func (m *Moment) never() bool { return m.Time == 0 && len(m.Command) == 0 }

// timed reports whether the rule acts only for a part of a connection's life.
func (r *Rule) timed() bool { return !r.After.never() || !r.Until.never() }

// Timed says in words of what a time in After and Until counts, if Per names neither clients nor users.
func (r *Rule) Timed() string {
	if _, ok := r.Fault.(IdleStage); ok && r.Per == PerScenario {
		return "the IDLE"
	}
	return "the connection"
}

// Limited reports whether the rule has after, until or chance.
func (r *Rule) Limited() bool { return r.timed() || r.Chance > 0 }

// scope is for what the rule's moments count.
func (r *Rule) scope() Per {
	if r.Per == PerScenario {
		return PerConnection
	}
	return r.Per
}

// awaits reports whether the rule waits for a command to be answered OK.
func (r *Rule) awaits() bool { return len(r.After.Command)+len(r.Until.Command) > 0 }

// open reports whether the rule's time has come and isn't over. If the counters fail, the rule doesn't act.
func (r *rule) open(c *Conn) bool {
	if !r.timed() {
		return true
	}
	begun, err := r.passed(c, &r.After, begins)
	if err != nil || !r.After.never() && !begun {
		return false
	}
	over, err := r.passed(c, &r.Until, ends)
	return err == nil && !over
}

// What the keys of a rule's moments end with.
const (
	begins = "/after"
	ends   = "/until"
)

// passed reports whether a moment of the rule has come.
func (r *rule) passed(c *Conn, m *Moment, which string) (bool, error) {
	counters, key := r.at(c, r.scope())
	key.Rule += which
	switch {
	case m.never():
		return false, nil
	case len(m.Command) > 0:
		n, err := counters.Count(c.ctx(), key)
		return n > 0, err
	case r.scope() == PerConnection:
		return c.age() >= m.Time, nil
	}
	age, _, err := counters.Age(c.ctx(), key)
	return age >= m.Time, err
}

// age is how long ago the connection was accepted.
func (c *Conn) age() time.Duration { return time.Since(c.born) }

// Awaits reports whether a rule waits for a command to be answered OK. If so, the gate must call Answered.
func (c *Conn) Awaits() bool { return c != nil && c.awaiting }

// Answered tells the rules that the command which Event describes has been answered OK.
func (c *Conn) Answered() {
	for _, r := range c.rules {
		if r.After.Is(c.Event.Command) {
			r.comes(c, begins)
		}
		if r.Until.Is(c.Event.Command) {
			r.comes(c, ends)
		}
	}
}

// Is reports whether the OK to this command is the moment.
func (m *Moment) Is(command string) bool {
	return slices.ContainsFunc(m.Command, func(name string) bool { return SameCommand(name, command) })
}

// comes remembers that a moment of the rule has come.
func (r *rule) comes(c *Conn, which string) {
	counters, key := r.at(c, r.scope())
	key.Rule += which
	_, _ = counters.Add(c.ctx(), key) // an error is logged; the moment hasn't come then
}

// notYet refuses moments for kinds that act when nothing has happened on a connection.
func (r *Rule) notYet() error {
	if r.scope() == PerConnection && r.timed() {
		return fmt.Errorf("%s: acts when a connection begins, before any after or until; leave them out, or say for whom they count, like per: client", r.Kind())
	}
	return nil
}
