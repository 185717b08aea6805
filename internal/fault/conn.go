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
	counts     map[*rule]int
	leave      []func()

	commands int             // so far
	asked    int             // the command for which Meanwhile has been asked
	edits    map[*rule]edits // of the present command's reply
}

// edits remembers that a rule was counted for a command: its reply has many lines.
type edits struct {
	command int
	acts    bool
}

// Active tells if any rule may act, so that the gate has to keep Event up to date.
func (c *Conn) Active() bool { return c != nil && len(c.rules) > 0 }

func (c *Conn) set(rules []*rule) {
	c.rules = rules
	c.editing = has[editStage](c)
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

// all lets every rule with the stage S change something, each as its counters have it,
// and returns whose was the last.
func all[S any](c *Conn, change func(S)) (by string) {
	each(c, func(r *rule, s S) bool {
		if r.take(c) {
			change(s)
			by = r.Scenario
		}
		return false
	})
	return by
}

// first returns what the first rule says that has something to say, as its counters
// have it, and whose it is.
func first[S, A any](c *Conn, ask func(S) (A, bool)) (answer A, by string) {
	each(c, func(r *rule, s S) bool {
		a, ok := ask(s)
		if !ok || !r.take(c) {
			return false
		}
		answer, by = a, r.Scenario
		return true
	})
	return answer, by
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
	return first(c, func(s acceptStage) (AcceptMode, bool) {
		if l, ok := s.(listenStage); ok && l.listen() == ListenDrop && !dropSupported {
			return AcceptSilent, true
		}
		m := s.accept()
		return m, m != AcceptServe
	})
}

// Pace tells how fast the server's bytes go out.
func (c *Conn) Pace() (p Pace) {
	p.By = all(c, func(s paceStage) { s.pace(&p) })
	return p
}

// First tells what the door speaks first, "" when it is what the door should.
func (c *Conn) First() (mode SecurityMode, by string) {
	return first(c, func(s firstStage) (SecurityMode, bool) { return s.first(), true })
}

// TLS tells how a handshake, about to begin, departs from the right one.
func (c *Conn) TLS() (t TLS) {
	t.By = all(c, func(s tlsStage) { s.tls(&t) })
	return t
}

// Start tells in which state the engine begins.
func (c *Conn) Start() (st Start) {
	st.By = all(c, func(s startStage) { s.start(&st) })
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
		if mine.Line+mine.Raw != "" && g.Line+g.Raw == "" {
			g.Line, g.Raw, g.By = mine.Line, mine.Raw, r.Scenario
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
		if mine.Reply == "" && mine.Raw == "" && mine.Replace == "" && mine.End == EndNone {
			return false
		}
		a.Reply, a.Raw, a.Replace, a.End, a.By = mine.Reply, mine.Raw, mine.Replace, mine.End, r.Scenario
		return true
	})
	return a
}

// Upgrade tells what happens around STARTTLS.
func (c *Conn) Upgrade() (u Upgrade) {
	u.By = all(c, func(s upgradeStage) { s.upgrade(&u, c.Protocol) })
	return u
}

// Cut tells where to cut the message that is about to go through this place, or
// has gone.
func (c *Conn) Cut(in Place) Cut {
	cut, by := first(c, func(s bodyStage) (Cut, bool) { return s.body(in) })
	cut.By = by
	return cut
}

// Edits tells if some rule may edit what the engine says.
func (c *Conn) Edits() bool { return c != nil && c.editing }

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
	by = all(c, func(s finalStage) { d += s.final() })
	return d, by
}

// Login tells if a login is refused; nil means that no rule objects.
func (c *Conn) Login(a identity.Attempt) *identity.Refusal {
	if c == nil {
		return nil
	}
	c.Claims(a.User)
	c.Mechanism = a.Mechanism
	return refusal(first(c, func(s loginStage) (*identity.Refusal, bool) {
		no := s.login(c, a)
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
		s, ok := r.Fault.(mechanismStage)
		m := r.Match
		m.User, m.Mechanism = nil, nil
		if !ok || !m.matches(&c.Event) {
			continue
		}
		for _, name := range s.mechanisms() {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// Admit tells if a login, which is right in every other way, is refused because of
// what the user does already.
func (c *Conn) Admit(a identity.Attempt) *identity.Refusal {
	return refusal(first(c, func(s admitStage) (*identity.Refusal, bool) {
		no := s.admit(c, a)
		return no, no != nil
	}))
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
	l.By = all(c, func(s limitStage) { s.limit(&l) })
	return l
}

// Folders lists the folders that the account of whoever logs in is to have; none means
// those that every account has.
func (c *Conn) Folders() []Folder {
	folders, _ := first(c, func(s folderStage) ([]Folder, bool) { return s.folders(), true })
	return folders
}

// Hierarchy tells the form of mailbox names in IMAP; ok is false for the usual one.
// A delimiter of 0 is NIL.
func (c *Conn) Hierarchy() (delimiter byte, prefix, by string, ok bool) {
	h, by := first(c, func(s hierarchyStage) (hierarchyStage, bool) { return s, true })
	if h == nil {
		return 0, "", "", false
	}
	delimiter, prefix = h.hierarchy()
	return delimiter, prefix, by, true
}

// Fill tells how large the INBOX of whoever has just logged in is to be; ok is false for
// as it is.
func (c *Conn) Fill() (f Filling, ok bool) {
	f, by := first(c, func(s fillStage) (Filling, bool) { return s.fill(c.User), true })
	f.By = by
	return f, f.Once != nil
}

// Meanwhile tells what another session does to the selected mailbox before the command that
// Event describes, and whose rule says so. It may be asked several times for one command.
func (c *Conn) Meanwhile() (m Meanwhile, by string) {
	if c == nil || c.asked == c.commands {
		return m, ""
	}
	c.asked = c.commands
	by = all(c, func(s meanwhileStage) { s.meanwhile(&m) })
	return m, by
}

// Mute tells if IDLE is to tell nothing, and whose rule says so.
func (c *Conn) Mute() (mute bool, by string) {
	return first(c, func(s idleStage) (bool, bool) { return s.idle(), s.idle() })
}

// Bounce tells if a message to the recipient, just accepted, comes back.
func (c *Conn) Bounce(recipient string) (b Bounce, ok bool) {
	if c == nil {
		return b, false
	}
	before := c.Recipient
	c.Recipient = recipient
	b, by := first(c, func(s bounceStage) (Bounce, bool) {
		ok = true
		return s.bounce(), true
	})
	c.Recipient = before
	b.By = by
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
