package session

import (
	"slices"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
)

// offered lists the ways to log in that are advertised now. The client meets what a scenario does to them.
func (s *Session) offered() []string {
	names, by := s.ways()
	s.record.Injected(by)
	return names
}

// ways lists the ways to log in that are advertised now, best first: what the configuration says, or the scenario in its
// place, which is by, then what scenarios add. The caller doesn't change it.
func (s *Session) ways() (names []string, by string) {
	names = s.shared.Offer.At(s.door, s.spoken, s.phase.Secure())
	only, by := s.plan.OnlyMechanisms()
	if by != "" {
		names = s.possible(only)
	}
	if more := s.plan.Mechanisms(); len(more) > 0 {
		names = slices.Clone(names)
		for _, name := range s.possible(more) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names, by
}

// possible lists those of a scenario's ways to log in that work here.
func (s *Session) possible(wanted []string) (names []string) {
	for _, name := range wanted {
		m, ok := identity.Find(s.shared.Mechanisms, name)
		needs := identity.NeedsSecret // APOP's
		if ok {
			needs = m.Needs
		}
		if s.shared.Authority.Meets(needs) && (!m.InTLS || s.phase.Secure()) {
			names = append(names, name)
		}
	}
	return names
}

// Mechanisms lists the SASL mechanisms that the server advertises now, best first; before them, those that a scenario lets
// fail. The caller doesn't change it.
func (s *Session) Mechanisms() []string {
	names, by := s.withFailing(s.offered())
	s.record.Injected(by) // the client meets the scenario in the list
	return names
}

// withFailing makes a list of mechanisms from one of ways to log in: without APOP, and with those before them that the
// scenario by lets fail.
func (s *Session) withFailing(names []string) (mechanisms []string, by string) {
	if i := slices.Index(names, string(identity.APOPCommand)); i >= 0 {
		names = slices.Delete(slices.Clone(names), i, i+1)
	}
	failing, by := s.plan.Fails()
	if len(failing) == 0 {
		return names, ""
	}
	for _, name := range names {
		if !slices.Contains(failing, name) {
			failing = append(failing, name)
		}
	}
	return failing, by
}

// logins lists the ways to log in that the server would list now, as the protocol names them and with a scenario's edits,
// whether the client asks or not.
func (s *Session) logins() []string {
	p := protocol.Find(s.shared.Protocols, s.spoken)
	if p == nil || p.Logins == nil || s.NeedsTLS() {
		return nil
	}
	ways, _ := s.ways()
	mechanisms, _ := s.withFailing(ways)
	names, _ := s.plan.Capabilities(p.Logins(mechanisms, carriesPassword(ways)))
	return names
}

// NeedsSASL reports whether no command may log in that carries the password: IMAP's LOGIN, POP3's USER and PASS. They go
// with the mechanisms that carry it.
func (s *Session) NeedsSASL() bool {
	return !carriesPassword(s.offered())
}

func carriesPassword(ways []string) bool {
	return slices.Contains(ways, "PLAIN") || slices.Contains(ways, "LOGIN")
}

// Stamp returns the challenge for APOP, or "" if APOP isn't possible now.
func (s *Session) Stamp() string {
	if s.stamp == "" || !slices.Contains(s.offered(), string(identity.APOPCommand)) {
		return ""
	}
	return s.stamp
}

// AsksCertificate reports whether TLS asks the client for its certificate: EXTERNAL will be offered there.
func (s *Session) AsksCertificate() bool {
	const external = "EXTERNAL"
	if only, by := s.plan.OnlyMechanisms(); by != "" {
		return slices.Contains(only, external)
	}
	return slices.Contains(s.shared.Offer.At(s.door, s.spoken, true), external)
}
