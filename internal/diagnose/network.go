package diagnose

import (
	"net"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/refusal"
)

// Predicates about all connections of one client together.

// canReceiveCannotSend finds a client that fetches mail and fails whenever it tries to send.
func canReceiveCannotSend(c *Case) []Evidence {
	var received, tried []*Facts
	for _, f := range c.Sessions {
		switch {
		case f.receives():
			if f.loggedIn() {
				received = append(received, f)
			}
		case f.delivered() > 0:
			return nil
		case f.triesToSend():
			tried = append(tried, f)
		}
	}
	// Nobody sees who tries a door that refuses. The control run shows that the client sends.
	blind := len(tried) == 0 && c.Control != nil && c.Over && sends(c) && c.blockedForSending()
	if len(received) == 0 || len(tried) == 0 && !blind {
		return nil
	}
	doors := map[int]bool{}
	for _, f := range tried {
		doors[f.Door] = true
	}
	if blind {
		for _, f := range c.Control {
			if !f.receives() {
				doors[f.Door] = true
			}
		}
	}
	advice, why := sendAdvice(doors), "Almost always the outgoing port is at fault: many networks block 25."
	if len(tried) > 0 && tried[len(tried)-1].loginMissing() {
		why = "The server takes mail only from who has logged in."
		advice = "Switch on authentication for the outgoing server, with the user name and password of the incoming one."
	}
	all := append(slices.Clone(tried), received[len(received)-1])
	return []Evidence{{Sessions: all, Guess: blind, Words: map[string]string{"doors": list(doors), "advice": advice, "why": why}}}
}

// triesToSend reports whether a session without a message was meant to send one, and the door is to blame: nobody
// answered, the connection broke, or the server doesn't want the client there. Wrong encryption, passwords and
// recipients have findings of their own, with their own advice.
func (f *Facts) triesToSend() bool {
	if f.receives() {
		return false
	}
	return f.Noticed(event.Knocked) || has[*event.Cut](f) || has[*event.Silenced](f) || f.Greeting.Class == event.Permanent || f.Greeting.Class == event.Temporary ||
		f.has(f.unwanted)
}

// unwanted reports whether the server refused a sender or a recipient by policy (RFC 3463 section 3.8): not from this
// address, or not without a login.
func (f *Facts) unwanted(s *Step) bool {
	return (s.Verb == "MAIL" || s.Verb == "RCPT") && s.Reply.Class == event.Permanent && refusal.Means(f.refusal(&s.Reply), refusal.Unwelcome) && !f.wantsTLS(s)
}

// loginMissing reports whether the server refused mail because nobody had logged in.
func (f *Facts) loginMissing() bool {
	return !f.loggedIn() && f.has(func(s *Step) bool { return f.unwanted(s) && refusal.Means(f.refusal(&s.Reply), refusal.NeedsSomething) })
}

func (c *Case) blockedForSending() bool {
	for _, f := range c.Control {
		if !f.receives() && c.Blocked[f.Door] {
			return true
		}
	}
	return false
}

// sendAdvice says which port to use in place of a blocked one: 587 for 25, and 465 for 587.
func sendAdvice(doors map[int]bool) string {
	switch {
	case doors[25] && !doors[587]:
		return "For sending, use port 587 with STARTTLS, or 465 with SSL/TLS, and log in."
	case doors[587] && !doors[465]:
		return "For sending, use port 465 with SSL/TLS instead of 587."
	case doors[465] && !doors[587]:
		return "For sending, use port 587 with STARTTLS instead of 465."
	}
	return "For sending, try port 2525 with STARTTLS, or another network."
}

func list(doors map[int]bool) string {
	var all []int
	for d := range doors {
		all = append(all, d)
	}
	slices.Sort(all)
	text := ""
	for i, d := range all {
		switch {
		case i == 0:
		case i == len(all)-1:
			text += " and "
		default:
			text += ", "
		}
		text += itoa(d)
	}
	return text
}

// stuckOnPort25 finds a client whose attempts on port 25 all fail, and which never tries 587 or 465.
func stuckOnPort25(c *Case) []Evidence {
	const patience = 10 * time.Second
	var tried []*Facts
	for _, f := range c.Sessions {
		switch {
		case f.receives():
		case f.delivered() > 0 || f.Door != 25:
			return nil
		case f.triesToSend():
			tried = append(tried, f)
		}
	}
	if len(tried) == 0 || !c.Over && c.Now.Sub(tried[len(tried)-1].Last()) < patience {
		return nil
	}
	return []Evidence{{Sessions: tried}}
}

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

// hurried lists the sessions that began right after another one had ended. With failed set, only a failed session
// counts as that other one.
func hurried(list []*Facts, failed bool) (all []*Facts) {
	const pause = 500 * time.Millisecond
	for i := 1; i < len(list); i++ {
		before, f := list[i-1], list[i]
		if before.End.IsZero() || failed && !before.failed() {
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

// leftTooEarly reports whether the client had left before a late reply. The record holds the reply even if nobody was
// there to hear it. What counts is whether the client said anything after it.
func (f *Facts) leftTooEarly() bool {
	for i, s := range f.Steps {
		switch {
		case !s.Delayed:
		case !s.answered():
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
	return len(s.Reply.Lines) > 0 && s.Reply.Class != event.Continue
}

func hadDelayedReply(c *Case) bool {
	return c.any(func(f *Facts) bool { return f.has(func(s *Step) bool { return s.Delayed }) })
}

// triedNextAddress finds a client that tried IPv4 when IPv6 failed.
func triedNextAddress(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.v4() && f.Host != "" })
}

func (f *Facts) v4() bool {
	host, _, err := net.SplitHostPort(f.Server)
	return err == nil && net.ParseIP(host).To4() != nil
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
