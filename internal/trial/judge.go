package trial

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
	"github.com/mailrig/mailrig/internal/transcript"
	"github.com/mailrig/mailrig/scenarios"
)

// Verdict is the judgement of a client under one scenario.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "pass"
	Fail         Verdict = "fail"
	NotExercised Verdict = "not-exercised" // the client never met the scenario, or did nothing that could show what is expected
	CouldNotRun  Verdict = "could-not-run"
)

var verdicts = []Verdict{Pass, Fail, NotExercised, CouldNotRun}

// Run is what a client did in one run.
type Run struct {
	Sessions []*transcript.Session
	Status   int           // exit status of the command; -1 if it didn't end by itself
	Signal   string        // the signal that ended it; "" if none did, or if mailrig killed it
	Killed   bool          // it took longer than allowed, and mailrig killed it
	Took     time.Duration // from start to end
	Overdue  time.Time     // when its time was up; zero if it ended before
	Output   string        // the last 64 KiB of what it said
	Err      error         // why the command, or its rig, couldn't be started
}

// Judgement is a verdict with its reasons.
type Judgement struct {
	Verdict Verdict
	Reasons []Reason
}

// Reason is one sentence that explains a verdict.
type Reason struct {
	Text string `json:"text"`
	// Expectation is the id that the scenario requires or forbids. It is "" if the reason is about the command or its
	// mail.
	Expectation string            `json:"expectation,omitempty"`
	Finding     *diagnose.Finding `json:"finding,omitempty"`  // the finding that proves it
	Sessions    []string          `json:"sessions,omitempty"` // ids of the sessions that show it

	// General is Text without what differs from scenario to scenario; "" if nothing does.
	General string `json:"general,omitempty"`
	Kind    Kind   `json:"kind,omitempty"`

	excusable bool // another run of the client would do what is missing
}

// Kind says what a reason without a finding is about.
type Kind string

// The kinds of reasons.
const (
	Missing Kind = ""       // the client didn't do something
	Crash   Kind = "crash"  // it crashed or was killed
	Untrue  Kind = "untrue" // it reported the opposite of what happened
)

// Terms are what a client is judged by, besides the scenario.
type Terms struct {
	Limit time.Duration // how long the client was allowed to run
	// RetriesOutside says that somebody else runs the client again after a temporary failure. A client that reports one
	// as temporary has done its part.
	RetriesOutside bool
}

// Judge compares what a client did under a scenario with what the scenario expects, and with what the client did
// without it.
func Judge(s *scenarios.Scenario, control, run *Run, terms Terms) Judgement {
	limit := terms.Limit
	if run.Err != nil {
		return Judgement{CouldNotRun, []Reason{{Text: run.Err.Error()}}}
	}
	j := judge{s: s, control: control, run: run}
	j.c = caseOf(s, control, run)
	if !j.exercised() {
		if run.Killed {
			return Judgement{CouldNotRun, []Reason{{Text: fmt.Sprintf("the command was still running after %v, so mailrig killed it; it had not met the scenario", limit)}}}
		}
		return Judgement{NotExercised, []Reason{{Text: "the client never met the scenario"}}}
	}
	j.forbidden()
	j.required(limit)
	if run.Killed {
		j.killed(limit)
		if s.Expect.Mail == scenarios.MailNone {
			j.mail() // what has arrived has arrived
		}
	} else {
		j.command()
		j.mail()
	}
	switch {
	case len(j.against) > 0 && terms.RetriesOutside && j.leavesRetry():
		return Judgement{Pass, nil}
	case len(j.against) > 0:
		return Judgement{Fail, j.against}
	case len(j.open) > 0:
		return Judgement{NotExercised, j.open}
	case j.seen == 0:
		return Judgement{NotExercised, []Reason{{Text: "the scenario told us nothing about this client: the client met it, but never did what goes wrong"}}}
	}
	return Judgement{Pass, nil}
}

