package trial

import (
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// afterRetry lists what another run does, if the reason for its absence has gone by then.
var afterRetry = []string{"retried-after-temporary-failure", "worked-as-usual", "mail-sent", "kept-message-id"}

// tempFail is the exit status by which a program says that another try may succeed: EX_TEMPFAIL of sysexits.h.
const tempFail = 75

var (
	// temporary matches the words in which programs tell of a temporary failure: an SMTP code (RFC 5321 section 4.2.3,
	// RFC 4954 section 6), an enhanced code (RFC 3463), a response code (RFC 5530, RFC 3206), or plain words.
	temporary = lazyregexp.New(`(?i)\b4(?:21|3[02]|5[0-9])\b|\b4\.[0-7]\.[0-9]{1,3}\b|\[(?:unavailable|inuse|in-use|limit|login-delay|sys/temp)\]|` +
		`temporar|\btry(?:ing)? (?:it )?(?:again|later)|\bretr(?:y|ies|ying)\b|\bdefer|service (?:is )?(?:currently )?(?:not available|unavailable)`)
	// otherwise matches what looks like it and isn't: numbers that count something or name a port, and denials.
	otherwise = lazyregexp.New(`(?i)\bport[ :=]*[0-9]+|:[0-9]+\b|\b[0-9]+ ?(?:bytes|octets|[kmg]i?b|b|ms|s|seconds|lines|messages|mails)\b|` +
		`\b(?:no|not|never|without|won't|don't|doesn't|cannot|can't|isn't)(?: [a-z]+){0,2} (?:retr(?:y|ies|ying)|try(?:ing)? again|defer[a-z]*|temporar[a-z]*)`)
	// progress matches a line of numbers alone, such as curl's progress meter prints.
	progress = lazyregexp.New(`^[-\s0-9:.%kMG/]*$`)
)

// saysTemporary reports whether a program's output tells of a temporary failure.
func saysTemporary(output string) bool {
	for line := range strings.FieldsFuncSeq(output, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if !progress.MatchString(line) && temporary.MatchString(otherwise.ReplaceAllString(line, " ")) {
			return true
		}
	}
	return false
}

// leavesRetry reports whether all that the client lacks is another try, and whether it said so: the scenario let it fail
// for the moment, and the client reported a failure that is temporary.
func (j *judge) leavesRetry() bool {
	if slices.ContainsFunc(j.against, func(r Reason) bool { return !r.excusable }) || j.run.Status <= 0 || j.run.Signal != "" {
		return false
	}
	return slices.ContainsFunc(j.c.Sessions, j.passing) && (j.run.Status == tempFail || saysTemporary(j.run.Output))
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
