package fault

import (
	"context"
	"log/slog"
	"net/netip"
)

// Plan is a set of rules with their counters. It never changes: another scenario is another Plan.
type Plan struct {
	names []string
	rules []*rule
}

// An Option changes how a plan counts.
type Option func(*options)

type options struct {
	counters Counters
	log      *slog.Logger
}

// WithCounters makes the plan count with c. Without it, the plan has a Memory of its own.
func WithCounters(c Counters) Option { return func(o *options) { o.counters = c } }

// WithLogger sets the logger for failing counters. Without it, nothing is logged.
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// Compile makes a plan from rules, which are consulted in this order. names are the scenarios that they come from.
func Compile(names []string, rules []Rule, opts ...Option) *Plan {
	o := options{log: slog.New(slog.DiscardHandler)}
	for _, set := range opts {
		set(&o)
	}
	switch o.counters.(type) {
	case nil:
		o.counters = NewMemory(maxCounts)
	case *Memory:
	default:
		o.counters = &guard{Counters: o.counters, log: o.log}
	}
	p := &Plan{names: append([]string{}, names...)}
	places := map[string]int{}
	for _, r := range rules {
		p.rules = append(p.rules, newRule(r, places[r.Scenario], o.counters))
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
	c := &Conn{Event: Event{Door: door, Protocol: protocol, Client: client.Unmap()}, users: users}
	c.everybodys = p.touching(c.ctx, &c.Event)
	c.set(c.everybodys)
	return c
}
