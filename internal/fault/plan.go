package fault

import (
	"net/netip"
	"time"

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

// Conn returns the view of a connection just accepted; nil when no rule can
// touch it.
func (p *Plan) Conn(door int, protocol string, client netip.Addr) *Conn {
	if p == nil {
		return nil
	}
	client = client.Unmap()
	var mine []*rule
	for _, r := range p.rules {
		if r.Match.door(door, protocol) && r.Match.family(client.Is6()) {
			mine = append(mine, r)
		}
	}
	if len(mine) == 0 {
		return nil
	}
	return &Conn{
		rules:  mine,
		counts: map[*rule]int{},
		Event:  Event{Door: door, Protocol: protocol, Client: client},
	}
}

// Conn is the view of one connection. The gate keeps Event up to date. Methods
// may be called by one goroutine at a time, and on nil.
type Conn struct {
	Event
	rules  []*rule
	counts map[*rule]int
	leave  []func()

	commands int             // so far
	edits    map[*rule]edits // of the present command's reply
}

// edits remembers that a rule was counted for a command: its reply has many lines.
type edits struct {
	command int
	acts    bool
}

func (c *Conn) key(per Per) string {
	switch per {
	case PerConnection:
		return "" // its counts are the connection's own
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

// has tells if some rule of the connection has the stage S, whatever it matches.
func has[S any](c *Conn) bool {
	if c == nil {
		return false
	}
	for _, r := range c.rules {
		if _, ok := r.Fault.(S); ok {
			return true
		}
	}
	return false
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

// Pace tells how fast the server's bytes go out.
func (c *Conn) Pace() (p Pace) {
	each(c, func(r *rule, s paceStage) bool {
		if r.take(c) {
			s.pace(&p)
			p.By = r.Scenario
		}
		return false
	})
	return p
}

// First tells what the door speaks first, "" when it is what the door should.
func (c *Conn) First() (mode SecurityMode, by string) {
	each(c, func(r *rule, s firstStage) bool {
		if !r.take(c) {
			return false
		}
		mode, by = s.first(), r.Scenario
		return true
	})
	return mode, by
}

// TLS tells how a handshake, about to begin, departs from the right one.
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

// Start tells in which state the engine begins.
func (c *Conn) Start() (st Start) {
	each(c, func(r *rule, s startStage) bool {
		if r.take(c) {
			s.start(&st)
			st.By = r.Scenario
		}
		return false
	})
	return st
}

// Greeting tells how the greeting departs from the engine's own.
func (c *Conn) Greeting() (g Greet) {
	each(c, func(r *rule, s greetStage) bool {
		var mine Greet
		if !s.greet(&mine, c.Protocol) || !r.take(c) {
			return false
		}
		if mine.Delay > 0 {
			g.Delay, g.DelayBy = g.Delay+mine.Delay, r.Scenario
		}
		if mine.Line != "" && g.Line == "" {
			g.Line, g.By = mine.Line, r.Scenario
		}
		return false
	})
	return g
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

// Capabilities edits a list of capabilities, and tells who did; "" for nobody.
func (c *Conn) Capabilities(names []string) (edited []string, by string) {
	if !has[capsStage](c) && !has[listStage](c) {
		return names, ""
	}
	for _, name := range names {
		// SMTP's have parameters behind a space, others behind "=".
		word := name
		for i := range len(name) {
			if name[i] == ' ' {
				word = name[:i]
				break
			}
		}
		if fate, whose := c.Capability(word); fate != CapabilityShown {
			by = whose
			continue
		}
		edited = append(edited, name)
	}
	each(c, func(r *rule, s listStage) bool {
		edited = s.list(edited, c.Protocol)
		by = r.Scenario
		return false
	})
	return edited, by
}

// Command tells what to do with the command that Event describes.
func (c *Conn) Command() (a Action) {
	if c != nil {
		c.commands++
	}
	each(c, func(r *rule, s commandStage) bool {
		var mine Action
		if !s.command(&mine, c, r) || !r.take(c) {
			return false
		}
		if mine.Delay > 0 {
			a.Delay += mine.Delay
			a.DelayBy = r.Scenario
		}
		for _, said := range mine.Say {
			a.Say = append(a.Say, Said{said.Text, r.Scenario})
		}
		if mine.Reply == "" && mine.Replace == "" && mine.End == EndNone {
			return false
		}
		a.Reply, a.Replace, a.End, a.By = mine.Reply, mine.Replace, mine.End, r.Scenario
		return true
	})
	return a
}

// Upgrade tells what happens around STARTTLS.
func (c *Conn) Upgrade() (u Upgrade) {
	each(c, func(r *rule, s upgradeStage) bool {
		if r.take(c) {
			s.upgrade(&u, c.Protocol)
			u.By = r.Scenario
		}
		return false
	})
	return u
}

// Cut tells where to cut the message that is about to go through this place, or
// has gone.
func (c *Conn) Cut(in Place) (cut Cut) {
	each(c, func(r *rule, s bodyStage) bool {
		mine, ok := s.body(in)
		if !ok || !r.take(c) {
			return false
		}
		cut = mine
		cut.By = r.Scenario
		return true
	})
	return cut
}

// Edits tells if some rule may edit what the engine says.
func (c *Conn) Edits() bool { return has[editStage](c) }

// Edit edits a line that the engine says in answer to the command that Event
// describes, and tells who did; "" for nobody. Counters count replies, not lines.
func (c *Conn) Edit(line []byte) (edited []byte, by string) {
	each(c, func(r *rule, s editStage) bool {
		out, did := s.edit(line)
		if !did {
			return false
		}
		seen, ok := c.edits[r]
		if !ok || seen.command != c.commands {
			seen = edits{c.commands, r.take(c)}
			if c.edits == nil {
				c.edits = map[*rule]edits{}
			}
			c.edits[r] = seen
		}
		if seen.acts {
			line, by = out, r.Scenario
		}
		return false
	})
	return line, by
}

// Final tells how late the reply to a message comes, whose last byte has arrived.
func (c *Conn) Final() (d time.Duration, by string) {
	each(c, func(r *rule, s finalStage) bool {
		if r.take(c) {
			d, by = d+s.final(), r.Scenario
		}
		return false
	})
	return d, by
}

// Login tells if a login is refused; nil means that no rule objects.
func (c *Conn) Login(a login.Attempt) (refusal *login.Refusal) {
	if c == nil {
		return nil
	}
	c.User, c.Mechanism = a.User, a.Mechanism
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

// Admit tells if a login, which is right in every other way, is refused because of
// what the user does already.
func (c *Conn) Admit(a login.Attempt) (refusal *login.Refusal) {
	each(c, func(r *rule, s admitStage) bool {
		no := s.admit(c, a)
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

// Limits tells what the engine is to allow, where it is less than usual.
func (c *Conn) Limits() (l Limits) {
	each(c, func(r *rule, s limitStage) bool {
		s.limit(&l)
		l.By = r.Scenario
		return false
	})
	return l
}

// Folders lists the folders that the account of whoever logs in is to have; none means
// those that every account has.
func (c *Conn) Folders() (out []Folder) {
	each(c, func(r *rule, s folderStage) bool {
		out = s.folders()
		return true
	})
	return out
}

// Bounce tells if a message to the recipient, just accepted, comes back.
func (c *Conn) Bounce(recipient string) (b Bounce, ok bool) {
	if c == nil {
		return b, false
	}
	before := c.Recipient
	c.Recipient = recipient
	each(c, func(r *rule, s bounceStage) bool {
		if !r.take(c) {
			return false
		}
		s.bounce(&b)
		b.By, ok = r.Scenario, true
		return true
	})
	c.Recipient = before
	return b, ok
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
