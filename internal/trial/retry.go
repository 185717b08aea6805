package trial

import (
	"slices"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// afterRetry lists what another run does, if the reason for its absence has gone by then.
var afterRetry = []string{"retried-after-temporary-failure", "worked-as-usual", "mail-sent", "kept-message-id"}

// tempFail is the exit status by which a program says that another try may succeed: EX_TEMPFAIL of sysexits.h.
const tempFail = 75

// temporary matches the words in which programs tell of a temporary failure: an SMTP code or an enhanced code (RFC 3463),
// a response code (RFC 5530, RFC 3206), or plain words.
var temporary = lazyregexp.New(`(?i)\b4[0-9][0-9][ -]|\b4\.[0-9]{1,3}\.[0-9]{1,3}\b|\[(unavailable|inuse|in-use|limit|login-delay|sys/temp)\]|temporar|try(ing)? again|try later|retry|defer|unavailable`)

// leavesRetry reports whether all that the client lacks is another try, and whether it said so: the scenario let it fail
// for the moment, and the client reported a failure that is temporary.
func (j *judge) leavesRetry() bool {
	if slices.ContainsFunc(j.against, func(r Reason) bool { return !r.excusable }) || j.run.Status <= 0 || j.run.Signal != "" {
		return false
	}
	return slices.ContainsFunc(j.c.Sessions, j.passing) && (j.run.Status == tempFail || temporary.MatchString(j.run.Output))
}

// passing reports whether the scenario stopped the client for the moment only, in this session.
func (j *judge) passing(f *diagnose.Facts) bool {
	if !slices.Contains(f.Injected, j.s.Name) {
		return false
	}
	later := func(r *diagnose.Reply) bool { return r.Injected == j.s.Name && r.Class == event.Temporary }
	return f.EndedBy == event.EndedByScenario || later(&f.Greeting) ||
		slices.ContainsFunc(f.Steps, func(s *diagnose.Step) bool { return later(&s.Reply) })
}
