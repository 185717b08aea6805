package fault

import "net/netip"

// Plan is a set of rules with their counters. It never changes; another
// scenario is another Plan.
type Plan struct {
	names []string
	rules []*rule
}

// Compile makes a plan of rules, consulted in the order given. names are the
// scenarios they came from.
func Compile(names []string, rules []Rule) *Plan {
	p := &Plan{names: append([]string{}, names...)}
	for _, r := range rules {
		if s, ok := r.Fault.(stateful); ok {
			r.Fault = s.fresh()
		}
		p.rules = append(p.rules, &rule{Rule: r})
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

// Listen tells what a door does with new TCP connections over IPv4 or IPv6, and
// whose rule says so.
func (p *Plan) Listen(door int, protocol string, v6 bool) (ListenMode, string) {
	if p == nil {
		return ListenOpen, ""
	}
	for _, r := range p.rules {
		if s, ok := r.Fault.(listenStage); ok && r.Match.door(door, protocol) && r.Match.family(v6) {
			if m := s.listen(); m != ListenOpen {
				return m, r.Scenario
			}
		}
	}
	return ListenOpen, ""
}

// touching lists the rules that can act on a connection.
func (p *Plan) touching(e *Event) (mine []*rule) {
	if p == nil {
		return nil
	}
	for _, r := range p.rules {
		if r.touches(e) {
			mine = append(mine, r)
		}
	}
	return mine
}

// Conn returns the view of a connection just accepted; nil when no rule can
// touch it.
func (p *Plan) Conn(door int, protocol string, client netip.Addr) *Conn {
	c := p.Shared(door, protocol, client, Users{})
	if !c.Active() {
		return nil
	}
	return c
}

// Shared is Conn where users may have plans of their own, which join when the
// user is known.
func (p *Plan) Shared(door int, protocol string, client netip.Addr, users Users) *Conn {
	c := &Conn{Event: Event{Door: door, Protocol: protocol, Client: client.Unmap()}, users: users}
	c.everybodys = p.touching(&c.Event)
	c.set(c.everybodys)
	return c
}
