package fault

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Idle changes what IMAP's IDLE does: from its beginning, or when it has lasted for a while.
type Idle struct {
	For  time.Duration `yaml:"for" doc:"how long the IDLE is as usual before, like 15m; at most an hour; 0 by default"`
	Then string        `yaml:"then" doc:"mute (nothing is reported any more, until the next command; the default), bye (the server says BYE and closes), close, reset, silence or vanish" enum:"mute,bye,close,reset,silence,vanish"`
}

// Mute is the mode of an IDLE that reports nothing.
const Mute = "mute"

// Kind implements Fault.
func (*Idle) Kind() Kind {
	return Kind{
		Name:    "idle",
		Doc:     "The server accepts IDLE but reports nothing, from its beginning or after a while; or it ends the connection then.",
		Example: "mute",
		New:     func() Fault { return new(Idle) },
		ForUser: Always,
	}
}

// IdleModes lists the words that may stand alone.
var IdleModes = []string{Mute}

// UnmarshalText reads a mode.
func (f *Idle) UnmarshalText(b []byte) error {
	if !slices.Contains(IdleModes, string(b)) {
		return &ValueError{Value: string(b), Known: IdleModes}
	}
	f.Then = string(b)
	return nil
}

// Validate fills in the default and checks the time.
func (f *Idle) Validate() error {
	if f.Then == "" {
		f.Then = Mute
	}
	if f.For < 0 || f.For > maxDelay {
		return errors.New("for: give a time of at most an hour, like 15m")
	}
	return nil
}

// Idle implements IdleStage.
func (f *Idle) Idle() (after time.Duration, then string) { return f.For, f.Then }

// CheckRule refuses any other command.
func (f *Idle) CheckRule(r *Rule) error {
	if slices.ContainsFunc(r.Match.Command, func(c string) bool { return c != "" && !SameCommand(c, "IDLE") }) {
		return errors.New("idle: acts on IDLE; leave out command")
	}
	return nil
}

// ActsIn implements Spoken. IDLE is an IMAP command (RFC 2177).
func (f *Idle) ActsIn(p *protocol.Protocol) bool { return p.Name == "imap" }

// Waits implements Waiter.
func (f *Idle) Waits() time.Duration {
	if f.For == 0 {
		return 0
	}
	return f.For
}

// Vanishes implements Vanisher.
func (f *Idle) Vanishes() bool { return f.Then == string(EndVanish) }

// Explain says what IDLE does.
func (f *Idle) Explain() string {
	when := ""
	if f.For > 0 {
		when = fmt.Sprintf("IDLE is as usual for %v; then ", f.For)
	}
	switch f.Then {
	case Mute, "":
		if f.For > 0 {
			return when + "the server reports nothing until the client begins again"
		}
		return "the server accepts IDLE but reports nothing; what has changed comes with the next command"
	case "bye":
		return when + "the server says BYE and closes"
	}
	return when + "the connection is " + End(f.Then).words()
}

// idling is what a connection knows about its present IDLE.
type idling struct {
	command int // its number
	began   time.Time
	rules   []idleRule
	over    bool // the client has ended it
}

// idleRule is a rule that acts on the present IDLE, from one time to another since it began. to is 0 if it has no end.
type idleRule struct {
	*rule
	from, to time.Duration
	then     string
	acted    bool
}

// idle returns what rules do to the present IDLE. Each rule that fits is counted once for each IDLE.
func (c *Conn) idle() *idling {
	kept := c.keep()
	if i := kept.idle; i != nil && i.command == c.commands {
		return i
	}
	i := &idling{command: c.commands, began: time.Now()}
	for _, r := range c.rules {
		s, ok := r.Fault.(IdleStage)
		if !ok || !r.Match.matches(&c.Event) {
			continue
		}
		from, to, ever := r.idleTime(c)
		if !ever || !r.take(c) {
			continue
		}
		after, then := s.Idle()
		i.rules = append(i.rules, idleRule{rule: r, from: from + after, to: to, then: then})
	}
	kept.idle = i
	return i
}

// idleTime returns from when until when a rule acts, since the IDLE began. Without per, its times are of the IDLE. With
// per: connection they are of the connection. ever is false if it doesn't act on this IDLE.
func (r *rule) idleTime(c *Conn) (from, to time.Duration, ever bool) {
	own := func(m *Moment, which string) (at time.Duration, given, failed bool) {
		switch {
		case m.never():
			return 0, false, false
		case m.Time > 0 && r.Per == PerScenario:
			return m.Time, true, false
		case m.Time > 0 && r.Per == PerConnection:
			return max(0, m.Time-c.age()), true, false
		}
		passed, err := r.passed(c, m, which)
		if !passed {
			at = Forever
		}
		return at, true, err != nil
	}
	from, _, failed := own(&r.After, begins)
	if failed || from == Forever {
		return 0, 0, false
	}
	to, given, failed := own(&r.Until, ends)
	if failed || given && to == 0 {
		return 0, 0, false
	}
	if to == Forever {
		to = 0
	}
	return from, to, true
}

// IdleOver says that the client has ended its IDLE, if there was one.
func (c *Conn) IdleOver() {
	if c != nil && c.kept != nil && c.kept.idle != nil {
		c.kept.idle.over = true
	}
}

// now returns the first rule that acts now, and how long nothing changes; 0 means for ever.
func (i *idling) now() (acts *idleRule, next time.Duration) {
	age := time.Since(i.began)
	for k := range i.rules {
		r := &i.rules[k]
		for _, at := range []time.Duration{r.from, r.to} {
			if at > age && (next == 0 || at-age < next) {
				next = at - age
			}
		}
		if acts == nil && age >= r.from && (r.to == 0 || age < r.to) {
			acts = r
		}
	}
	return acts, next
}

// Mute reports whether the present IDLE stays silent now, and returns the scenario that says so when it begins to. It
// must be asked again after next; 0 means that nothing will change.
func (c *Conn) Mute() (mute bool, by string, next time.Duration) {
	if !has[IdleStage](c) {
		return false, "", 0
	}
	r, next := c.idle().now()
	if r == nil || r.then != Mute {
		return false, "", next
	}
	if !r.acted {
		r.acted = true
		by = c.acts(r.rule)
	}
	return true, by, next
}
