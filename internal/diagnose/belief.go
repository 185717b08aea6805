package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file finds a client that acts on what an attacker has told it. A scenario's reply
// tells names, of mailboxes or users; who uses one that nobody else has said has it from
// there.

// lure is a name that a scenario has told.
type lure struct {
	name     string // lower case
	f        *Facts
	at       time.Duration
	secure   bool // told inside TLS
	referred bool // told by an address of another server
}

// lures returns the names that scenarios told in sessions, and that neither the server
// nor, before, the client has said.
func lures(list []*Facts) (all []lure) {
	said := map[string]bool{} // by the client, so far
	real := map[string]bool{} // by the server, at any time
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

// told returns the names that a reply tells.
func (f *Facts) told(r *event.Reply) protocol.Told {
	if f.speaks.Told == nil {
		return protocol.Told{}
	}
	return f.speaks.Told(r.Lines())
}

// names returns the words of a command's arguments, and its quoted strings as a whole,
// in lower case.
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

// usedBy reports whether a session uses the name after it was told, in a command that is
// like this.
func (l lure) usedBy(f *Facts, like func(*Step) bool) bool {
	return f.has(func(s *Step) bool { return like(s) && l.before(f, s.At) && slices.Contains(names(s.Args), l.name) })
}

// before reports whether the name was told before a time of a session.
func (l lure) before(f *Facts, at time.Duration) bool {
	return f == l.f && at > l.at || f != l.f && f.Start.After(l.f.Start)
}

// believed lists the sessions that use inside TLS a name that they were told in clear.
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

// followedReferral: it logged in as the user whom a referral names, or asked for the
// mailbox there.
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
