package fault

import (
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/identity"
)

// Conn is the faults' view of one connection. The gate keeps Event up to date. Only one goroutine at a time may call
// the methods. They may be called on a nil Conn.
//
// What is asked of one kind of fault alone is in the kind's file. Here is what several kinds answer together.
type Conn struct {
	Event
	rules      []*rule // the user's own rules first, then everybody's
	everybodys []*rule
	users      Users
	theirs     *theirs // what the user has brought, whose rules have joined; nil: nothing
	claimant   string  // the last user who joined, "" for nobody
	editing    bool    // some rule may edit what the engine says
	expires    bool    // some rule ends the connection by the clock
	naming     bool    // some rule asks for the name in the TLS handshake
	awaiting   bool    // some rule waits for a command to be answered OK
	born       time.Time
	kept       *kept // what rules remember about the connection; nil: nothing yet

	commands int // number of commands so far
	asked    int // number of the command for which Meanwhile was called
	answerer int // the rule that has answered the command, among rules; -1: none
}

// kept is what rules remember about a connection. It ends with the connection.
type kept struct {
	counters *Memory            // of what is counted per connection
	held     map[*rule]Key      // places that the connection holds
	edits    map[*rule]edits    // of the reply to the current command
	brought  map[string]*theirs // by the user's name in lower case
	idle     *idling            // the present IDLE; nil: there was none, or no rule acts on it
	lots     map[*rule]bool     // whether a rule without counters acts on the connection, by its chance
}

// keep returns what is kept, ready to be added to.
func (c *Conn) keep() *kept {
	if c.kept == nil {
		c.kept = &kept{held: map[*rule]Key{}, edits: map[*rule]edits{}}
	}
	return c.kept
}

// Active reports whether any rule may act. If so, the gate must keep Event up to date.
func (c *Conn) Active() bool { return c != nil && len(c.rules) > 0 }

func (c *Conn) set(rules []*rule) {
	c.rules = rules
	c.editing = has[EditStage](c)
	c.expires = has[ExpiryStage](c) || has[IdleStage](c)
	c.naming = slices.ContainsFunc(rules, func(r *rule) bool { return len(r.Match.ServerName) > 0 })
	c.awaiting = slices.ContainsFunc(rules, func(r *rule) bool { return r.awaits() })
}

// Phase begins the connection, or begins it anew after STARTTLS. Nobody is logged in then.
func (c *Conn) Phase(secure bool) {
	if c == nil {
		return
	}
	c.Secure = secure
	c.User, c.Sender, c.Recipient, c.Recipients, c.Mailboxes, c.Event.Command = "", "", "", nil, nil, ""
	c.join("")
}

