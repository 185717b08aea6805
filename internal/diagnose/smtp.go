package diagnose

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Predicates about sending.

// submissionDoors are the ports on which a client should submit its mail.
var submissionDoors = []int{587, 465, 2525}

func mailSentInClear(c *Case) []Evidence { return c.each((*Facts).mailInClear) }

// mailSent finds a message that the server accepted in the end.
func mailSent(c *Case) []Evidence { return c.each(func(f *Facts) bool { return f.delivered() > 0 }) }

// sends reports whether the client is one that sends: it sent at a correct server, or it tries to here.
func sends(c *Case) bool {
	if c.Control != nil {
		return slices.ContainsFunc(c.Control, func(f *Facts) bool { return f.delivered() > 0 })
	}
	return c.any(func(f *Facts) bool { return !f.receives() })
}

// usedSubmissionDoor finds a message accepted on 587, 465 or 2525, from a client that had logged in, inside TLS.
func usedSubmissionDoor(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.delivered() > 0 && slices.Contains(submissionDoors, f.Door) && f.onTLS() && f.loggedIn()
	})
}

// sentMessageWithoutGoAhead finds a message sent after a command whose go-ahead (354 after DATA) hadn't come.
func sentMessageWithoutGoAhead(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		for i, s := range f.inTurn() {
			if !s.Word.GoAhead || len(s.Reply.Lines) == 0 || s.GoAhead {
				continue
			}
			if s.Uploaded > 0 {
				return true
			}
			for _, next := range f.Steps[i+1:] {
				_, known := f.speaks.Words.Find(next.Verb)
				if !known && (headerLine.MatchString(next.Line) || f.Noticed(event.HeaderLine)) {
					return true
				}
			}
		}
		return false
	})
}

// headerLine matches the beginning of a message (RFC 5322 section 2.2), as opposed to a command that the protocol's
// words lack.
var headerLine = regexp.MustCompile(`^[!-9;-~]+:`)

// bareLF and unstuffedDots: RFC 5321 sections 2.3.8 and 4.5.2.
func bareLF(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.Noticed(event.BareLF) })
}

func unstuffedDots(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.Noticed(event.UnstuffedDot) })
}

// delivery is a message stored for one recipient.
type delivery struct {
	f         *Facts
	m         *event.Stored
	recipient string
}

func deliveries(list []*Facts) (all []delivery) {
	for _, f := range list {
		if f.receives() {
			continue
		}
		for i := range f.Messages {
			m := &f.Messages[i]
			for _, r := range m.Recipients {
				all = append(all, delivery{f, m, r})
			}
		}
	}
	return all
}

// identity says which message a stored one is to its reader: two with the same identity are the same.
type identity struct{ messageID, sum string }

func identityOf(m *event.Stored) identity {
	if m.MessageID != "" {
		return identity{messageID: m.MessageID}
	}
	return identity{sum: m.Sum}
}

// deliveredTwice finds a message that was delivered to a recipient who already had it.
func deliveredTwice(c *Case) (all []Evidence) {
	got := map[string][]delivery{}
	for _, d := range deliveries(c.Sessions) {
		got[d.recipient] = append(got[d.recipient], d)
	}
	usual := map[string]int{}
	for _, d := range deliveries(c.Control) {
		usual[d.recipient]++
	}
	for _, recipient := range slices.Sorted(maps.Keys(got)) {
		list := got[recipient]
		if c.Control != nil && len(list) <= usual[recipient] {
			continue // as many as it always sends to this recipient
		}
		var twice []*Facts // one finding per recipient, however often the message came
		// Without a Message-ID, and with every reply received, they may be two messages with the same text.
		guess := c.Control == nil
		first := make(map[identity]*Facts, len(list))
		for _, d := range list {
			id := identityOf(d.m)
			if before := first[id]; before != nil {
				twice = append(twice, before, d.f)
				guess = guess && d.m.MessageID == "" && !before.replyLost()
			} else {
				first[id] = d.f
			}
		}
		if twice != nil {
			all = append(all, Evidence{Sessions: distinct(twice...), Guess: guess, Words: map[string]string{"recipient": recipient}})
		}
	}
	return all
}

// unanswered lists the stored messages whose sender didn't get the reply.
func (c *Case) unanswered() (all []delivery) {
	for _, d := range deliveries(c.Sessions) {
		if d.f.replyLost() && d.m.At == d.f.Messages[len(d.f.Messages)-1].At {
			all = append(all, d)
		}
	}
	return all
}

// resent lists the deliveries, in later sessions, that may be the same message again.
func (c *Case) resent(d delivery) (again []delivery) {
	for _, e := range deliveries(c.Sessions) {
		if e.f != d.f && e.recipient == d.recipient && e.f.Start.After(d.f.Start) {
			again = append(again, e)
		}
	}
	return again
}

