package trial

import (
	"fmt"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/transcript"
)

// What a client does under a scenario means something only next to what it does without one. So the first run has no
// scenario, and it must succeed.

// control judges the run at a correct server.
func (t *Trial) control(did ran, limit time.Duration) Control {
	c := Control{
		Status: did.Status, Took: did.Took, Output: did.Output, Sessions: []*transcript.Session{},
		Warnings: []string{}, Findings: []diagnose.Finding{},
	}
	c.Sessions = append(c.Sessions, did.Sessions...)
	about := diagnose.NewCase(transcript.Records(did.Sessions), time.Now())
	about.Over, about.Killed = true, did.Killed
	if !did.Killed {
		ok := did.Status == 0
		about.Succeeded = &ok
	}
	c.Findings = append(c.Findings, about.Findings(false)...)
	switch {
	case did.Killed:
		c.Problem = fmt.Sprintf("the command was still running after %v at a correct server, so mailrig killed it; make it end by itself, or give it more time with --timeout", limit)
	case did.Signal != "" || did.Status != 0:
		c.Problem = fmt.Sprintf("the command %s at a correct server; make it succeed there first (mailrig run -- %s shows what it does)", ending(&did.Run), Quote(t.Args))
	case len(did.Sessions) == 0:
		c.Problem = "the command never connected to the rig; have it use MAILRIG_HOST, MAILRIG_PORT_25, MAILRIG_PORT_143 and so on, the variables that say where every door is"
	}
	for _, f := range c.Findings {
		if f.Severity == diagnose.Error {
			c.Warnings = append(c.Warnings, "without any scenario: "+f.Title+" "+f.Advice)
		}
	}
	if c.Problem == "" && !achieved(did.Sessions) {
		c.Warnings = append(c.Warnings, "without any scenario the command neither logged in nor moved a message, so the trial can judge little; have it send or fetch mail, and report failures by its exit status")
	}
	return c
}

// achieved reports whether any session sent or fetched a message.
func achieved(sessions []*transcript.Session) bool {
	for _, s := range sessions {
		if s.Counts.MessagesIn > 0 || s.Counts.MessagesOut > 0 {
			return true
		}
		for _, l := range s.Logins {
			if l.OK {
				return true
			}
		}
	}
	return false
}

// differences lists how two runs at a correct server differ in what verdicts rest on.
func differences(a, b *Run) (all []string) {
	differ := func(what string, x, y any) {
		if x != y {
			all = append(all, fmt.Sprintf("two runs without any scenario differ: %s %v and %v; verdicts may change from run to run too", what, x, y))
		}
	}
	differ("exit status", a.Status, b.Status)
	differ("doors used", doorsOf(a.Sessions), doorsOf(b.Sessions))
	differ("messages sent", incoming(a.Sessions), incoming(b.Sessions))
	return all
}

func doorsOf(sessions []*transcript.Session) string {
	count := map[int]int{}
	for _, s := range sessions {
		count[s.Door]++
	}
	var names []string
	for _, door := range []int{25, 2525, 587, 465, 110, 995, 143, 993} {
		if count[door] > 0 {
			names = append(names, fmt.Sprint(door))
		}
	}
	return strings.Join(names, ",")
}

func incoming(sessions []*transcript.Session) (n int) {
	for _, s := range sessions {
		n += s.Counts.MessagesIn
	}
	return n
}
