package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file finds a client that acts on what an attacker has told it. The bait is a name, of a mailbox or a user, in a
// scenario's reply. A client that uses a name which nobody else has said has learnt it from that reply.

// lure is a name that a scenario has said.
type lure struct {
	name     string // in lower case
	f        *Facts
	at       time.Duration
	secure   bool // said inside TLS
	referred bool // part of an address on another server
}

// lures returns the names that scenarios said in these sessions. It leaves out names that the server has said itself,
// or that the client had said before.
func lures(list []*Facts) (all []lure) {
	if !slices.ContainsFunc(list, (*Facts).acted) {
		return nil // no scenario has said anything
	}
	said := map[string]bool{} // names that the client has said so far
	real := map[string]bool{} // names that the server has said at any time
	for _, f := range list {
		for _, e := range f.Events {
			switch w := e.What.(type) {
			case *event.Command:
				for _, name := range names(w.Args) {
					said[name] = true
				}
			case *event.Login:
				for _, name := range names(w.User) {
					said[name] = true
				}
			case *event.Reply:
				told := f.told(w)
				if e.By == "" {
					for _, name := range slices.Concat(told.Mailboxes, told.Referred) {
						real[strings.ToLower(name)] = true
					}
					continue
				}
				for n, name := range slices.Concat(told.Mailboxes, told.Referred) {
					if name = strings.ToLower(name); !said[name] {
						all = append(all, lure{name, f, e.At, e.Secure, n >= len(told.Mailboxes)})
					}
				}
			}
		}
	}
	return slices.DeleteFunc(all, func(l lure) bool { return real[l.name] })
}

// told returns the names in a reply.
func (f *Facts) told(r *event.Reply) protocol.Told {
	if f.speaks.Told == nil {
		return protocol.Told{}
	}
	return f.speaks.Told(r.Lines())
}

// names returns the words of a command's arguments in lower case. A quoted string counts as one word.
func names(args string) (all []string) {
	args = strings.ToLower(args)
	for i, part := range strings.Split(args, `"`) {
		if i%2 == 1 {
			all = append(all, part)
		}
		all = append(all, strings.FieldsFunc(part, func(r rune) bool { return strings.ContainsRune(` ()@`, r) })...)
	}
	return all
}

// usedBy reports whether a session uses the name after the scenario said it, in a command for which like is true.
func (l lure) usedBy(f *Facts, like func(*Step) bool) bool {
	return f.has(func(s *Step) bool { return like(s) && l.before(f, s.At) && slices.Contains(names(s.Args), l.name) })
}

// before reports whether the scenario said the name before this time in a session.
func (l lure) before(f *Facts, at time.Duration) bool {
	return f == l.f && at > l.at || f != l.f && f.Start.After(l.f.Start)
}

// believed lists the sessions in which the client uses inside TLS a name that it was told in clear.
func believed(c *Case) (all []*Facts) {
	told := lures(c.Sessions)
	for _, l := range told {
		again := slices.ContainsFunc(told, func(o lure) bool { return o.secure && o.name == l.name })
		if !l.secure && !again && l.usedBy(l.f, func(s *Step) bool { return s.Secure }) {
			all = append(all, l.f)
		}
	}
	return all
}

// followedReferral finds sessions in which the client logs in as the user that a referral names, or asks for the
// mailbox that it names.
func followedReferral(c *Case) []Evidence {
	told := slices.DeleteFunc(lures(c.Sessions), func(l lure) bool { return !l.referred })
	return c.each(func(f *Facts) bool {
		return slices.ContainsFunc(told, func(l lure) bool {
			return l.usedBy(f, (*Step).works) || slices.ContainsFunc(f.Logins, func(login event.Login) bool {
				return l.before(f, login.At) && slices.Contains(names(login.User), l.name)
			})
		})
	})
}
