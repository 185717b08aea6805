package diagnose

import (
	"slices"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/refusal"
)

// refusedForGood finds commands that the server refused permanently, for a reason that no other finding explains. It quotes
// the server, and says what that means. A session gives one finding, and so does a loop over several sessions.
func refusedForGood(c *Case) (all []Evidence) {
	same := map[string]int{} // index in all
	for _, f := range c.Sessions {
		var first *Step
		more := 0
		for i, s := range f.Steps {
			switch {
			case !f.refusedForGood(s) || !s.works() || s.ofLogin() && !f.outOfOrder(i) || f.inRefusedGroup(i) || f.explainedElsewhere(s) || f.followsRefusal(i):
			case first == nil:
				first = s
			default:
				more++
			}
		}
		if first == nil || f.speaksOtherwise() {
			continue
		}
		e := f.sayRefused(first, more)
		key := itoa(f.Door) + f.loopKey(first) + first.Reply.Code + string(e.Severity)
		if i, again := same[key]; again {
			all[i].Sessions = append(all[i].Sessions, f)
			continue
		}
		same[key] = len(all)
		all = append(all, e)
	}
	return all
}

// inRefusedGroup reports whether a command was sent before the client knew that one before it had been refused. In a
// group of pipelined commands that is right (RFC 2920 section 3.1), and its refusal only follows from the other.
func (f *Facts) inRefusedGroup(i int) bool {
	for ; i > 0 && f.Steps[i].Early; i-- {
		if f.Steps[i-1].Reply.Failed() {
			return true
		}
	}
	return false
}

// followsRefusal reports whether a command came out of order only because MAIL or USER was refused, for a reason that another
// finding tells. A client that pipelines in several writes can't be told from one that doesn't read.
func (f *Facts) followsRefusal(i int) bool {
	if i > 0 && f.Steps[i-1].namesUser() && f.Steps[i-1].Reply.Failed() {
		return true
	}
	if f.Steps[i].Reply.Code != "503" {
		return false
	}
	for ; i > 0; i-- {
		if before := f.Steps[i-1]; before.Verb == "MAIL" {
			return before.Reply.Failed() && f.explainedElsewhere(before)
		}
	}
	return false
}

// explainedElsewhere reports whether another finding tells why a command was refused.
func (f *Facts) explainedElsewhere(s *Step) bool {
	if _, bad := f.malformed(s); bad || s.Reply.NotUnderstood || f.wantsTLS(s) {
		return true
	}
	if nested, _ := f.nestedMail(); s == nested {
		return true
	}
	r := f.refusal(&s.Reply)
	return !f.loggedIn() && refusal.Means(r, refusal.NeedsSomething) || refusal.Means(r, refusal.WantsID)
}

func (f *Facts) sayRefused(s *Step, more int) Evidence {
	meant := refusal.ReadWork(f.refusal(&s.Reply))
	e := Evidence{Sessions: []*Facts{f}, Step: s, Severity: Info, Words: map[string]string{"command": s.Verb, "reply": clip(s.Reply.Last())}}
	if s.Word.Mail && s.Uploaded > 0 {
		e.Words["command"] = "the message"
	}
	means := ""
	if meant.Means != "" {
		means = " " + meant.Means
	}
	switch {
	case s.Reply.Injected == event.ByAddress:
		means += " (An address of the dialogue asked for this reply.)"
	case s.Reply.Injected != "":
		means += " (The words are scenario " + s.Reply.Injected + "'s.)"
	}
	if more > 0 {
		means += " (And " + itoa(more) + " more in this session.)"
	}
	e.Words["means"] = means
	e.Words["advice"] = meant.Advice
	if meant.Advice == "" {
		e.Words["advice"] = "Read the server's words: the same command will be refused again."
	}
	if !f.acted() && f.carriesMail(s) && f.delivered() == 0 {
		e.Severity = Error // nothing was sent, and nobody had asked for that
	}
	return e
}

// carriesMail reports whether a command belongs to the sending of a message.
func (f *Facts) carriesMail(s *Step) bool {
	return !f.receives() && (s.Verb == "MAIL" || s.Word.State&protocol.InMessage != 0) && slices.ContainsFunc(f.Steps, func(o *Step) bool { return o.Verb == "MAIL" })
}
