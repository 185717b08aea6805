package diagnose

import (
	"net"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/refusal"
)

// Predicates about what a client says of itself.

// helloName finds a name in EHLO or HELO that is none (RFC 5321 sections 2.3.5 and 4.1.1.1).
func helloName(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		for _, s := range f.inTurn() {
			name, _, _ := strings.Cut(strings.TrimSpace(s.Args), " ")
			if s.Verb != "EHLO" && s.Verb != "HELO" || name == "" || !f.sawAll(s) {
				continue
			}
			e := Evidence{Sessions: []*Facts{f}, Step: s, Words: map[string]string{"name": name, "hello": s.Verb}}
			what := wrongHostName(name)
			if what == "" && f.calledLocal(name) {
				what, e.Severity = "The client isn't on the server's own machine: every machine has this name for itself", Info
			}
			if what != "" {
				e.Words["what"] = what
				all = append(all, e)
				break
			}
		}
	}
	return all
}

// calledLocal reports whether a client on another machine says a name that each machine has for itself.
func (f *Facts) calledLocal(name string) bool {
	ip := net.ParseIP(f.Host)
	local := []string{"localhost", "localhost.localdomain", "[127.0.0.1]", "[ipv6:::1]"}
	return ip != nil && !ip.IsLoopback() && slices.Contains(local, strings.ToLower(name)) && f.Host != hostOf(f.Server)
}

func hostOf(address string) string {
	host, _, _ := net.SplitHostPort(address)
	return host
}

var label = lazyregexp.New(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$`)

// wrongHostName says why a text is neither a domain nor an address literal (RFC 5321 section 4.1.2, 4.1.3), or returns "".
func wrongHostName(name string) string {
	if inside, ok := strings.CutPrefix(name, "["); ok {
		inside, closed := strings.CutSuffix(inside, "]")
		six, isSix := inside, len(inside) > 5 && strings.EqualFold(inside[:5], "IPv6:")
		if isSix {
			six = inside[5:]
		}
		ip := net.ParseIP(six)
		switch {
		case !closed:
			return "The bracket isn't closed"
		case ip == nil && strings.Contains(inside, ":"):
			return "" // another kind of address literal
		case ip == nil:
			return "What is in the brackets isn't an address"
		case !isSix && ip.To4() == nil:
			return "An IPv6 address in brackets begins with IPv6:"
		}
		return ""
	}
	if net.ParseIP(name) != nil {
		return "An address must be in square brackets"
	}
	if strings.Contains(name, "_") {
		return "A host name has no underscore"
	}
	for part := range strings.SplitSeq(strings.TrimSuffix(name, "."), ".") {
		if !label.MatchString(part) {
			return "It is neither a host name nor an address in square brackets"
		}
	}
	return ""
}

// identificationMissing finds a command that the server refuses because the client hasn't said which program it is, by ID
// (RFC 2971). NetEase's servers do so.
func identificationMissing(c *Case) (all []Evidence) {
	for _, f := range c.Sessions {
		if f.has(func(s *Step) bool { return s.Verb == "ID" }) {
			continue
		}
		s := f.step(func(s *Step) bool {
			return s.Reply.Class == event.Permanent && s.works() && refusal.Means(f.refusal(&s.Reply), refusal.WantsID)
		})
		if s != nil {
			all = append(all, Evidence{Sessions: []*Facts{f}, Step: s, Severity: f.refusalSeverity(), Words: map[string]string{"command": s.Verb, "reply": clip(s.Reply.Last())}})
		}
	}
	return all
}