// subject returns what a rule with this Per counts separately.
func (c *Conn) subject(per Per) string {
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

// Greeting returns how the greeting differs from the engine's own.
func (c *Conn) Greeting() (g Greet) {
	each(c, func(r *rule, s GreetStage) bool {
		var mine Greet
		if !s.Greet(&mine, c.Protocol) {
			return false
		}
		greets := mine.Line+mine.Raw != ""
		if greets && g.Line+g.Raw != "" || !r.take(c) {
			return false
		}
		by := c.acts(r)
		if mine.Delay > 0 {
			g.Delay, g.DelayBy = g.Delay+mine.Delay, by
		}
		if greets {
			g.Line, g.Raw, g.By = mine.Line, mine.Raw, by
		}
		return false
	})
	return g
}

// Capability returns what happens to a capability, and the scenario that says so.
func (c *Conn) Capability(name string) (fate CapabilityFate, by string) {
	standing(c, func(r *rule, s CapabilityStage) bool {
		if f := s.Capability(name); f > fate {
			fate, by = f, r.Scenario
		}
		return false
	})
	return fate, by
}

// Capabilities edits a capability list and returns the scenario that did, or "".
func (c *Conn) Capabilities(names []string) (edited []string, by string) {
	if !has[CapabilityStage](c) && !has[ListStage](c) {
		return names, ""
	}
	for _, name := range names {
		// In SMTP, parameters follow a space; elsewhere, "=".
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
	standing(c, func(r *rule, s ListStage) bool {
		list := s.Instead(c.Protocol)
		if list != nil {
			edited, by = list, r.Scenario
		}
		return list != nil
	})
	standing(c, func(r *rule, s ListStage) bool {
		if more := s.Besides(c.Protocol); len(more) > 0 {
			edited, by = append(slices.Clip(edited), more...), r.Scenario
		}
		return false
	})
	return edited, by
}

// Command returns what to do with the command that Event describes.
func (c *Conn) Command() (a Action) {
	if c != nil {
		c.commands++
		c.answerer = -1
	}
	a.DelayBy = all(c, func(s PauseStage) { a.Delay += s.Pause() })
	each(c, func(r *rule, s SayStage) bool {
		if text := s.Says(c.Protocol); text != "" && r.take(c) {
			a.Say = append(a.Say, Said{text, c.acts(r)})
		}
		return false
	})
	each(c, func(r *rule, s CommandStage) bool {
		var mine Answer
		if !s.Command(&mine, &c.Event, Counts{c, r}) || !r.take(c) {
			return false
		}
		a.Answer, a.By = mine, c.acts(r)
		c.answerer = slices.Index(c.rules, r)
		return true
	})
	return a
}

// Sent returns how the reply to the message that has just come is replaced because of its content. The rules that
// don't ask for the content have had their turn at the command.
func (c *Conn) Sent() (a Action) {
	if c == nil || c.Event.Content == nil {
		return a
	}
	each(c, func(r *rule, s CommandStage) bool {
		if c.answerer >= 0 && slices.Index(c.rules, r) > c.answerer {
			return true
		}
		var mine Answer
		if r.Match.Content.none() || !s.Command(&mine, &c.Event, Counts{c, r}) || !r.take(c) {
			return false
		}
		a.Answer, a.By = mine, c.acts(r)
		return true
	})
	return a
}

// Names reports whether any rule asks for the name in the client's TLS handshake. If so, Named must be called before
// TLS.
func (c *Conn) Names() bool { return c != nil && c.naming }

// Named says which name the client asks for in its TLS handshake; "" is none.
func (c *Conn) Named(server string) { c.Hello, c.ServerName = true, server }

// Login returns the refusal of a login, or nil if no rule refuses it.
func (c *Conn) Login(a identity.Attempt) *identity.Refusal {
	if c == nil {
		return nil
	}
	c.Claims(a.User)
	c.Mechanism = a.Mechanism
	var no *identity.Refusal
	var by string
	each(c, func(r *rule, s LoginStage) (decided bool) {
		no, decided = s.Login(&c.Event, a)
		if no == nil {
			return decided
		}
		if !r.take(c) {
			no = nil
			return false
		}
		by = c.acts(r)
		return true
	})
	return refusal(no, by)
}

// eachOffer asks the rules that matter before a login. Who will log in, and how, can't matter yet.
func eachOffer[S any](c *Conn, do func(s S, scenario string)) {
	if c == nil {
		return
	}
	for _, r := range c.rules {
		s, ok := r.Fault.(S)
		if !ok {
			continue
		}
		m := r.Match
		m.User, m.Mechanism = nil, nil
		if m.matches(&c.Event) && r.open(c) && r.stands(c) {
			do(s, r.Scenario)
		}
	}
}

func refusal(no *identity.Refusal, by string) *identity.Refusal {
	if no == nil {
		return nil
	}
	copied := *no
	copied.Injected = by
	return &copied
}

// Limits returns the engine's limits where they are smaller than usual.
func (c *Conn) Limits() Limits {
	if !c.Active() {
		return Limits{} // without what the rules would need
	}
	return c.limits()
}

func (c *Conn) limits() (l Limits) {
	standing(c, func(r *rule, s LimitStage) bool {
		var mine Limits
		s.Limit(&mine)
		if mine.MessageBytes > 0 && l.MessageBytes == 0 {
			l.MessageBytes, l.BytesBy = mine.MessageBytes, r.Scenario
		}
		if mine.Recipients > 0 && l.Recipients == 0 {
			l.Recipients, l.RecipientsBy = mine.Recipients, r.Scenario
		}
		return false
	})
	return l
}

// Close returns what the connection holds of shared counts.
func (c *Conn) Close() {
	if c == nil || c.kept == nil {
		return
	}
	for r := range c.kept.held {
		c.release(r)
	}
}