type judge struct {
	s            *scenarios.Scenario
	control, run *Run
	c            *diagnose.Case
	against      []Reason
	open         []Reason // why no verdict is possible
	seen         int      // how many expectations could be checked
}

// caseOf returns what is known about the client.
func caseOf(s *scenarios.Scenario, control, run *Run) *diagnose.Case {
	now := time.Now()
	c := diagnose.NewCase(transcript.Records(run.Sessions), now).WithControl(transcript.Records(control.Sessions))
	c.Over, c.Killed = true, run.Killed
	c.Blocked = map[int]bool{}
	plan := scenarios.Compile([]*scenarios.Scenario{s})
	for _, f := range c.Control {
		v4, _ := plan.Listen(f.Door, f.Protocol, false)
		v6, _ := plan.Listen(f.Door, f.Protocol, true)
		if v4 != fault.ListenOpen && v6 != fault.ListenOpen {
			c.Blocked[f.Door] = true
		}
	}
	if !run.Killed {
		ok := run.Status == 0
		c.Succeeded = &ok
	}
	return c
}

// exercised reports whether the client has met the scenario: the scenario acted in a session, or it blocks a door that
// the client uses at a correct server. Nobody sees who tries a door that refuses.
func (j *judge) exercised() bool {
	plan := scenarios.Compile([]*scenarios.Scenario{j.s})
	for _, f := range j.c.Sessions {
		if j.acted(f) && (!limits(j.s) || j.refusedIn(f)) {
			return true
		}
	}
	if slices.ContainsFunc(j.c.Issuer, j.acted) {
		return true
	}
	for _, f := range j.c.Control {
		if mode, _ := plan.Listen(f.Door, f.Protocol, strings.HasPrefix(f.Server, "[")); mode != fault.ListenOpen {
			return true
		}
	}
	return heeds(plan, j.control) || j.spared()
}

// acted reports whether the scenario acted in a session, or in a request to the issuer of tokens.
func (j *judge) acted(f *diagnose.Facts) bool { return slices.Contains(f.Injected, j.s.Name) }

// spared reports whether the client did what a rule would have acted on, and did it so well that the rule didn't: it
// first sent the command that ends the rule (until), or the command, the message or the TLS handshake wasn't like the
// rule wants it to be. That is what a good client does.
func (j *judge) spared() bool {
	for i := range j.s.Rules {
		r := &j.s.Rules[i]
		for _, f := range j.c.Sessions {
			ended := r.Match.Particular()
			if ended && len(r.Match.ServerName) > 0 && f.TLS != nil && r.Match.Meets(f.Door, f.Protocol, "") {
				return true
			}
			for _, step := range f.Steps {
				if ended && r.Match.Meets(f.Door, f.Protocol, step.Verb) {
					return true
				}
				ended = ended || r.Until.Is(step.Verb) && step.Reply.Class == event.OK
			}
		}
	}
	return false
}

// limits reports whether all that a scenario does is to set limits, and to change how they are announced.
func limits(s *scenarios.Scenario) (yes bool) {
	for _, r := range s.Rules {
		_, limit := r.Fault.(fault.LimitStage)
		_, one := r.Fault.(fault.CapabilityStage)
		_, list := r.Fault.(fault.ListStage)
		if !limit && !one && !list {
			return false
		}
		yes = yes || limit
	}
	return yes
}

// refusedIn reports whether the scenario refused something in a session.
func (j *judge) refusedIn(f *diagnose.Facts) bool {
	return slices.ContainsFunc(f.Steps, func(s *diagnose.Step) bool { return j.refused(&s.Reply) })
}

func (j *judge) refused(r *diagnose.Reply) bool { return r.Injected == j.s.Name && r.Failed() }

