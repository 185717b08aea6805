package diagnose

import (
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/refusal"
)

// Predicates about mail that doesn't get out, for a reason that isn't the message's.

// obstacle is why a session in which a client wanted to send came to nothing.
type obstacle int

// The obstacles that have advice here. Wrong encryption, a refused password, sender or recipient have findings of their
// own.
const (
	noObstacle    obstacle = iota
	nobodyAnswers          // the door is blocked, or what answers isn't a mail server
	turnedAway             // the server greets with a refusal (RFC 5321 section 3.1)
	loginMissing           // the server wants a login before MAIL or RCPT
	relayRefused           // the server takes no mail for others, and offers no login
	bareServer             // the server offers neither TLS nor a login
)

// obstacle returns why nothing could be sent. The port is to blame only if nobody answered there, or something that
// isn't the server did: once the server has accepted a login or a sender, the port works.
func (f *Facts) obstacle() (o obstacle, said string) {
	if f.receives() || f.delivered() > 0 || f.loggedIn() || f.askedByAddress() {
		return noObstacle, ""
	}
	if s := f.step(f.unwelcome); s != nil {
		switch {
		case s.Listed != nil && !f.offersLogin(s.Listed) && f.Security == string(protocol.STARTTLS):
			return relayRefused, s.Reply.Last()
		case refusal.Means(f.refusal(&s.Reply), refusal.NeedsSomething):
			return loginMissing, s.Reply.Last()
		}
		return noObstacle, ""
	}
	answered := len(f.Greeting.Lines) > 0 || f.has(func(s *Step) bool { return len(s.Reply.Lines) > 0 })
	switch {
	case f.Noticed(event.Knocked), f.Greeting.Class == event.Nonsense, f.Noticed(event.CaptivePortal):
		return nobodyAnswers, ""
	case !answered && (has[*event.Cut](f) || has[*event.Silenced](f)) && !f.beganTLS():
		return nobodyAnswers, ""
	case f.Greeting.Class == event.Permanent:
		return turnedAway, f.Greeting.Last()
	case f.leftBareServer():
		return bareServer, ""
	}
	return noObstacle, ""
}

// leftBareServer reports whether the client left a server that lists neither TLS nor a login, on a port where there should be
// both. A network's own proxy is like that. What only looks leaves in the same way; see lookedOnly.
func (f *Facts) leftBareServer() bool {
	l := f.Listed[false]
	return f.Security == string(protocol.STARTTLS) && f.acted() && l != nil && !f.listsSTARTTLS(l) && !f.offersLogin(l) && !f.triedTLS() && !f.worksInClear() && f.left()
}

// lookedOnly reports whether the client has asked for nothing that would show what it had come for.
func (f *Facts) lookedOnly() bool {
	return f.leftBareServer() && !f.has((*Step).isSTARTTLS)
}

// guessing makes a guess of a finding about sessions, if the client may only have looked in all of them. word is the one that
// tells.
func (e *Evidence) guessing(tried []*Facts, word string) {
	if len(tried) > 0 && !slices.ContainsFunc(tried, func(f *Facts) bool { return !f.lookedOnly() }) {
		e.Guess, e.Severity = true, Warning
		e.Words[word] += " (A program that only looks leaves like this too.)"
	}
}

// beganTLS reports whether a ClientHello came, so that somebody must have answered.
func (f *Facts) beganTLS() bool { return f.triedTLS() && f.TLS.Hello }

// askedByAddress reports whether the client itself asked for the refusal, by its sender's or recipient's address.
func (f *Facts) askedByAddress() bool { return slices.Contains(f.Injected, event.ByAddress) }

// unwelcome reports whether the server refused a sender or a recipient by policy (RFC 3463 section 3.8): not from here,
// or not without a login.
func (f *Facts) unwelcome(s *Step) bool {
	return (s.Verb == "MAIL" || s.Verb == "RCPT") && s.Reply.Class == event.Permanent && refusal.Means(f.refusal(&s.Reply), refusal.Unwelcome) && !f.wantsTLS(s)
}

// canReceiveCannotSend finds a client that fetches mail, and whose every attempt to send meets an obstacle.
func canReceiveCannotSend(c *Case) []Evidence {
	var received, tried []*Facts
	for _, f := range c.Sessions {
		switch o, _ := f.obstacle(); {
		case f.receives():
			if f.loggedIn() {
				received = append(received, f)
			}
		case f.delivered() > 0:
			return nil
		case o != noObstacle:
			tried = append(tried, f)
		case f.loggedIn():
			return nil // sending has got further elsewhere; what stopped it has a finding of its own
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
	o, said := nobodyAnswers, ""
	if blind {
		for _, f := range c.Control {
			if !f.receives() {
				doors[f.Door] = true
			}
		}
	} else {
		o, said = tried[len(tried)-1].obstacle()
	}
	why, advice := o.words(said, doors)
	all := append(slices.Clone(tried), received[len(received)-1])
	e := Evidence{Sessions: all, Guess: blind, Words: map[string]string{"doors": list(doors), "advice": advice, "why": why}}
	e.guessing(tried, "why")
	return []Evidence{e}
}

const offersNeither = "What answers there offers neither encryption nor a login, and the client left. It may be a proxy of the network rather than your server."

// words explains an obstacle and says what to do about it.
func (o obstacle) words(said string, doors map[int]bool) (why, advice string) {
	switch o {
	case turnedAway:
		return "The server turns this client away in its greeting: \"" + said + "\".", sendAdvice(doors)
	case loginMissing:
		return "The server takes mail only from who has logged in. It said: \"" + said + "\".",
			"Switch on authentication for the outgoing server, with the user name and password of the incoming one."
	case bareServer:
		return offersNeither, sendAdvice(doors)
	case relayRefused:
		return "What answers there offers no login and refuses to send: \"" + said + "\". It may be a proxy of the network rather than your server.", sendAdvice(doors)
	}
	if doors[25] {
		return "Nobody answers there, or something that isn't the server does: many networks block or redirect port 25.", sendAdvice(doors)
	}
	return "Nobody answers there, or something that isn't the server does: a firewall blocks the port, or the network wants a sign-in first.", sendAdvice(doors)
}

// loginIsMissing finds a client that tries to send without a login where the server wants one. It has seen the server's
// own words, so this is said whether it can receive or not.
func loginIsMissing(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if o, said := f.obstacle(); o == loginMissing && !f.has((*Step).logsIn) {
			all = append(all, Evidence{Sessions: []*Facts{f}, Step: f.step(f.unwelcome), Severity: f.refusalSeverity(), Words: map[string]string{"reply": said}})
		}
	}
	return all
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

// stuckOnPort25 finds a client that meets nobody on port 25, or is turned away there, and never tries 587 or 465.
func stuckOnPort25(c *Case) []Evidence {
	const patience = 10 * time.Second
	var tried []*Facts
	seen := ""
	for _, f := range c.Sessions {
		switch o, _ := f.obstacle(); {
		case f.receives():
		case f.delivered() > 0 || f.Door != 25:
			return nil
		case o == bareServer:
			seen = " " + offersNeither
			fallthrough
		case o == nobodyAnswers || o == turnedAway || o == relayRefused:
			tried = append(tried, f)
		}
	}
	if len(tried) == 0 || !c.Over && c.Now.Sub(tried[len(tried)-1].Last()) < patience {
		return nil
	}
	e := Evidence{Sessions: tried, Words: map[string]string{"seen": seen}}
	e.guessing(tried, "seen")
	return []Evidence{e}
}
