package fault

import (
	"net/netip"

	"github.com/mailrig/mailrig/internal/login"
)

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

// Listen tells what a door does with new TCP connections, and whose rule says so.
func (p *Plan) Listen(door int, protocol string) (ListenMode, string) {
	if p == nil {
		return ListenOpen, ""
	}
	for _, r := range p.rules {
		if s, ok := r.Fault.(listenStage); ok && r.Match.door(door, protocol) {
			if m := s.listen(); m != ListenOpen {
				return m, r.Scenario
			}
		}
	}
	return ListenOpen, ""
}

// Conn returns the view of a connection just accepted; nil when no rule can
// touch it.
func (p *Plan) Conn(door int, protocol string, client netip.Addr) *Conn {
	if p == nil {
		return nil
	}
	var mine []*rule
	for _, r := range p.rules {
		if r.Match.door(door, protocol) {
			mine = append(mine, r)
		}
	}
	if len(mine) == 0 {
		return nil
	}
	return &Conn{
		rules:  mine,
		counts: map[*rule]int{},
		Event:  Event{Door: door, Protocol: protocol, Client: client.Unmap()},
	}
}

// Conn is the view of one connection. The gate keeps Event up to date. Methods
// may be called by one goroutine at a time, and on nil.
type Conn struct {
	Event
	rules  []*rule
	counts map[*rule]int
	leave  []func()
}

func (c *Conn) key(per Per) string {
	switch per {
	case PerClient:
		return c.Client.String()
	case PerUser:
		return c.User
	case PerEnvelope:
		return c.Sender + "\x00" + c.Recipient + "\x00" + c.Client.String()
	}
	return ""
}

// each calls do for every rule that matches now and has the stage S, in order,
// until do says that it is enough. Counting is up to do.
func each[S any](c *Conn, do func(r *rule, s S) (enough bool)) {
	if c == nil {
		return
	}
	for _, r := range c.rules {
		if s, ok := r.Fault.(S); ok && r.Match.matches(&c.Event) && do(r, s) {
			return
		}
	}
}

// Accept tells what becomes of the connection. supported is false where the
// listener can't drop (see door.ErrDropUnsupported): the nearest thing then is
// to stay silent.
func (c *Conn) Accept(dropSupported bool) (mode AcceptMode, by string) {
	each(c, func(r *rule, s acceptStage) bool {
		m := s.accept()
		if l, ok := r.Fault.(listenStage); ok && l.listen() == ListenDrop && !dropSupported {
			m = AcceptSilent
		}
		if m == AcceptServe || !r.take(c) {
			return false
		}
		mode, by = m, r.Scenario
		return true
	})
	return mode, by
}

// TLS tells how the connection's TLS departs from the door's own.
func (c *Conn) TLS() (t TLS) {
	each(c, func(r *rule, s tlsStage) bool {
		if r.take(c) {
			s.tls(&t)
			t.By = r.Scenario
		}
		return false
	})
	return t
}

// Greeting tells how the greeting departs from the engine's own.
func (c *Conn) Greeting() (g Greet) {
	each(c, func(r *rule, s greetStage) bool {
		if r.take(c) {
			s.greet(&g, c.Protocol)
			g.By = r.Scenario
		}
		return false
	})
	return g
}

// EditsCapabilities tells if some rule may change a capability list.
func (c *Conn) EditsCapabilities() bool {
	found := false
	each(c, func(*rule, capsStage) bool { found = true; return true })
	return found
}

// Capability tells what becomes of a capability, and whose rule says so.
func (c *Conn) Capability(name string) (fate CapabilityFate, by string) {
	each(c, func(r *rule, s capsStage) bool {
		if f := s.capability(name); f > fate {
			fate, by = f, r.Scenario
		}
		return false
	})
	return fate, by
}

// Command tells what to do with the command that Event describes.
func (c *Conn) Command() (a Action) {
	each(c, func(r *rule, s commandStage) bool {
		var mine Action
		if !s.command(&mine, &c.Event) || !r.take(c) {
			return false
		}
		if mine.Delay > 0 {
			a.Delay += mine.Delay
			a.DelayBy = r.Scenario
		}
		if mine.Reply == "" && mine.End == EndNone {
			return false
		}
		a.Reply, a.End, a.By = mine.Reply, mine.End, r.Scenario
		return true
	})
	return a
}

// Body tells what to do with the message that the client is about to send with
// the command that Event describes.
func (c *Conn) Body() (b Body) {
	each(c, func(r *rule, s bodyStage) bool {
		if !r.take(c) {
			return false
		}
		b = s.body()
		b.By = r.Scenario
		return true
	})
	return b
}

// Login tells if a login is refused; nil means that no rule objects.
func (c *Conn) Login(a login.Attempt) (refusal *login.Refusal) {
	if c == nil {
		return nil
	}
	c.User = a.User
	each(c, func(r *rule, s loginStage) bool {
		no := s.login(c, a)
		if no == nil || !r.take(c) {
			return false
		}
		copied := *no
		copied.Injected = r.Scenario
		refusal = &copied
		return true
	})
	return refusal
}

// Close gives back what the connection holds of shared counts.
func (c *Conn) Close() {
	if c == nil {
		return
	}
	for _, f := range c.leave {
		f()
	}
	c.leave = nil
}
