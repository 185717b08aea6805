package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// maxRules is how many rules of a scenario that never acted are listed.
const maxRules = 3

// unmet says what a test that passes may not have tested: the command never connected, or a scenario never acted.
// active are the scenarios from the start. Nobody sees who tries a door that refuses or drops connections, so a
// scenario with such a rule is given the benefit of the doubt.
func (a *app) unmet(active []*scenarios.Scenario, sessions []*server.Session) {
	closed := slices.ContainsFunc(active, closesDoors)
	if len(sessions) == 0 && !closed {
		fmt.Fprintln(a.stderr, "mailrig: the command never connected; the ports are in MAILRIG_PORT_25 to MAILRIG_PORT_995, the host in MAILRIG_HOST")
		return
	}
	for _, s := range active {
		acted := slices.ContainsFunc(sessions, func(x *server.Session) bool { return slices.Contains(x.Injected, s.Name) })
		if acted || closesDoors(s) {
			continue
		}
		happens := s.Happens()
		text := strings.Join(happens[:min(len(happens), maxRules)], " ")
		if n := len(happens) - maxRules; n > 0 {
			text += fmt.Sprintf(" And %d more.", n)
		}
		fmt.Fprintf(a.stderr, "mailrig: the scenario %s never acted; it waits for: %s\n", s.Name, oneLine(text))
	}
}

// closesDoors reports whether a scenario refuses or drops connections before they are accepted.
func closesDoors(s *scenarios.Scenario) bool {
	return slices.ContainsFunc(s.Rules, func(r fault.Rule) bool {
		_, closes := r.Fault.(fault.ListenStage)
		return closes
	})
}
