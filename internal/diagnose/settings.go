package diagnose

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/refusal"
)

// Predicates about encryption that is switched off where the server requires it.

// tlsNeeded finds a command that the server refused because there is no TLS. If the client sent a password, or had
// tried TLS, other findings say more.
func tlsNeeded(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return !f.triedTLS() && !f.secretInClear() && !f.has((*Step).isSTARTTLS) &&
			f.has(func(s *Step) bool { return s.works() && f.wantsTLS(s) })
	})
}

// wantsTLS reports whether the server refused a command because TLS is missing (RFC 3207 section 4, RFC 4954 section 6,
// RFC 5530 section 3). POP3 has no code for this, so the words must do.
func (f *Facts) wantsTLS(s *Step) bool {
	return s.Reply.Class == event.Permanent && refusal.Means(f.refusal(&s.Reply), refusal.NeedsEncryption, refusal.SpeaksOfTLS)
}

// leftBeforeSTARTTLS finds a client that left a server which offers STARTTLS and no login before it. A client that only
// looks does the same, so this is a guess.
func leftBeforeSTARTTLS(c *Case) []Evidence {
	wizards := wizardProbe(c)
	all := c.each(func(f *Facts) bool {
		l := f.Listed[false]
		if f.triedTLS() || !f.listsSTARTTLS(l) || f.offersLogin(l) || f.End.IsZero() ||
			f.has(func(s *Step) bool { return s.works() || s.isSTARTTLS() || s.logsIn() }) || f.secretInClear() {
			return false
		}
		if has[*event.Delayed](f) || has[*event.Silenced](f) || has[*event.Cut](f) || slices.ContainsFunc(wizards, func(e Evidence) bool { return e.Sessions[0] == f }) {
			return false
		}
		return f.EndedBy == event.EndedByClient || f.has((*Step).leaves)
	})
	for i := range all {
		all[i].Guess = true
	}
	return all
}

// offersLogin reports whether the list offers any way to log in.
func (f *Facts) offersLogin(l *List) bool { return len(l.Mechanisms()) > 0 || f.offersPassword(l) }

// expectedAnotherProtocol finds a client that reads the greeting and goes on waiting until it loses patience. Most
// clients do this when the greeting doesn't have the form that they expect.
func expectedAnotherProtocol(c *Case) []Evidence {
	all := c.each(func(f *Facts) bool {
		if f.Greeting.Class != event.OK || f.acted() || f.TLS != nil && f.TLS.StartTLS || f.EndedBy == event.EndedByShutdown {
			return false
		}
		if f.triedTLS() && !f.closedTLS() {
			return false // its user was asked about the certificate, perhaps: see certificateNotTrusted
		}
		return f.idled() && (len(f.Steps) == 0 || f.Steps[0].leaves() && len(wrongProtocol(&Case{Sessions: []*Facts{f}})) == 0)
	})
	for i := range all {
		all[i].Guess = true
		all[i].Words = map[string]string{"others": all[i].Sessions[0].otherDoors()}
	}
	return all
}

// idled reports whether the client let 3 s pass after the greeting before it said anything or left.
func (f *Facts) idled() bool {
	const patient = 3 * time.Second
	if len(f.Steps) > 0 {
		return f.Steps[0].At-f.Greeting.At >= patient
	}
	return !f.End.IsZero() && f.EndedBy == event.EndedByClient && f.End.Sub(f.Start)-f.Greeting.At >= patient
}

// doorsOf says on which ports a protocol is spoken.
func doorsOf(p *protocol.Protocol) string {
	var ways []string
	if port := p.Door(true); port != 0 {
		ways = append(ways, itoa(port)+" with SSL/TLS")
	}
	if port := p.Door(false); port != 0 {
		ways = append(ways, itoa(port)+" with STARTTLS")
	}
	if ways == nil {
		return ""
	}
	return "For " + p.Title + " use port " + strings.Join(ways, ", or ") + "."
}

// otherDoors says where the other protocols are.
func (f *Facts) otherDoors() string {
	var reading, sending []*protocol.Protocol
	for _, p := range f.protocols {
		switch {
		case p == f.speaks || p.Door(true) == 0:
		case p.Receives:
			reading = append(reading, p)
		default:
			sending = append(sending, p)
		}
	}
	slices.SortFunc(reading, func(a, b *protocol.Protocol) int { return cmp.Compare(a.Door(true), b.Door(true)) })
	if reading == nil && sending == nil {
		return ""
	}
	if !f.receives() && reading != nil {
		var ports []string
		for _, p := range reading {
			ports = append(ports, itoa(p.Door(true))+" ("+p.Title+")")
		}
		return "For reading mail use port " + strings.Join(ports, " or ") + ", with SSL/TLS."
	}
	var uses []string
	for _, p := range reading {
		uses = append(uses, "for "+p.Title+" use port "+itoa(p.Door(true)))
	}
	for _, p := range sending {
		uses = append(uses, "for sending ("+p.Title+") port "+itoa(p.Door(true)))
	}
	return capital(strings.Join(uses, ", ")) + ", " + map[bool]string{true: "both "}[len(uses) == 2] + "with SSL/TLS."
}
