package diagnose

import (
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// Predicates about clients that are out of step with the server, in protocols without tags.

// commandsInMessage finds commands where the server reads a message. The client didn't notice the go-ahead: it usually reads
// each reply one too late. A message can't begin like that (RFC 5322 section 2.2), so this is certain.
func commandsInMessage(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		for _, s := range f.inTurn() {
			if !s.Word.GoAhead || !s.GoAhead || s.Uploaded == 0 {
				continue
			}
			if first, _, _ := strings.Cut(s.Head, "\n"); f.isBareCommand(first) {
				return map[string]string{"command": clip(strings.TrimSpace(first)), "data": s.Verb}
			}
		}
		return nil
	})
}

// isBareCommand reports whether a line is a command and can't be a sentence or a header field.
func (f *Facts) isBareCommand(line string) bool {
	l := f.speaks.Replies.Command(strings.TrimSpace(line))
	word, known := f.speaks.Words.Find(l.Verb)
	if !known {
		return false
	}
	switch l.Verb {
	case "MAIL":
		return hasPrefixFold(l.Args, "FROM:<")
	case "RCPT":
		return hasPrefixFold(l.Args, "TO:<")
	}
	return l.Args == "" && l.Verb == strings.TrimSpace(line) && (word.Polite || word.Mail)
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}

// wentOnWithoutReply finds a client that loses patience with a late reply and goes on with the same connection. The reply
// still comes, and the client takes it for the next command's. A client that says goodbye doesn't count.
func wentOnWithoutReply(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		for i, s := range f.inTurn() {
			if s.WentOn && s.Tag == "" && i+1 < len(f.Steps) && f.Steps[i+1].Verb != "" && !f.Steps[i+1].leaves() {
				return map[string]string{"command": s.Verb, "next": f.Steps[i+1].Verb}
			}
		}
		return nil
	})
}

// readPartOfReply finds a client that breaks off at DATA although the server told it to go on, after a command had been
// answered with more lines than usual (RFC 5321 section 4.2.1). It probably read one line of them. A client that had sent DATA
// before it read them, in one group of commands, may just not have liked them.
func readPartOfReply(c *Case) (all []Evidence) {
	const soon = 2 * time.Second // one that waited for something else had another reason
	for _, f := range c.Sessions {
		if len(f.Steps) == 0 || f.receives() || f.EndedBy != event.EndedByClient {
			continue
		}
		last := f.Steps[len(f.Steps)-1]
		if !last.Word.GoAhead || !last.GoAhead || last.Early || last.Uploaded > 0 || f.End.Sub(f.Start)-last.Reply.At > soon {
			continue
		}
		s := f.step(func(s *Step) bool {
			waited := s.Verb == "NOOP" || !last.Listed.Has("PIPELINING") // RFC 2920 section 3.1: NOOP ends a group
			return s != last && waited && s.Reply.Injected != "" && s.Reply.Class == event.OK && len(s.Reply.Lines) > 1 && !s.asks()
		})
		if s != nil {
			all = append(all, Evidence{Sessions: []*Facts{f}, Step: last, Guess: true, Words: map[string]string{
				"command": s.Verb, "lines": itoa(len(s.Reply.Lines)), "data": last.Verb, "reply": clip(last.Reply.Lines[0])}})
		}
	}
	return all
}

// mailWithoutReset finds a MAIL inside a transaction (RFC 5321 section 4.1.4: MUST NOT).
func mailWithoutReset(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if s, why := f.nestedMail(); s != nil {
			e := Evidence{Sessions: []*Facts{f}, Step: s, Words: map[string]string{"reply": clip(s.Reply.Last()), "why": why}}
			if f.laterAccepted(s) {
				e.Severity = Warning
			}
			all = append(all, e)
		}
	}
	return all
}

// nestedMail returns a MAIL that was refused because a transaction had begun and not ended, and what had happened in it.
func (f *Facts) nestedMail() (nested *Step, why string) {
	open, secure := false, false
	if f.Elided > 0 {
		return nil, "" // RSET may be in what was left out
	}
	for i, s := range f.inTurn() {
		if s.Secure != secure {
			open, secure = false, s.Secure
		}
		switch {
		case s.Verb == "MAIL" && open && s.Reply.Code == "503":
			return s, f.whatEnded(i)
		case s.Verb == "MAIL":
			open = open || s.Reply.Class == event.OK
		case s.Verb == "RSET" || s.Verb == "EHLO" || s.Verb == "HELO":
			open = false
		case s.Word.Mail && (s.GoAhead || s.Uploaded > 0 || s.Verb == "BDAT") && !s.moreChunks():
			open = false // RFC 5321 section 4.1.1.4: whatever the reply is
		}
	}
	return nil, ""
}

// whatEnded says why the client believes that the transaction before step i is over.
func (f *Facts) whatEnded(i int) string {
	if before := f.Steps[i-1]; before.Reply.Failed() {
		return "After " + before.Verb + " was refused (" + clip(before.Reply.Last()) + "), the client began the next message."
	}
	return "The client began the next message without having finished this one."
}

// sentMessageWithoutGoAhead finds a message sent after a command whose go-ahead (354 after DATA) hadn't come. Lines behind the
// next command for a message belong to that one.
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
				if next.HeaderLine {
					return true
				}
				if next.Word.Mail {
					break
				}
			}
		}
		return false
	})
}

// sentBehindHello finds a command that came before the reply to the one that must be waited for (RFC 2920 section 3.1).
// A client that had waited for a late reply and then gave up isn't one: wentOnWithoutReply looks at it.
func sentBehindHello(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		for i, s := range f.inTurn() {
			if i > 0 && s.Early && s.Verb != "" && f.Steps[i-1].Word.MustWait && !f.Steps[i-1].WentOn {
				return map[string]string{"next": s.Verb, "hello": f.Steps[i-1].Verb}
			}
		}
		return nil
	})
}
