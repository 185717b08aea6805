package trial

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
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

// Run is what a client did in one run.
type Run struct {
	Sessions []*transcript.Session
	Status   int           // exit status of the command; -1 if it didn't end by itself
	Signal   string        // the signal that ended it; "" if none did, or if mailrig killed it
	Killed   bool          // it took longer than allowed, and mailrig killed it
	Took     time.Duration // from start to end
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
}

// Judge compares what a client did under a scenario with what the scenario expects, and with what the client did
// without it. limit is how long the client was allowed to run.
func Judge(s *scenarios.Scenario, control, run *Run, limit time.Duration) Judgement {
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
	for _, f := range j.c.Sessions {
		if slices.Contains(f.Injected, j.s.Name) {
			return true
		}
	}
	plan := scenarios.Compile([]*scenarios.Scenario{j.s})
	for _, f := range j.c.Control {
		if mode, _ := plan.Listen(f.Door, f.Protocol, strings.HasPrefix(f.Server, "[")); mode != fault.ListenOpen {
			return true
		}
	}
	return false
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
		if j.run.Killed && id != "gave-up-in-time" {
			continue // it had no time for this; killed reports it
		}
		if j.run.Killed && limit < mayWait {
			j.fail(Reason{Text: fmt.Sprintf("should give up by itself on a server that says nothing, but was still waiting after %v; if it waits for up to %v, as RFC 5321 allows, give it more time with --timeout", limit, mayWait), Expectation: id, Sessions: j.met()})
			continue
		}
		j.fail(Reason{Text: "should " + row.Do, Expectation: id, Sessions: j.met()})
	}
}

// mayWait is how long a client may wait for a server (RFC 5321 section 4.5.3.2).
const mayWait = 5 * time.Minute

// met lists the sessions in which the scenario acted.
func (j *judge) met() (ids []string) {
	for _, f := range j.c.Sessions {
		if slices.Contains(f.Injected, j.s.Name) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// killed says what it means that mailrig had to kill the client.
func (j *judge) killed(limit time.Duration) {
	if longest := Longest(j.s); longest >= limit {
		j.open = append(j.open, Reason{Text: fmt.Sprintf("the scenario keeps the client waiting for %v, longer than it may run here (%v); give it more time with --timeout", longest, limit), Sessions: j.met()})
		return
	}
	j.fail(Reason{Text: fmt.Sprintf("the command was still running after %v, so mailrig killed it", limit), Sessions: j.met()})
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
		j.fail(Reason{Text: fmt.Sprintf("must not crash: the command was killed by a signal (%s)", j.run.Signal), Sessions: j.met()})
	case e.Command == scenarios.CommandSucceeds && !ok:
		j.fail(Reason{Text: fmt.Sprintf("should report success, but exited with status %d", j.run.Status), Sessions: j.met()})
	case e.Command == scenarios.CommandFails && ok:
		j.fail(Reason{Text: "should report the failure, but exited with status 0", Sessions: j.met()})
	}
	if e.Within > 0 {
		j.seen++
		if j.run.Took > e.Within {
			j.fail(Reason{Text: fmt.Sprintf("should finish within %v, but took %v", e.Within, j.run.Took.Round(time.Millisecond)), Sessions: j.met()})
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
			j.fail(Reason{Text: fmt.Sprintf("each message must arrive exactly once: %d arrived, but %d without the scenario", arrived, sent), Sessions: j.met()})
		}
	case scenarios.MailNone:
		if arrived > 0 {
			j.fail(Reason{Text: fmt.Sprintf("no message may get through, but %d did", arrived), Sessions: j.met()})
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
