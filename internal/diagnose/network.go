package diagnose

import (
	"net"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// Predicates about all connections of one client together.

// reconnectedTooFast finds a client that connects again and again without a pause, though every connection fails.
func reconnectedTooFast(c *Case) (all []Evidence) {
	byDoor := map[int][]*Facts{}
	for _, f := range c.Sessions {
		byDoor[f.Door] = append(byDoor[f.Door], f)
	}
	for door, list := range byDoor {
		var control []*Facts
		for _, f := range c.Control {
			if f.Door == door {
				control = append(control, f)
			}
		}
		const enough = 3 // a client may try every address of a host, and every kind of encryption
		rushed := hurried(list, true)
		if len(rushed) >= enough+hurriedCount(control) {
			all = append(all, Evidence{Sessions: rushed, Words: map[string]string{"times": itoa(len(rushed) + 1)}})
		}
	}
	slices.SortFunc(all, func(a, b Evidence) int { return a.Sessions[0].Start.Compare(b.Sessions[0].Start) })
	return all
}

func hurriedCount(list []*Facts) int { return len(hurried(list, false)) }

// saidNothing reports whether a client connected to a right server and left without a byte, as a port scan or a health
// check does.
func (f *Facts) saidNothing() bool {
	return (f.TLS == nil || !f.TLS.Hello) && !f.acted() && len(f.Steps) == 0 && len(f.Heard) == 0 && f.EndedBy == event.EndedByClient
}

// hurried lists the sessions that began right after another one had ended. With failed set, only a failed session
// counts as that other one.
func hurried(list []*Facts, failed bool) (all []*Facts) {
	const pause = 500 * time.Millisecond
	for i := 1; i < len(list); i++ {
		before, f := list[i-1], list[i]
		if before.End.IsZero() || failed && (!before.failed() || before.saidNothing()) {
			continue
		}
		// The server may see the end of a connection only after the client has opened the next one. Real parallel
		// connections overlap for longer.
		gap := f.Start.Sub(before.End)
		if gap < pause && (gap >= 0 || f.Start.After(before.LastWord())) {
			all = append(all, f)
		}
	}
	return all
}

// gaveUpInTime finds a client that left a server that says nothing, within 5 minutes.
func gaveUpInTime(c *Case) []Evidence {
	if c.Killed {
		return nil
	}
	const most = 5 * time.Minute // RFC 5321 section 4.5.3.2
	var left []*Facts
	for _, f := range c.Sessions {
		if !f.acted() {
			continue
		}
		switch {
		case f.EndedBy == event.EndedByTimeout, f.EndedBy == event.EndedByShutdown,
			f.End.IsZero() && c.Now.Sub(f.Start) > most, !f.End.IsZero() && f.End.Sub(f.Start) > most:
			return nil
		case f.End.IsZero():
			return nil
		}
		left = append(left, f)
	}
	if len(left) == 0 {
		return nil
	}
	return []Evidence{{Sessions: left}}
}

func metScenario(c *Case) bool { return c.any((*Facts).acted) }

// delayedGreeting reports whether the session's greeting came late.
func (f *Facts) delayedGreeting() bool {
	return slices.ContainsFunc(f.Events, func(e event.Event) bool {
		d, ok := e.What.(*event.Delayed)
		return ok && d.Of == event.DelayedGreeting
	})
}

// waitedForGreeting finds a client that was still there when the late greeting came, and went on.
func waitedForGreeting(c *Case) []Evidence {
	if c.any(func(f *Facts) bool {
		// The record holds the greeting even if nobody was there to hear it.
		left := len(f.Greeting.Lines) == 0 || len(f.Steps) == 0 && f.EndedBy == event.EndedByClient
		return f.delayedGreeting() && left && !f.End.IsZero()
	}) {
		return nil
	}
	return c.each(func(f *Facts) bool { return f.delayedGreeting() && len(f.Greeting.Lines) > 0 && len(f.Steps) > 0 })
}

func hadDelayedGreeting(c *Case) bool { return c.any((*Facts).delayedGreeting) }

func spokeBeforeGreeting(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.Noticed(event.SpokeEarly) })
}