// heeds reports whether a client that does what it did in the control run meets a limit of the plan. It does so even if
// it looks at the announced limit and sends nothing, which is what a good client does.
func heeds(plan *fault.Plan, control *Run) bool {
	return slices.ContainsFunc(control.Sessions, func(session *transcript.Session) bool {
		client, err := netip.ParseAddrPort(session.Client)
		if err != nil {
			return false
		}
		limits := plan.Conn(session.Door, session.Protocol, client.Addr()).Limits()
		return slices.ContainsFunc(session.Messages, func(m transcript.Stored) bool {
			return limits.MessageBytes > 0 && m.Bytes > limits.MessageBytes || limits.Recipients > 0 && len(m.Recipients) > limits.Recipients
		})
	})
}

// touches reports whether a scenario can affect a client that does what it did in the control run. If it can't, the
// client would only do the same again.
func touches(s *scenarios.Scenario, control *Run) bool {
	plan := scenarios.Compile([]*scenarios.Scenario{s})
	for _, session := range control.Sessions {
		client, err := netip.ParseAddrPort(session.Client)
		if err != nil {
			return true
		}
		v6 := client.Addr().Unmap().Is6()
		mode, _ := plan.Listen(session.Door, session.Protocol, v6)
		if mode != fault.ListenOpen || plan.Conn(session.Door, session.Protocol, client.Addr()) != nil {
			return true
		}
	}
	return false
}

func (j *judge) fail(r Reason) { j.against = append(j.against, r) }

// evidence returns the first finding with this id, or nil.
func evidence(c *diagnose.Case, id string) *diagnose.Finding {
	for _, f := range c.Findings(true) {
		if f.ID == id {
			return &f
		}
	}
	return nil
}

func (j *judge) forbidden() {
	for _, id := range j.s.Expect.Forbid {
		j.seen++
		if f := evidence(j.c, id); f != nil {
			row, _ := diagnose.Lookup(id)
			j.fail(Reason{Text: "must not " + row.Do, Expectation: id, Finding: f, Sessions: f.Sessions})
		}
	}
}

func (j *judge) required(limit time.Duration) {
	for _, id := range j.s.Expect.Require {
		row, _ := diagnose.Lookup(id)
		if evidence(j.c, id) != nil {
			j.seen++
			continue
		}
		if row.Can != nil && !row.Can(j.c) {
			continue // the client never had the occasion
		}
		j.seen++
		if j.run.Killed && (id != "gave-up-in-time" || !j.waiting()) {
			continue // it had no time for this; killed reports it
		}
		if j.run.Killed && limit < mayWait {
			j.fail(Reason{Text: fmt.Sprintf("should give up by itself on a server that says nothing, but was still waiting after %v; if it waits for up to %v, as RFC 5321 allows, give it more time with --timeout", limit, mayWait), Expectation: id, Sessions: j.met()})
			continue
		}
		why := Reason{Text: "should " + row.Do, Expectation: id, Sessions: j.met(), excusable: slices.Contains(afterRetry, id)}
		if said, session := j.said(); id == "worked-as-usual" && said != "" {
			why.General = "should do its whole work all the same"
			why.Text, why.Sessions = why.General+", but didn't after "+said, []string{session}
		}
		j.fail(why)
	}
}

// waiting reports whether the client was waiting for the server when its time was up, in a session in which the scenario
// acted.
func (j *judge) waiting() bool {
	return slices.ContainsFunc(j.c.Sessions, func(f *diagnose.Facts) bool {
		return j.acted(f) && (f.End.IsZero() || !f.End.Before(j.run.Overdue))
	})
}

// said returns, in words, how the scenario stopped the client, and in which session: by a refusal, or by ending the
// connection. It returns "" if the scenario did neither.
func (j *judge) said() (how, session string) {
	for _, f := range j.c.Sessions {
		if !j.acted(f) {
			continue
		}
		if j.refused(&f.Greeting) {
			return fmt.Sprintf("the greeting %q", f.Greeting.Last()), f.ID
		}
		for _, s := range f.Steps {
			if j.refused(&s.Reply) {
				return fmt.Sprintf("the reply %q", s.Reply.Last()), f.ID
			}
		}
		if f.EndedBy == event.EndedByScenario {
			return "the server ended the connection", f.ID
		}
	}
	return "", ""
}

