package fault

import (
	"context"
	"log/slog"
	"net/netip"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Plan is a set of rules with their counters. It never changes: another scenario is another Plan.
type Plan struct {
	names []string
	rules []*rule
	seed  uint64
}

// An Option changes how a plan counts.
type Option func(*options)

type options struct {
	counters Counters
	log      *slog.Logger
	seed     uint64
}

// WithCounters makes the plan count with c. Without it, the plan has a Memory of its own.
func WithCounters(c Counters) Option { return func(o *options) { o.counters = c } }

// WithLogger sets the logger for failing counters. Without it, nothing is logged.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// WithSeed sets the seed of rules with a Chance. Two plans of the same rules with the same seed act alike. Without it,
// the seed is 0.
func WithSeed(seed uint64) Option { return func(o *options) { o.seed = seed } }

// Compile makes a plan from rules, which are consulted in this order. names are the scenarios that they come from.
func Compile(names []string, rules []Rule, opts ...Option) *Plan {
	o := options{log: slog.New(slog.DiscardHandler)}
	for _, set := range opts {
		set(&o)
	}
	switch o.counters.(type) {
	case nil:
		o.counters = NewMemory(MaxCounts)
	case *Memory:
	default:
		o.counters = &guard{Counters: o.counters, log: o.log}
	}
	p := &Plan{names: append([]string{}, names...), seed: o.seed}
	places := map[string]int{}
	for _, r := range rules {
		p.rules = append(p.rules, newRule(r, places[r.Scenario], o))
		places[r.Scenario]++
	}
	return p
}

// Scenarios lists the names of the plan's scenarios.
func (p *Plan) Scenarios() []string {
	if p == nil {
		return nil
	}
	return p.names
}

// Idle returns the indexes of a scenario's rules that have never acted. A rule for a whole door isn't among them: nobody
// sees who tries the door. Nor is one for a standing condition that has been asked for.
func (p *Plan) Idle(scenario string) (rules []int) {
	if p == nil {
		return nil
	}
	for _, r := range p.rules {
		if _, door := r.Fault.(ListenStage); r.Scenario == scenario && !door && !r.acted.Load() {
			rules = append(rules, r.place)
		}
	}
	return rules
}

// Remember takes over which rules have acted, from a plan of the same rules.
func (p *Plan) Remember(before *Plan) {
	for i, r := range p.rules {
		if i < len(before.rules) && before.rules[i].acted.Load() {
			r.acted.Store(true)
		}
	}
}

// Seed returns the seed of the plan's chances. random is false if no rule has a Chance.
func (p *Plan) Seed() (seed uint64, random bool) {
	if p == nil {
		return 0, false
	}
	return p.seed, slices.ContainsFunc(p.rules, func(r *rule) bool { return r.Chance > 0 })
}

// Listen returns what a door does with new TCP connections over IPv4 or IPv6, and the scenario that says so.
func (p *Plan) Listen(door int, protocol string, v6 bool) (ListenMode, string) {
	if p == nil {
		return ListenOpen, ""
	}
	for _, r := range p.rules {
		if s, ok := r.Fault.(ListenStage); ok && r.Match.door(door, protocol) && r.Match.family(v6) {
			if m := s.Listen(); m != ListenOpen {
				return m, r.Scenario
			}
		}
	}
	return ListenOpen, ""
}

// Caller is a connection that was just accepted.
type Caller struct {
	Door     int
	Protocol *protocol.Protocol
	Client   netip.Addr
}

// CanTouch reports whether a rule could act on such a connection: it matches the door and the client, and its command and
// its fault are something in the protocol.
func (p *Plan) CanTouch(from Caller) bool {
	return p != nil && slices.ContainsFunc(p.rules, func(r *rule) bool {
		m := &r.Match
		if !m.door(from.Door, from.Protocol.Name) || !m.family(from.Client.Unmap().Is6()) || !m.client(from.Client.Unmap()) {
			return false
		}
		if s, ok := r.Fault.(Spoken); ok && !s.ActsIn(from.Protocol) {
			return false
		}
		return len(m.Command) == 0 || slices.ContainsFunc(from.Protocol.Words, func(w protocol.Word) bool { return m.names(w.Verb) })
	})
}

// Join returns a plan with the rules of both, those of first before the others. Each rule counts where it did. One of
// them may be nil.
func Join(first, then *Plan) *Plan {
	switch {
	case first == nil:
		return then
	case then == nil:
		return first
	}
	return &Plan{names: slices.Concat(first.names, then.names), rules: slices.Concat(first.rules, then.rules), seed: first.seed}
}

// Vanishing lists the scenarios with a rule that lets a link die.
func (p *Plan) Vanishing() (names []string) {
	if p == nil {
		return nil
	}
	for _, r := range p.rules {
		if r.Vanishes() && !slices.Contains(names, r.Scenario) {
			names = append(names, r.Scenario)
		}
	}
	return names
}

// touching lists the rules that can act on a connection.
func (p *Plan) touching(ctx func() context.Context, e *Event) (mine []*rule) {
	if p == nil {
		return nil
	}
	for _, r := range p.rules {
		if r.touches(ctx, e) {
			mine = append(mine, r)
		}
	}
	return mine
}

// Conn returns the view of a connection that was just accepted, or nil if no rule can act on it.
func (p *Plan) Conn(door int, protocol string, client netip.Addr) *Conn {
	c := p.Shared(door, protocol, client, Users{})
	if !c.Active() {
		return nil
	}
	return c
}

// Shared is Conn for a server where users may have plans of their own, which join when the user is known. It never
// returns nil.
func (p *Plan) Shared(door int, protocol string, client netip.Addr, users Users) *Conn {
	c := &Conn{Event: Event{Door: door, Protocol: protocol, Client: client.Unmap()}, users: users, born: time.Now()}
	c.everybodys = p.touching(c.ctx, &c.Event)
	c.set(c.everybodys)
	return c
}
