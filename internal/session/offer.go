package session

import (
	"slices"

	"github.com/mailrig/mailrig/internal/identity"
)

// offered lists the ways to log in that are advertised now, best first: what the configuration says, or the scenario in
// its place, then what scenarios add. The caller doesn't change it.
func (s *Session) offered() []string {
	names := s.shared.Offer.At(s.door, s.spoken, s.phase.Secure())
	if only, by := s.plan.OnlyMechanisms(); by != "" {
		s.record.Injected(by)
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
	return names
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
	names := s.offered()
	if i := slices.Index(names, string(identity.APOPCommand)); i >= 0 {
		names = slices.Delete(slices.Clone(names), i, i+1)
	}
	failing, by := s.plan.Fails()
	if len(failing) == 0 {
		return names
	}
	s.record.Injected(by) // the client meets the scenario in the list
	for _, name := range names {
		if !slices.Contains(failing, name) {
			failing = append(failing, name)
		}
	}
	return failing
}

// NeedsSASL reports whether no command may log in that carries the password: IMAP's LOGIN, POP3's USER and PASS. They go
// with the mechanisms that carry it.
func (s *Session) NeedsSASL() bool {
	names := s.offered()
	return !slices.Contains(names, "PLAIN") && !slices.Contains(names, "LOGIN")
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