// mayWait is how long a client may wait for a server (RFC 5321 section 4.5.3.2).
const mayWait = 5 * time.Minute

// met lists the sessions in which the scenario acted.
func (j *judge) met() (ids []string) {
	for _, f := range slices.Concat(j.c.Issuer, j.c.Sessions) {
		if j.acted(f) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// killed says what it means that mailrig had to kill the client.
func (j *judge) killed(limit time.Duration) {
	if longest := Longest(j.s); longest >= limit {
		j.open = append(j.open, Reason{Text: fmt.Sprintf("the scenario keeps the client waiting for %v, longer than it may run here (%v); give it more time with --timeout", longest, limit), Sessions: j.met(),
			General: "the scenario keeps the client waiting longer than it may run here; give it more time with --timeout"})
		return
	}
	j.fail(Reason{Text: fmt.Sprintf("the command was still running after %v, so mailrig killed it", limit), Sessions: j.met(), Kind: Crash})
}

func (j *judge) command() {
	e := &j.s.Expect
	ok := j.run.Status == 0
	if e.Command != "" {
		j.seen++
	}
	switch {
	case j.run.Signal != "": // a crash is never expected
		j.seen++
		j.fail(Reason{Text: fmt.Sprintf("must not crash: the command was killed by a signal (%s)", j.run.Signal), Sessions: j.met(), Kind: Crash})
	case e.Command == scenarios.CommandSucceeds && !ok:
		j.fail(Reason{Text: fmt.Sprintf("should report success, but exited with status %d", j.run.Status), General: "should report success", Sessions: j.met(), excusable: true})
	case e.Command == scenarios.CommandFails && ok:
		j.fail(Reason{Text: "should report the failure, but exited with status 0", Sessions: j.met(), Kind: Untrue})
	}
	if e.Within > 0 {
		j.seen++
		if j.run.Took > e.Within {
			j.fail(Reason{Text: fmt.Sprintf("should finish within %v, but took %v", e.Within, j.run.Took.Round(time.Millisecond)), General: "should finish in time", Sessions: j.met()})
		}
	}
	const untrue = "reported-success-without-delivery"
	if f := evidence(j.c, untrue); f != nil && e.Mail != scenarios.MailNone && !slices.Contains(e.Forbid, untrue) {
		j.fail(Reason{Text: "must not report success for mail that didn't arrive", Finding: f, Sessions: f.Sessions})
	}
}

// mail counts the messages that have arrived.
func (j *judge) mail() {
	count := func(run *Run) (n int) {
		for _, s := range run.Sessions {
			if p := protocol.Find(all.Protocols(), s.Protocol); p != nil && !p.Receives {
				for _, m := range s.Messages {
					n += len(m.Recipients)
				}
			}
		}
		return n
	}
	sent, arrived := count(j.control), count(j.run)
	if sent == 0 || j.s.Expect.Mail == "" {
		return
	}
	j.seen++
	switch j.s.Expect.Mail {
	case scenarios.MailOnce:
		if f := evidence(j.c, "delivered-twice"); f != nil {
			j.fail(Reason{Text: "each message must arrive exactly once", Finding: f, Sessions: f.Sessions})
		} else if arrived != sent {
			j.fail(Reason{Text: fmt.Sprintf("each message must arrive exactly once: %d arrived, but %d without the scenario", arrived, sent), General: "each message must arrive exactly once", Sessions: j.met(), excusable: arrived < sent})
		}
	case scenarios.MailNone:
		if arrived > 0 {
			j.fail(Reason{Text: fmt.Sprintf("no message may get through, but %d did", arrived), General: "no message may get through", Sessions: j.met()})
		}
	}
}

// Longest returns the longest time for which a scenario makes a client wait before it goes on.
func Longest(s *scenarios.Scenario) (longest time.Duration) {
	for _, r := range s.Rules {
		if d := r.Waits(); d != fault.Forever {
			longest = max(longest, d)
		}
	}
	return longest
}
