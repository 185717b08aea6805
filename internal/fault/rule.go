package fault

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
)

// Rule is one fault with its conditions.
type Rule struct {
	Scenario string // the scenario's name, which marks what the rule injects
	Match    Match
	Skip     int // leaves the first Skip matches alone
	Times    int // then acts this many times; 0 means for ever
	Per      Per
	After    Moment // begins to act then; the zero Moment: at once
	Until    Moment // acts no more from then on; the zero Moment: never
	Chance   Chance // how probable it is that it acts on a match; 0: always
	Fault    Fault
}

// Kind returns the name of the fault's kind.
func (r *Rule) Kind() string {
	if r.Fault == nil {
		return ""
	}
	return r.Fault.Kind().Name
}

// Touches reports whether the rule can act on a connection to this door.
func (r *Rule) Touches(door int, protocol string) bool { return r.Match.door(door, protocol) }

// beforeLogin lists the commands of a client that nobody knows yet.
var beforeLogin = []string{"EHLO", "HELO", "LHLO", "STARTTLS", "STLS", "AUTH", "LOGIN", "AUTHENTICATE", "USER", "APOP"}

// ForUser reports whether the rule can act for one user alone.
func (r *Rule) ForUser() bool {
	early := func(c string) bool {
		return slices.ContainsFunc(beforeLogin, func(b string) bool { return SameCommand(b, c) })
	}
	switch r.Fault.Kind().ForUser {
	case Never:
		return false
	case ByCommand:
		if len(r.Match.Command) > 0 && !slices.ContainsFunc(r.Match.Command, func(c string) bool { return !early(c) }) {
			return false
		}
	}
	return len(r.Match.User) == 0 || slices.ContainsFunc(r.Match.User, func(u string) bool { return u != "" })
}

// Conditions that several kinds refuse, for their CheckRule.

// early refuses conditions that nobody can know before the client's first command.
func (r *Rule) early() error {
	if r.Match.late() {
		return fmt.Errorf("%s: match only door, protocol, tls, family, client and connection; nothing else is known before the first command", r.Kind())
	}
	return r.notYet()
}

// late reports whether a match needs what only commands reveal.
func (m *Match) late() bool {
	return len(m.Command)+len(m.User)+len(m.Sender)+len(m.Recipient)+len(m.Mechanism)+len(m.Mailbox)+len(m.Arguments)+len(m.Message)+len(m.UID) > 0
}

// beforeHello refuses conditions on the name in the TLS handshake.
func (r *Rule) beforeHello() error {
	if len(r.Match.ServerName) > 0 {
		return fmt.Errorf("%s: acts before the client has asked for a name; leave out server-name", r.Kind())
	}
	return nil
}

// beforeTLS is early for kinds that act before TLS is up.
func (r *Rule) beforeTLS() error {
	if r.Match.TLS != nil {
		return fmt.Errorf("%s: acts before TLS is up; match doors instead of tls", r.Kind())
	}
	return r.early()
}

// uncounted refuses counters. A server that has something only now and then would be two servers.
func (r *Rule) uncounted() error {
	if r.Skip > 0 || r.Times > 0 || r.Per != PerScenario && !r.timed() {
		return fmt.Errorf("%s: applies to whole connections; leave out skip, times and per", r.Kind())
	}
	return nil
}

// atLogin is for kinds that change an account at a login.
func (r *Rule) atLogin() error {
	m := r.Match
	if len(m.Command)+len(m.Sender)+len(m.Recipient)+len(m.Mailbox) > 0 {
		return fmt.Errorf("%s: acts at login; leave out command, sender, recipient and mailbox", r.Kind())
	}
	return r.uncounted()
}

// rule is a Rule in a plan.
type rule struct {
	Rule
	place    int           // index in its scenario, from 0
	id       string        // key of its counters
	came     string        // key of the counter of connections, for match.connection
	counters Counters      // the plan's
	seed     uint64        // the plan's, for Chance
	doing    chan struct{} // capacity 1; see Once
	acted    atomic.Bool   // it has acted; see Plan.Idle
}

func newRule(r Rule, place int, o options) *rule {
	r.Match.arguments, _ = patterns(r.Match.Arguments) // Validate has compiled them before
	id := r.Scenario + "/" + strconv.Itoa(place)
	return &rule{Rule: r, place: place, id: id, came: id + "/connections", counters: o.counters, seed: o.seed, doing: make(chan struct{}, 1)}
}

// touches reports whether the rule can act on a connection that was just accepted. It counts the connection for
// match.connection.
func (r *rule) touches(ctx func() context.Context, e *Event) bool {
	if !r.Match.door(e.Door, e.Protocol) || !r.Match.family(e.Client.Is6()) {
		return false
	}
	if len(r.Match.Connection) == 0 {
		return true
	}
	if !r.Match.client(e.Client) {
		return false
	}
	n, err := r.counters.Add(ctx(), Key{Rule: r.came})
	return err == nil && slices.Contains(r.Match.Connection, n)
}

// take counts a match and reports whether the rule acts on it. A match that chance passes over isn't counted.
// Connections that ask at the same time get different numbers, so "times: 1" acts exactly once.
func (r *rule) take(c *Conn) bool {
	if !r.lucky(c) {
		return false
	}
	if r.Skip == 0 && r.Times == 0 {
		return true
	}
	counters, key := r.at(c, r.Per)
	n, err := counters.Add(c.ctx(), key)
	return err == nil && n > r.Skip && (r.Times == 0 || n <= r.Skip+r.Times)
}
