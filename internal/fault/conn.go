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
	own        *Plan // the user's own plan, whose rules have joined
	editing    bool  // some rule may edit what the engine says
	kept       *kept // what rules remember about the connection; nil: nothing yet

	commands int // number of commands so far
	asked    int // number of the command for which Meanwhile was called
}

// kept is what rules remember about a connection. It ends with the connection.
type kept struct {
	counters *Memory         // of what is counted per connection
	held     map[*rule]Key   // places that the connection holds
	edits    map[*rule]edits // of the reply to the current command
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
func (c *Conn) Pace() (p Pace) {
	p.By = all(c, func(s PaceStage) { s.Pace(&p) })
	return p
}

// First returns what the door speaks first. "" means what it normally speaks.
func (c *Conn) First() (mode SecurityMode, by string) {
	return first(c, func(s FirstStage) (SecurityMode, bool) { return s.First(), true })
}

// TLS returns how the handshake that is about to begin differs from the correct one.
func (c *Conn) TLS() (t TLS) {
	t.By = all(c, func(s TLSStage) { s.TLS(&t) })
	return t
}

// Start returns the state in which the engine begins.
func (c *Conn) Start() (st Start) {
	st.By = all(c, func(s StartStage) { s.Start(&st) })
	return st
}

// Greeting returns how the greeting differs from the engine's own.
func (c *Conn) Greeting() (g Greet) {
	each(c, func(r *rule, s GreetStage) bool {
		var mine Greet
		if !s.Greet(&mine, c.Protocol) || !r.take(c) {
			return false
		}
		by := c.acts(r)
		if mine.Delay > 0 {
			g.Delay, g.DelayBy = g.Delay+mine.Delay, by
		}
		if mine.Line+mine.Raw != "" && g.Line+g.Raw == "" {
			g.Line, g.Raw, g.By = mine.Line, mine.Raw, by
		}
		return false
	})
	return g
}

// Capability returns what happens to a capability, and the scenario that says so.
func (c *Conn) Capability(name string) (fate CapabilityFate, by string) {
	each(c, func(r *rule, s CapabilityStage) bool {
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
	each(c, func(r *rule, s ListStage) bool {
		edited = s.List(edited, c.Protocol)
		by = r.Scenario
		return false
	})
	return edited, by
}

// Command returns what to do with the command that Event describes.
func (c *Conn) Command() (a Action) {
	if c != nil {
		c.commands++
	}
	each(c, func(r *rule, s CommandStage) bool {
		var mine Action
		if !s.Command(&mine, &c.Event, Counts{c, r}) || !r.take(c) {
			return false
		}
		by := c.acts(r)
		if mine.Delay > 0 {
			a.Delay += mine.Delay
			a.DelayBy = by
		}
		for _, said := range mine.Say {
			a.Say = append(a.Say, Said{said.Text, by})
		}
		if mine.Reply == "" && mine.Raw == "" && mine.Replace == "" && mine.End == EndNone {
			return false
		}
		a.Reply, a.Raw, a.Replace, a.End, a.By = mine.Reply, mine.Raw, mine.Replace, mine.End, by
		return true
	})
	return a
}

// Upgrade returns what happens around STARTTLS.
func (c *Conn) Upgrade() (u Upgrade) {
	u.By = all(c, func(s UpgradeStage) { s.Upgrade(&u, c.Protocol) })
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
	return refusal(first(c, func(s LoginStage) (*identity.Refusal, bool) {
		no := s.Login(&c.Event, a)
		return no, no != nil
	}))
}

// Mechanisms lists the mechanisms that a scenario allows besides the usual ones.
func (c *Conn) Mechanisms() (names []string) {
	eachOffer(c, func(s OfferStage) {
		for _, name := range s.Offers() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	})
	return names
}

// OnlyMechanisms lists the ways to log in that a scenario allows in place of the usual ones. ok is false if none does.
func (c *Conn) OnlyMechanisms() (names []string, ok bool) {
	eachOffer(c, func(s OnlyStage) {
		if !ok {
			names, ok = s.Only(), true
		}
	})
	return names, ok
}

// eachOffer asks the rules that matter before a login. Who will log in, and how, can't matter yet.
func eachOffer[S any](c *Conn, do func(S)) {
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
		if m.matches(&c.Event) {
			do(s)
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
	each(c, func(r *rule, s LimitStage) bool {
		before := l
		s.Limit(&l)
		if l.MessageBytes != before.MessageBytes {
			l.BytesBy = r.Scenario
		}
		if l.Recipients != before.Recipients {
			l.RecipientsBy = r.Scenario
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
	each(c, func(r *rule, s HierarchyStage) bool {
		delimiter, prefix = s.Hierarchy()
		by, ok = r.Scenario, true
		return true
	})
	return delimiter, prefix, by, ok
}

// Fill returns how large the INBOX of the user who has just logged in becomes. ok is false if it stays as it is.
func (c *Conn) Fill() (f Filling, ok bool) {
	each(c, func(r *rule, s FillStage) bool {
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

// Mute reports whether IDLE stays silent, and returns the scenario that says so.
func (c *Conn) Mute() (mute bool, by string) {
	return first(c, func(s IdleStage) (bool, bool) { return s.Idle(), s.Idle() })
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
