package fault

import (
	"errors"
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
)

// This file ends connections by the clock: after some silence (IdleTimeout), or when they are old (Life).

// Expiry says when a connection ends if the client says nothing until then, and how.
type Expiry struct {
	In   time.Duration // from now; 0 or less: at once
	Text string        // the last reply; "": none
	Bye  bool          // the protocol's own farewell, if Text is ""
	End  End           // after it
	By   string
	rule *rule
}

// Ending is how a connection ends by the clock.
type Ending struct {
	After time.Duration `yaml:"after" doc:"after how long, like 30s; at most an hour"`
	Then  End           `yaml:"then" doc:"bye (the protocol's farewell, then FIN; the default), close (without a word), reset, silence or vanish (nothing comes through any more, in either direction)" enum:"bye,close,reset,silence,vanish"`
	Texts `smtp:"the last reply, in place of 421 …" imap:"the last words, in place of BYE …" pop3:"the last words"`
}

// EndBye is a farewell and FIN, where nothing else is said about it.
const EndBye End = "bye"

// UnmarshalText parses a duration like 30s.
func (f *Ending) UnmarshalText(b []byte) (err error) {
	f.After, err = parseDelay(b)
	return err
}

// ValidateFor checks the time and the texts.
func (f *Ending) ValidateFor(among Protocols) error {
	switch {
	case f.After <= 0 || f.After > maxDelay:
		return errors.New("after: give a time of at most an hour, like 30s")
	case len(f.Texts.Protocols()) > 0 && f.Then != EndNone && f.Then != EndBye:
		return fmt.Errorf("then: %s says nothing; leave out the texts, or then", f.Then)
	}
	return checkTexts(f.Texts, among, checkReply)
}

// expiry returns the end that is due when the rest of the time is over.
func (f *Ending) expiry(left time.Duration, protocol string) Expiry {
	x := Expiry{In: left, End: f.Then}
	if f.Then == EndNone || f.Then == EndBye {
		x.Text, x.Bye, x.End = f.For(protocol), true, EndClose
	}
	return x
}

// explain says how the connection ends.
func (f *Ending) explain() string {
	if f.Then == EndNone || f.Then == EndBye {
		return "the server says goodbye and closes the connection"
	}
	return "the connection is " + f.Then.words()
}

// ActsIn implements Spoken, in place of that of Texts: there is a farewell without a text.
func (f *Ending) ActsIn(*protocol.Protocol) bool { return true }

// Vanishes implements Vanisher.
func (f *Ending) Vanishes() bool { return f.Then == EndVanish }

// Waits implements Waiter.
func (f *Ending) Waits() time.Duration { return f.Then.waits() }

// IdleTimeout ends a connection on which the client says nothing for a while, as servers do (RFC 9051 section 5.4), and
// as a router does that forgets idle connections.
type IdleTimeout struct{ Ending }

// Kind implements Fault.
func (*IdleTimeout) Kind() Kind {
	return Kind{
		Name:    "idle-timeout",
		Doc:     "The server ends a connection on which the client says nothing for this long, also during IDLE.",
		Example: "30s",
		New:     func() Fault { return new(IdleTimeout) },
		ForUser: Always,
	}
}

// Expires implements ExpiryStage.
func (f *IdleTimeout) Expires(_ time.Duration, protocol string) Expiry {
	return f.expiry(f.After, protocol)
}

// CheckRule refuses counters.
func (f *IdleTimeout) CheckRule(r *Rule) error { return r.uncounted() }

// Explain says when and how the connection ends.
func (f *IdleTimeout) Explain() string {
	return fmt.Sprintf("when the client has said nothing for %v, %s", f.After, f.explain())
}

// Life ends a connection when it is this old.
type Life struct{ Ending }

// Kind implements Fault.
func (*Life) Kind() Kind {
	return Kind{
		Name:    "life",
		Doc:     "The server ends a connection when it is this old, whatever the client does.",
		Example: "10m",
		New:     func() Fault { return new(Life) },
		ForUser: Always,
	}
}

// Expires implements ExpiryStage.
func (f *Life) Expires(age time.Duration, protocol string) Expiry {
	return f.expiry(f.After-age, protocol)
}

// CheckRule refuses counters.
func (f *Life) CheckRule(r *Rule) error { return r.uncounted() }

// Explain says when and how the connection ends.
func (f *Life) Explain() string {
	return fmt.Sprintf("when the connection is %v old, %s", f.After, f.explain())
}

// Expires reports whether any rule ends connections by the clock. If so, the gate must ask Expiry before it waits for the
// client.
func (c *Conn) Expires() bool { return c != nil && c.expires }

// Expiry returns the next end by the clock, as things are now. ok is false if there is none. It may come before any rule
// acts: then ask again.
func (c *Conn) Expiry() (x Expiry, ok bool) {
	soonest := func(mine Expiry, r *rule) {
		if !ok || mine.In < x.In {
			mine.By, mine.rule = r.Scenario, r
			x, ok = mine, true
		}
	}
	age := c.age()
	standing(c, func(r *rule, s ExpiryStage) bool {
		soonest(s.Expires(age, c.Protocol), r)
		return false
	})
	if has[IdleStage](c) && c.Event.Command == "IDLE" {
		idle := c.idle()
		for k := range idle.rules {
			if idle.over {
				break
			}
			r := &idle.rules[k]
			left := r.from - time.Since(idle.began)
			if r.then == Mute || r.to > 0 && r.from >= r.to {
				continue
			}
			f := Ending{After: r.from, Then: End(r.then)}
			soonest(f.expiry(left, c.Protocol), r.rule)
		}
	}
	return x, ok
}

// Expired says that an Expiry has come true.
func (c *Conn) Expired(x Expiry) { c.acts(x.rule) }

// Vanisher reports whether a fault lets the link die without a sign, which not every operating system can do.
type Vanisher interface{ Vanishes() bool }

// Vanishes reports whether the rule's fault lets the link die.
func (r *Rule) Vanishes() bool {
	v, ok := r.Fault.(Vanisher)
	return ok && v.Vanishes()
}