// spokeToWrongServer finds a client that sends commands after a greeting that isn't one of its protocol.
func spokeToWrongServer(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		if f.Greeting.Class != event.Nonsense {
			return false
		}
		spoke := func(h Heard) bool { return h.Verb != "" && !f.word(h.Verb).Leaves }
		return f.has(func(s *Step) bool { return !s.leaves() }) || slices.ContainsFunc(f.Heard, spoke)
	})
}

func metWrongServer(c *Case) bool {
	return c.any(func(f *Facts) bool { return f.Greeting.Class == event.Nonsense })
}

// waitedForReply finds a client that was still there for every reply that a scenario delayed.
func waitedForReply(c *Case) []Evidence {
	if c.any((*Facts).leftTooEarly) {
		return nil
	}
	return c.each(func(f *Facts) bool { return f.has(func(s *Step) bool { return s.Delayed && s.answered() }) })
}

// leftTooEarly reports whether the client had left, or had gone on, before a late reply. The record holds the reply even if nobody was
// there to hear it. What counts is whether the client said anything after it.
func (f *Facts) leftTooEarly() bool {
	for i, s := range f.inTurn() {
		switch {
		case !s.Delayed:
		case !s.answered(), s.WentOn && s.Tag == "":
			return true
		case i == len(f.Steps)-1 && !s.leaves() && f.EndedBy == event.EndedByClient && !s.accepted():
			return true
		}
	}
	return false
}

// accepted reports whether the server has accepted a message. After that a client may leave.
func (s *Step) accepted() bool { return s.Word.Mail && s.Uploaded > 0 && s.Reply.Class == event.OK }

// answered reports whether the reply to a command came. For a message, that is the reply after its last byte.
func (s *Step) answered() bool {
	return len(s.Reply.Lines) > 0 && s.Reply.Class != event.Continue && !s.Left
}

func hadDelayedReply(c *Case) bool {
	return c.any(func(f *Facts) bool { return f.has(func(s *Step) bool { return s.Delayed }) })
}

// triedNextAddress finds a client that tried IPv4 when IPv6 failed.
func triedNextAddress(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.v4() && f.Host != "" })
}

func (f *Facts) v4() bool {
	return net.ParseIP(f.serverHost()).To4() != nil
}

// usesIPv6 reports whether the client would try IPv6: it did at a correct server, or in these sessions.
func usesIPv6(c *Case) bool {
	return slices.ContainsFunc(c.Control, func(f *Facts) bool { return !f.v4() }) || c.any(func(f *Facts) bool { return !f.v4() })
}

// workedAsUsual finds a client that did here whatever it does at a correct server.
func workedAsUsual(c *Case) []Evidence {
	if c.Killed || c.Succeeded != nil && !*c.Succeeded {
		return nil
	}
	if c.Control == nil {
		return c.each(func(f *Facts) bool { return f.acted() && f.achieved() })
	}
	for _, what := range []func(*Facts) int{
		func(f *Facts) int { return f.delivered() },
		func(f *Facts) int { return f.Counts.MessagesIn },
		func(f *Facts) int { return f.Counts.MessagesOut },
		func(f *Facts) int { return boolInt(f.loggedIn()) },
	} {
		for p := range spoken(c.Control) {
			of := func(f *Facts) int {
				if f.Protocol != p.Name {
					return 0
				}
				return what(f)
			}
			if count(c.Sessions, of) < min(1, count(c.Control, of)) || count(c.Sessions, of) < count(c.Control, of) && !p.Receives {
				return nil
			}
		}
	}
	if len(c.Sessions) == 0 {
		return nil
	}
	return []Evidence{{Sessions: c.Sessions}}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
