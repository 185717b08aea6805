package fault

import (
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/identity"
)

// Conn is the view of one connection. The gate keeps Event up to date. Methods
// may be called by one goroutine at a time, and on nil.
type Conn struct {
	Event
	rules      []*rule // the user's own first, then everybody's
	everybodys []*rule
	users      Users
	own        *Plan // whose rules have joined
	editing    bool  // some rule may edit what the engine says
	kept       *kept // what rules have to remember of the connection; nil: nothing yet

	commands int // so far
	asked    int // the command for which Meanwhile has been asked
}

// kept is what rules have to remember of a connection. It ends with it.
type kept struct {
	counters *Memory         // of what is counted for each connection
	held     map[*rule]Key   // places that the connection has
	edits    map[*rule]edits // of the present command's reply
}

// keep returns what is kept, to add to it.
func (c *Conn) keep() *kept {
	if c.kept == nil {
		c.kept = &kept{held: map[*rule]Key{}, edits: map[*rule]edits{}}
	}
	return c.kept
}

// edits remembers that a rule was counted for a command: its reply has many lines.
type edits struct {
	command int
	acts    bool
}

// Active reports whether any rule may act, so that the gate has to keep Event up to date.
func (c *Conn) Active() bool { return c != nil && len(c.rules) > 0 }

func (c *Conn) set(rules []*rule) {
	c.rules = rules
	c.editing = has[EditStage](c)
}

// Phase begins the connection, or begins it anew behind STARTTLS: nobody is logged in.
func (c *Conn) Phase(secure bool) {
	if c == nil {
		return
	}
	c.Secure = secure
	c.User, c.Sender, c.Recipient, c.Recipients, c.Mailboxes, c.Event.Command = "", "", "", nil, nil, ""
	c.join("")
}

// subject says what a rule counts separately.
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

// Accept tells what becomes of the connection. supported is false where the
// listener can't drop (see door.ErrDropUnsupported): the nearest thing then is
// to stay silent.
func (c *Conn) Accept(dropSupported bool) (mode AcceptMode, by string) {
	return first(c, func(s AcceptStage) (AcceptMode, bool) {
		if l, ok := s.(ListenStage); ok && l.Listen() == ListenDrop && !dropSupported {
			return AcceptSilent, true
		}
		m := s.Accept()
		return m, m != AcceptServe
	})
}

// Pace tells how fast the server's bytes go out.
func (c *Conn) Pace() (p Pace) {
	p.By = all(c, func(s PaceStage) { s.Pace(&p) })
	return p
}

// First tells what the door speaks first, "" when it is what the door should.
func (c *Conn) First() (mode SecurityMode, by string) {
	return first(c, func(s FirstStage) (SecurityMode, bool) { return s.First(), true })
}

// TLS tells how a handshake, about to begin, departs from the right one.
func (c *Conn) TLS() (t TLS) {
	t.By = all(c, func(s TLSStage) { s.TLS(&t) })
	return t
}

// Start tells in which state the engine begins.
func (c *Conn) Start() (st Start) {
	st.By = all(c, func(s StartStage) { s.Start(&st) })
	return st
}

// Greeting tells how the greeting departs from the engine's own.
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

// Capability tells what becomes of a capability, and whose rule says so.
func (c *Conn) Capability(name string) (fate CapabilityFate, by string) {
	each(c, func(r *rule, s CapabilityStage) bool {
		if f := s.Capability(name); f > fate {
			fate, by = f, r.Scenario
		}
		return false
	})
	return fate, by
}

// Capabilities edits a list of capabilities, and tells who did; "" for nobody.
func (c *Conn) Capabilities(names []string) (edited []string, by string) {
	if !has[CapabilityStage](c) && !has[ListStage](c) {
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
	each(c, func(r *rule, s ListStage) bool {
		edited = s.List(edited, c.Protocol)
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

// Upgrade tells what happens around STARTTLS.
func (c *Conn) Upgrade() (u Upgrade) {
	u.By = all(c, func(s UpgradeStage) { s.Upgrade(&u, c.Protocol) })
	return u
}

// Cut tells where to cut the message that is about to go through this place, or
// has gone.
func (c *Conn) Cut(in Place) Cut {
	cut, by := first(c, func(s BodyStage) (Cut, bool) { return s.Body(in) })
	cut.By = by
	return cut
}

// Edits reports whether some rule may edit what the engine says.
func (c *Conn) Edits() bool { return c != nil && c.editing }

// Edit edits a line that the engine says in answer to the command that Event
// describes, and tells who did; "" for nobody. Counters count replies, not lines.
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

// Final tells how late the reply to a message comes, whose last byte has arrived.
func (c *Conn) Final() (d time.Duration, by string) {
	by = all(c, func(s FinalStage) { d += s.Final() })
	return d, by
}

// Login reports whether a login is refused; nil means that no rule objects.
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

// Mechanisms lists the mechanisms that logins may use besides the usual ones. Who is going
// to log in, and how, can't matter yet.
func (c *Conn) Mechanisms() (names []string) {
	if c == nil {
		return nil
	}
	for _, r := range c.rules {
		s, ok := r.Fault.(OfferStage)
		m := r.Match
		m.User, m.Mechanism = nil, nil
		if !ok || !m.matches(&c.Event) {
			continue
		}
		for _, name := range s.Offers() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Admit reports whether a login, which is right in every other way, is refused because of
// what the user does already.
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

// Limits tells what the engine is to allow, where it is less than usual.
func (c *Conn) Limits() (l Limits) {
	l.By = standing(c, func(s LimitStage) { s.Limit(&l) })
	return l
}

// Folders lists the folders that the account of whoever logs in is to have; none means
// those that every account has.
func (c *Conn) Folders() []Folder {
	folders, _ := first(c, func(s FolderStage) ([]Folder, bool) { return s.Folders(), true })
	return folders
}

// Hierarchy tells the form of mailbox names in IMAP; ok is false for the usual one.
// A delimiter of 0 is NIL.
func (c *Conn) Hierarchy() (delimiter byte, prefix, by string, ok bool) {
	each(c, func(r *rule, s HierarchyStage) bool {
		delimiter, prefix = s.Hierarchy()
		by, ok = r.Scenario, true
		return true
	})
	return delimiter, prefix, by, ok
}

// Fill tells how large the INBOX of whoever has just logged in is to be; ok is false for
// as it is.
func (c *Conn) Fill() (f Filling, ok bool) {
	each(c, func(r *rule, s FillStage) bool {
		f = s.Fill(c.User, Counts{c, r})
		f.By = c.acts(r)
		return true
	})
	return f, f.Once != nil
}

// Meanwhile tells what another session does to the selected mailbox before the command that
// Event describes, and whose rule says so. It may be asked several times for one command.
func (c *Conn) Meanwhile() (m Meanwhile, by string) {
	if c == nil || c.asked == c.commands {
		return m, ""
	}
	c.asked = c.commands
	by = all(c, func(s MeanwhileStage) { s.Meanwhile(&m) })
	return m, by
}

// Mute reports whether IDLE is to tell nothing, and whose rule says so.
func (c *Conn) Mute() (mute bool, by string) {
	return first(c, func(s IdleStage) (bool, bool) { return s.Idle(), s.Idle() })
}

// Bounce reports whether a message to the recipient, just accepted, comes back.
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

// Close gives back what the connection holds of shared counts.
func (c *Conn) Close() {
	if c == nil || c.kept == nil {
		return
	}
	for r := range c.kept.held {
		c.release(r)
	}
}