// keptMessageID finds a message that was sent again with the same Message-ID. The recipient's server or client can then
// tell that it is the same.
func keptMessageID(c *Case) (all []Evidence) {
	for _, d := range c.unanswered() {
		for _, e := range c.resent(d) {
			if d.m.MessageID != "" && d.m.MessageID == e.m.MessageID {
				all = append(all, Evidence{Sessions: distinct(d.f, e.f)})
			}
		}
	}
	return all
}

func canKeepMessageID(c *Case) bool {
	return slices.ContainsFunc(c.unanswered(), func(d delivery) bool { return len(c.resent(d)) > 0 })
}

// usedUnlistedExtension finds the use of an extension that the server hasn't advertised (RFC 5321 section 2.2.1, RFC
// 9051 section 6.1.1).
func usedUnlistedExtension(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		for _, s := range f.inTurn() {
			if name := f.unlistedExtension(s); name != "" {
				return map[string]string{"extension": name}
			}
		}
		for i, s := range f.inTurn() {
			if s.Early && i > 0 && !f.Steps[i-1].WentOn && !f.Steps[i-1].asks() && s.Secure == f.Steps[i-1].Secure && f.lacksPipelining(s.Listed) {
				return map[string]string{"extension": "PIPELINING"}
			}
		}
		return nil
	})
}

// sentBehindHello finds a command that came before the reply to the one that must be waited for (RFC 2920 section 3.1).
func sentBehindHello(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		for i, s := range f.inTurn() {
			if i > 0 && s.Early && s.Verb != "" && f.Steps[i-1].Word.MustWait {
				return map[string]string{"next": s.Verb, "hello": f.Steps[i-1].Verb}
			}
		}
		return nil
	})
}

// lacksPipelining reports whether this list says that the server doesn't support command pipelining, in a protocol that has it
// as an extension (RFC 2920, RFC 2449 section 6.6).
func (f *Facts) lacksPipelining(l *List) bool {
	return l != nil && !l.Has("PIPELINING") && slices.Contains(f.speaks.Capabilities, "PIPELINING")
}

// unlistedExtension returns an extension that a command uses and the server hasn't advertised, or "".
func (f *Facts) unlistedExtension(s *Step) string {
	if f.speaks.Uses == nil || s.Listed == nil || f.speaks.ListsMore && f.loggedIn() && !s.Listed.AfterLogin {
		return ""
	}
	for _, names := range f.speaks.Uses(protocol.Line{Tag: s.Tag, Verb: s.Verb, Args: s.Args}) {
		if !slices.ContainsFunc(names, s.Listed.Has) {
			return names[0]
		}
	}
	return ""
}

// ignoredSizeLimit finds a message above the advertised SIZE (RFC 1870), declared or sent.
func ignoredSizeLimit(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		for _, s := range f.inTurn() {
			text, _ := s.Listed.Param("SIZE")
			limit, _ := strconv.ParseInt(text, 10, 64)
			if limit <= 0 {
				continue
			}
			_, announced, _ := strings.Cut(strings.ToUpper(s.Args), "SIZE=")
			announced, _, _ = strings.Cut(announced, " ")
			size, _ := strconv.ParseInt(announced, 10, 64)
			if s.Verb == "MAIL" && size > limit || s.Uploaded > limit+3 { // 3 bytes for the line with the final dot
				return map[string]string{"limit": text}
			}
		}
		return nil
	})
}

// failure is a failure after which a client must try again, or must not.
type failure struct {
	f    *Facts
	step *Step // nil: the connection as a whole failed
	key  string
	at   time.Time
}

var address = regexp.MustCompile(`<[^<>]*>`)

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
			case s.leaves() || s.Reply.Class == event.Permanent:
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
	advice := "Keep the message in the outbox, and try again after a minute or more."
	if !x.sends() {
		advice = "Connect again after a minute or more: nothing is lost, and nothing is wrong with the settings."
	}
	return []Evidence{{Sessions: []*Facts{x.f}, Words: map[string]string{"what": x.what(), "advice": advice}}}
}

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

// reportedSuccessWithoutDelivery finds a command that reported success although mail which it sends at a correct server
// is missing here.
func reportedSuccessWithoutDelivery(c *Case) []Evidence {
	if c.Succeeded == nil || !*c.Succeeded || c.Control == nil {
		return nil
	}
	stored := func(list []*Facts) int { return len(deliveries(list)) }
	want, got := stored(c.Control), stored(c.Sessions)
	if got >= want {
		return nil
	}
	var tried []*Facts
	for _, f := range c.Sessions {
		if !f.receives() {
			tried = append(tried, f)
		}
	}
	return []Evidence{{Sessions: tried, Words: map[string]string{"got": itoa(got), "want": itoa(want)}}}
}
