package fault

import (
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/identity"
)

// Conn is the faults' view of one connection. The gate keeps Event up to date. Only one goroutine at a time may call
// the methods. They may be called on a nil Conn.
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

// edits remembers that a rule was counted for a command, because the reply may have many lines.
type edits struct {
	command int
	acts    bool
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

// Accept returns what happens to the connection after it was accepted. dropSupported is false if the listener can't
// drop connections (see door.ErrDropUnsupported). The nearest thing is then to stay silent.
func (c *Conn) Accept(dropSupported bool) (mode AcceptMode, by string) {
	return first(c, func(s AcceptStage) (AcceptMode, bool) {
		if l, ok := s.(ListenStage); ok && l.Listen() == ListenDrop && !dropSupported {
			return AcceptSilent, true
		}
		m := s.Accept()
		return m, m != AcceptServe
	})
}

// Pace returns how fast the server's bytes are sent.
func (c *Conn) Pace() Pace {
	p, by := first(c, func(s PaceStage) (p Pace, ok bool) {
		s.Pace(&p)
		return p, true
	})
	p.By = by
	return p
}

// First returns what the door speaks first. "" means what it normally speaks.
func (c *Conn) First() (mode SecurityMode, by string) {
	return first(c, func(s FirstStage) (SecurityMode, bool) { return s.First(), true })
}

// TLS returns how the handshake that is about to begin differs from the correct one.
func (c *Conn) TLS() TLS {
	t, by := settings(c, TLSStage.TLS, TLS.with)
	t.By = by
	return t
}

// Start returns the state in which the engine begins.
func (c *Conn) Start() Start {
	st, by := first(c, func(s StartStage) (st Start, ok bool) {
		s.Start(&st)
		return st, true
	})
	st.By = by
	return st
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

// Upgrade returns what happens around STARTTLS.
func (c *Conn) Upgrade() Upgrade {
	u, by := settings(c, func(s UpgradeStage, u *Upgrade) { s.Upgrade(u, c.Protocol) }, Upgrade.with)
	u.By = by
	return u
}

// Cut returns where to cut the message that is about to pass this place, or that has passed it.
func (c *Conn) Cut(in Place) Cut {
	cut, by := first(c, func(s BodyStage) (Cut, bool) { return s.Body(in) })
	cut.By = by
	return cut
}

// Edits reports whether any rule may edit what the engine says.
func (c *Conn) Edits() bool { return c != nil && c.editing }

// Edit edits a line of the engine's reply to the command that Event describes. It returns the scenario that did, or "".
// Counters count replies, not lines.
func (c *Conn) Edit(line []byte) (edited []byte, by string) {
	each(c, func(r *rule, s EditStage) bool {
		out, did := s.Edit(line)
		if !did {
			return false
		}
		kept := c.keep()
		seen, ok := kept.edits[r]
		if !ok || seen.command != c.commands {
			seen = edits{c.commands, r.take(c)}
			if seen.acts {
				c.acts(r)
			}
			kept.edits[r] = seen
		}
		if seen.acts {
			line, by = out, r.Scenario
		}
		return false
	})
	return line, by
}

// Final returns how late the reply to a message comes. The message's last byte has arrived.
func (c *Conn) Final() (d time.Duration, by string) {
	by = all(c, func(s FinalStage) { d += s.Final() })
	return d, by
}

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

// Mechanisms lists the mechanisms that a scenario allows besides the usual ones.
func (c *Conn) Mechanisms() (names []string) {
	eachOffer(c, func(s OfferStage, _ string) {
		for _, name := range s.Offers() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	})
	return names
}

// OnlyMechanisms lists the ways to log in that a scenario allows in place of the usual ones, and names it. by is "" if none
// does.
func (c *Conn) OnlyMechanisms() (names []string, by string) {
	eachOffer(c, func(s OnlyStage, scenario string) {
		if by == "" {
			names, by = s.Only(), scenario
		}
	})
	return names, by
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

// SpoilsProofs reports whether a rule may make the server's side of a login exchange wrong.
func (c *Conn) SpoilsProofs() bool { return has[ProofStage](c) }

// SpoilsProof returns the scenario that makes this part of the server's side of a login exchange wrong, or "".
func (c *Conn) SpoilsProof(part identity.ProofPart) (by string) {
	_, by = first(c, func(s ProofStage) (bool, bool) { return true, s.Spoils(part) })
	return by
}

// Admit returns the refusal of a login that is right in every other way, if a rule refuses it because of what the user
// is already doing.
func (c *Conn) Admit(a identity.Attempt) *identity.Refusal {
	var no *identity.Refusal
	var by string
	each(c, func(r *rule, s AdmitStage) bool {
		if no = s.Admit(a, Counts{c, r}); no == nil || !r.take(c) {
			no = nil
			return false
		}
		by = c.acts(r)
		return true
	})
	return refusal(no, by)
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

// Folders lists the folders that the account of the user gets at login, and the scenario that says so. None means the
// folders that every account has.
func (c *Conn) Folders() (folders []Folder, by string) {
	return first(c, func(s FolderStage) ([]Folder, bool) { return s.Folders(), true })
}

// Hierarchy returns the form of mailbox names in IMAP. ok is false for the usual form. A delimiter of 0 means NIL.
func (c *Conn) Hierarchy() (delimiter byte, prefix, by string, ok bool) {
	standing(c, func(r *rule, s HierarchyStage) bool {
		delimiter, prefix = s.Hierarchy()
		by, ok = r.Scenario, true
		return true
	})
	return delimiter, prefix, by, ok
}

// Fill returns how large the INBOX of the user who has just logged in becomes. ok is false if it stays as it is.
func (c *Conn) Fill() (f Filling, ok bool) {
	standing(c, func(r *rule, s FillStage) bool {
		f = s.Fill(c.User, Counts{c, r})
		f.By = c.acts(r)
		return true
	})
	return f, f.Once != nil
}

// Meanwhile returns what another session does to the selected mailbox before the command that Event describes, and the
// scenario that says so. It may be called several times for one command.
func (c *Conn) Meanwhile() (m Meanwhile, by string) {
	if c == nil || c.asked == c.commands {
		return m, ""
	}
	c.asked = c.commands
	by = all(c, func(s MeanwhileStage) { s.Meanwhile(&m) })
	return m, by
}

// Bounce reports whether a message that was just accepted for the recipient bounces later, and how.
func (c *Conn) Bounce(recipient string) (b Bounce, ok bool) {
	if c == nil {
		return b, false
	}
	before := c.Recipient
	c.Recipient = recipient
	b, by := first(c, func(s BounceStage) (Bounce, bool) {
		ok = true
		return s.Bounce(), true
	})
	c.Recipient = before
	b.By = by
	return b, ok
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
