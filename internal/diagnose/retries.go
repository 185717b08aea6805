package diagnose

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// Predicates about what a client does after a failure.

// failure is a failure after which a client must try again, or must not.
type failure struct {
	f    *Facts
	step *Step // nil: the connection as a whole failed
	key  string
	at   time.Time
}

var address = lazyregexp.New(`<[^<>]*>`)

// key identifies a command within one protocol: two commands with the same key are the same command.
func (f *Facts) key(s *Step) string {
	args := s.Args
	switch s.Verb {
	case "MAIL", "RCPT":
		args = address.FindString(args)
	case "DATA", "BDAT", "APPEND", "FETCH", "STORE":
		args = ""
	}
	if s.logsIn() {
		return f.Protocol + " login"
	}
	return f.Protocol + " " + s.Verb + " " + args
}

// setbacks lists temporary failures: temporary error replies, broken connections, greetings that say "later". A lasting
// refusal isn't one, even if the server ends the connection with it.
func (c *Case) setbacks() (all []failure) {
	for _, f := range c.Sessions {
		before := len(all)
		for _, s := range f.inTurn() {
			switch {
			case s.leaves() || s.Reply.Class == event.Permanent, s.Reply.Class == event.Temporary && f.unknownCommand(s):
			case s.Reply.Class == event.Temporary, !s.answered() && (s.Cut || s.Silenced), s.Cut:
				all = append(all, failure{f, s, f.key(s), f.at(s)})
			}
		}
		connectFailed := f.Greeting.Class == event.Temporary || len(f.Steps) == 0 && (has[*event.Cut](f) || f.Noticed(event.Knocked))
		if connectFailed && len(all) == before {
			all = append(all, failure{f, nil, f.Protocol, f.Start})
		}
	}
	return all
}

// unknownCommand reports whether a line isn't a command of the session's protocol. A server that has seen too many of these
// says "later" (421) when it ends the connection, and there is nothing to try again.
func (f *Facts) unknownCommand(s *Step) bool {
	_, known := f.speaks.Words.Find(s.Verb)
	return !known && !s.Cut && !s.Silenced
}

// lostWaiting reports whether the connection ended while the client only waited or asked. Then connecting again is trying again.
func (x failure) lostWaiting() bool {
	last := x.f.Steps[len(x.f.Steps)-1]
	return x.f.receives() && x.step == last && x.f.EndedBy != event.EndedByClient && (!last.works() || last.Verb == "IDLE") && !last.isSTARTTLS()
}

// triedAgain returns when the client repeated what had failed, or the zero time if it never did.
func (c *Case) triedAgain(x failure) time.Time {
	for _, f := range c.Sessions {
		if (x.step == nil || x.lostWaiting()) && f.Protocol == x.f.Protocol && f.Start.After(x.at) {
			return f.Start
		}
		for _, s := range f.inTurn() {
			if x.step != nil && f.key(s) == x.key && f.at(s).After(x.at) {
				return f.at(s)
			}
		}
	}
	return time.Time{}
}

// retriedAfterTemporaryFailure finds a client that retried at least once.
func retriedAfterTemporaryFailure(c *Case) (all []Evidence) {
	for _, x := range c.setbacks() {
		if !c.triedAgain(x).IsZero() {
			all = append(all, Evidence{Sessions: []*Facts{x.f}})
		}
	}
	return all
}

func hadSetback(c *Case) bool { return len(c.setbacks()) > 0 }

// gaveUpAfterTemporaryFailure finds a client that should have retried and never did.
func gaveUpAfterTemporaryFailure(c *Case) (all []Evidence) {
	list := c.setbacks()
	if !c.Over || len(list) == 0 || len(retriedAfterTemporaryFailure(c)) > 0 {
		return nil
	}
	x := list[len(list)-1]
	advice := "Send it again in a few minutes. For the client's developer: keep the message in the outbox, and try again after a minute or more."
	if !x.sends() {
		advice = "Nothing is lost, and nothing is wrong with the settings: look for mail again in a few minutes. For the client's developer: connect again after a minute or more."
	}
	e := Evidence{Sessions: []*Facts{x.f}, Words: map[string]string{"what": x.what(), "advice": advice}}
	if !slices.ContainsFunc(list, func(x failure) bool { return !x.byAddress() }) {
		e.Severity = Info // a test of failures has asked for it
	}
	return []Evidence{e}
}

