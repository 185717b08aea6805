package diagnose

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// Predicates about fetching mail.

// deletedWithoutQuit finds a client that deletes and leaves without QUIT. A POP3 server deletes at QUIT and not before
// (RFC 1939 section 6).
func deletedWithoutQuit(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.EndedBy == event.EndedByClient && !f.has((*Step).leaves) &&
			f.has(func(s *Step) bool { return s.Verb == "DELE" && s.Reply.Class == event.OK })
	})
}

// idleTooLong finds an IDLE that lasts longer than 29 minutes without being renewed (RFC 2177).
func idleTooLong(c *Case) []Evidence {
	const most = 29 * time.Minute
	return c.each(func(f *Facts) bool {
		for i, s := range f.inTurn() {
			if s.Verb != "IDLE" || s.Reply.Class == event.Permanent {
				continue
			}
			if i < len(f.Steps)-1 && s.Finished == 0 {
				continue // its DONE is among the events left out of a long session
			}
			until := c.Now.Sub(f.Start)
			if !f.End.IsZero() {
				until = f.End.Sub(f.Start)
			}
			if s.Finished != 0 {
				until = s.Finished
			}
			if until-s.At > most+30*time.Second {
				return true
			}
		}
		return false
	})
}

// tooManyConnections finds an account with more simultaneous connections than providers of the protocol allow.
func tooManyConnections(c *Case) []Evidence {
	type change struct {
		at time.Time
		n  int
		f  *Facts
	}
	var changes []change
	open := map[string]int{} // by protocol and user
	for _, f := range c.Sessions {
		if f.speaks.Connections == 0 || !f.loggedIn() {
			continue
		}
		changes = append(changes, change{f.Start, 1, f})
		if !f.End.IsZero() {
			changes = append(changes, change{f.End, -1, f})
		}
	}
	slices.SortStableFunc(changes, func(a, b change) int { return a.at.Compare(b.at) })
	most := 0
	var at *Facts
	for _, x := range changes {
		key := x.f.Protocol + " " + x.f.user()
		if open[key] += x.n; open[key] > max(most, x.f.speaks.Connections) {
			most, at = open[key], x.f
		}
	}
	if at == nil {
		return nil
	}
	return []Evidence{{Sessions: []*Facts{at}, Words: map[string]string{"connections": itoa(most)}}}
}

// truncated returns the first download that was cut short, or nil.
func (f *Facts) truncated() *Step {
	return f.step(func(s *Step) bool {
		return s.Downloaded > 0 && (s.Cut || s.Silenced) && (s.wholeMessage() || s.Verb == "FETCH" || s.Verb == "UID FETCH")
	})
}

// wholeMessage reports whether a POP3 command asks for a whole message. fetchmail does so with TOP and a number of lines
// that no message has (RFC 1939 section 7).
func (s *Step) wholeMessage() bool {
	const whole = 10000 // lines
	switch s.Verb {
	case "RETR":
		return true
	case "TOP":
		_, lines, _ := strings.Cut(strings.TrimSpace(s.Args), " ")
		n, err := strconv.Atoi(strings.TrimSpace(lines))
		return err == nil && n >= whole
	}
	return false
}

// tookPartForWhole finds a client that, after a broken download, deletes the message, or reports success and never
// fetches the rest.
func tookPartForWhole(c *Case) (all []Evidence) {
	for i, f := range c.Sessions {
		cut := f.truncated()
		if cut == nil {
			continue
		}
		whole := false
		for _, later := range c.Sessions[i+1:] {
			if later.Protocol != f.Protocol {
				continue
			}
			for _, s := range later.Steps {
				switch {
				case s.Downloaded > 0 && !s.Cut && !s.Silenced:
					whole = true
				case !whole && (s.Verb == "DELE" || strings.HasSuffix(s.Verb, "STORE") && strings.Contains(strings.ToUpper(s.Args), `\DELETED`)):
					all = append(all, Evidence{Sessions: distinct(f, later)})
				}
			}
		}
		if !whole && c.Over && c.Succeeded != nil && *c.Succeeded && len(all) == 0 {
			all = append(all, Evidence{Sessions: []*Facts{f}})
		}
	}
	return all
}

func hadTruncatedDownload(c *Case) bool {
	return c.any(func(f *Facts) bool { return f.truncated() != nil })
}

var uidvalidity = lazyregexp.New(`UIDVALIDITY (\d+)`)

// usedStaleUIDs finds a client that uses UIDs from before UIDVALIDITY changed (RFC 9051 section 2.3.1.1). If it names
// single UIDs without having asked for any in this session, it has them from before.
func usedStaleUIDs(c *Case) (all []Evidence) {
	seen := map[string]string{} // the key is a user and a mailbox
	for _, f := range c.Sessions {
		changed, asked := false, false
		for _, s := range f.inTurn() {
			switch s.Verb {
			case "SELECT", "EXAMINE":
				m := uidvalidity.FindStringSubmatch(s.Reply.Text())
				if m == nil {
					continue
				}
				box := f.user() + " " + strings.ToUpper(strings.Trim(s.Args, `"`))
				changed, asked = seen[box] != "" && seen[box] != m[1], false
				seen[box] = m[1]
			case "UID SEARCH", "UID SORT", "UID THREAD":
				asked = true
			case "FETCH":
				asked = asked || strings.Contains(strings.ToUpper(s.Args), "UID")
			case "UID FETCH", "UID STORE", "UID COPY", "UID MOVE":
				set, _, _ := strings.Cut(s.Args, " ")
				if strings.ContainsAny(set, ":*") {
					asked = true
				} else if changed && !asked {
					all = append(all, Evidence{Sessions: []*Facts{f}, Step: s, Words: map[string]string{"uids": set}})
					asked = true // reported once
				}
			}
			if s.Reply.Code == "APPENDUID" || s.Reply.Code == "COPYUID" {
				asked = true // the server has told it new UIDs (RFC 4315 section 3)
			}
		}
	}
	return all
}

// trustedMovedUIDs finds a client that changes messages by UIDs that it hasn't asked for in this session, although a
// scenario has moved them since. Looking at a message is no mistake: that is how a client notices.
func trustedMovedUIDs(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if !f.chosen(event.SetRenumber) {
			continue
		}
		asked := false
		for _, s := range f.inTurn() {
			switch s.Verb {
			case "SELECT", "EXAMINE":
				asked = false
			case "UID SEARCH", "UID FETCH":
				asked = true
			case "FETCH":
				asked = asked || strings.Contains(strings.ToUpper(s.Args), "UID")
			case "UID STORE", "UID COPY", "UID MOVE", "UID EXPUNGE":
				set, _, _ := strings.Cut(s.Args, " ")
				if !asked && !strings.ContainsAny(set, ":*") {
					all = append(all, Evidence{Sessions: []*Facts{f}, Step: s, Words: map[string]string{"uids": set}})
					asked = true // reported once
				}
			}
			if s.Reply.Code == "APPENDUID" || s.Reply.Code == "COPYUID" {
				asked = true // the server has told it new UIDs (RFC 4315 section 3)
			}
		}
	}
	return all
}
