package diagnose

import (
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// This file finds a client that waits for new mail by IDLE and doesn't notice it.

var exists = lazyregexp.New(`^\* [0-9]+ EXISTS$`)

// idleUnnoticed finds a client that was told of new mail during IDLE (RFC 2177 section 3), and looked at nothing afterwards, in no
// session. It may show a number only, so this is a guess. The time counts from the line that told of the mail. A look since
// IDLE began is enough: a client that has put the message there itself, in another session, knows it.
func idleUnnoticed(c *Case) (all []Evidence) {
	const enough = 30 * time.Second // for a client that gathers news
	for _, f := range c.Sessions {
		if f.Elided > 0 {
			continue
		}
		for i, s := range f.Steps {
			until := c.Now
			switch {
			case s.Told == 0:
				continue
			case i+1 < len(f.Steps):
				until = f.at(f.Steps[len(f.Steps)-1])
			case !f.End.IsZero():
				until = f.End
			}
			if until.Sub(f.Start.Add(s.Told)) >= enough && !c.looksAtMail(f, f.at(s)) {
				all = append(all, Evidence{Sessions: []*Facts{f}, Step: s, Guess: true})
				break
			}
		}
	}
	return all
}

// tells keeps when the server first told of messages after it had let IDLE begin. lines are the next ones of the reply.
func (s *Step) tells(lines []string, at time.Duration) {
	if s.Verb != "IDLE" || s.Told != 0 {
		return
	}
	for _, line := range lines {
		if s.idles && exists.MatchString(line) {
			s.Told = at
			return
		}
		s.idles = s.idles || strings.HasPrefix(line, "+")
	}
}

// looksAtMail reports whether a client asked about messages after this time, in any session of the same user.
func (c *Case) looksAtMail(idler *Facts, after time.Time) bool {
	for _, f := range c.Sessions {
		if !f.receives() || f != idler && f.user() != idler.user() {
			continue
		}
		if f.has(func(s *Step) bool {
			return s.works() && !s.logsIn() && s.Verb != "IDLE" && s.Word.State != 0 && s.Reply.Class != event.Permanent && f.at(s).After(after)
		}) {
			return true
		}
	}
	return false
}