// byAddress reports whether the client itself asked for the failure, by an address.
func (x failure) byAddress() bool { return x.step != nil && x.step.Reply.Injected == event.ByAddress }

// sends reports whether what failed was the sending of a message, or the storing of one by APPEND.
func (x failure) sends() bool {
	return !x.f.receives() || x.step != nil && x.step.Word.Mail
}

// what says what happened.
func (x failure) what() string {
	if x.step == nil {
		switch {
		case len(x.f.Greeting.Lines) > 0 && x.f.Greeting.Class != event.OK:
			return "The server greeted with: " + x.f.Greeting.Last()
		case x.f.Noticed(event.Knocked):
			return "Nobody answered on port " + itoa(x.f.Door) + "."
		}
		return "The connection broke before the client had said anything."
	}
	at := cmp.Or(x.step.Verb, "what the client said")
	switch {
	case x.step.Reply.Class == event.Temporary:
		return "The server said to " + at + ": " + x.step.Reply.Last()
	case x.step.Silenced:
		return "The server fell silent at " + at + "."
	case x.step.BodyCut:
		return "The connection broke in the middle of the message."
	}
	return "The connection broke at " + at + "."
}

// refusedForGood reports whether the server refused this command permanently, and the client can have read that. The
// engine's own reply to an upload that the client broke off reaches nobody.
func (f *Facts) refusedForGood(s *Step) bool {
	switch {
	case s.Reply.Class != event.Permanent || s.leaves():
		return false
	case s.BodyCut && s == f.Steps[len(f.Steps)-1] && f.EndedBy == event.EndedByClient:
		return false
	}
	return true
}

// loopKey identifies a command that a client may repeat by itself. A command that isn't understood is another one if its
// arguments differ.
func (f *Facts) loopKey(s *Step) string {
	if args := strings.TrimSpace(s.Args); args != "" && f.syntaxRefused(s) {
		return f.Protocol + " " + s.Verb + " " + args
	}
	return f.key(s)
}

// syntaxRefused reports whether the server couldn't parse the command, or doesn't know it.
func (f *Facts) syntaxRefused(s *Step) bool {
	_, known := f.speaks.Words.Find(s.Verb)
	return s.Reply.Class == event.Permanent && (s.Reply.NotUnderstood || !known)
}

// repeatedPermanentFailure finds commands that were repeated with the same arguments after a permanent refusal. One
// loop gives one finding, whatever its commands.
func repeatedPermanentFailure(c *Case) []Evidence {
	refused := map[string][]*Facts{}
	for _, f := range c.Sessions {
		if f.Greeting.Class == event.Permanent && f.acted() {
			refused[itoa(f.Door)+" greeting"] = append(refused[itoa(f.Door)+" greeting"], f)
		}
		for _, s := range f.inTurn() {
			if !f.refusedForGood(s) || s.ofLogin() || s.logsIn() || s.Verb == "" {
				continue
			}
			if s.asks() && c.Control == nil {
				continue // a client asks for the capabilities in every session
			}
			key := itoa(f.Door) + " " + f.loopKey(s)
			refused[key] = append(refused[key], f)
		}
	}
	var looped []string
	var all []*Facts
	times := 0
	for _, key := range slices.Sorted(maps.Keys(refused)) {
		list := refused[key]
		usual := count(c.Control, func(f *Facts) (n int) {
			if itoa(f.Door)+" greeting" == key {
				return 1
			}
			for _, s := range f.inTurn() {
				if itoa(f.Door)+" "+f.loopKey(s) == key || itoa(f.Door)+" "+f.key(s) == key {
					n++
				}
			}
			return n
		})
		if len(list) <= c.spare(usual, 2) {
			continue
		}
		_, what, _ := strings.Cut(key, " ")
		_, what, _ = strings.Cut(what, " ")
		looped = append(looped, cmp.Or(strings.TrimSpace(what), "the connection"))
		all = append(all, list...)
		times = max(times, len(list))
	}
	if looped == nil {
		return nil
	}
	slices.Sort(looped)
	what := looped[0]
	if more := len(looped) - 1; more > 0 {
		what += ", and " + itoa(more) + " more"
	}
	all = distinct(all...)
	slices.SortStableFunc(all, func(a, b *Facts) int { return a.Start.Compare(b.Start) })
	return []Evidence{{Sessions: all, Words: map[string]string{"what": what, "times": itoa(times)}}}
}
