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

// unmet says what a test that passes may not have tested: the command never connected, a scenario never acted, or some
// of its rules didn't. active are the scenarios from the start; idle returns which rules of a scenario never acted.
// Nobody sees who tries a door that refuses or drops connections, so a scenario with such a rule is given the benefit of
// the doubt.
func (a *app) unmet(active []*scenarios.Scenario, sessions []*server.Session, idle func(scenario string) []int) {
	closed := slices.ContainsFunc(active, closesDoors)
	if len(sessions) == 0 && !closed {
		fmt.Fprintln(a.stderr, "mailrig: the command never connected to a mail port; the ports are in MAILRIG_PORT_25 to MAILRIG_PORT_995, the host in MAILRIG_HOST")
		return
	}
	for _, s := range active {
		acted := slices.ContainsFunc(sessions, func(x *server.Session) bool { return slices.Contains(x.Injected, s.Name) })
		happens := s.Happens()
		switch {
		case acted:
			var left []string
			for _, i := range idle(s.Name) {
				left = append(left, happens[i])
			}
			if len(left) > 0 {
				fmt.Fprintf(a.stderr, "mailrig: of the scenario %s, %d of %d rules never acted: %s\n", s.Name, len(left), len(happens), few(left))
			}
		case !closesDoors(s):
			fmt.Fprintf(a.stderr, "mailrig: the scenario %s never acted; it waits for: %s\n", s.Name, few(happens))
		}
	}
}

// few joins the first sentences about rules.
func few(happens []string) string {
	text := strings.Join(happens[:min(len(happens), maxRules)], " ")
	if n := len(happens) - maxRules; n > 0 {
		text += fmt.Sprintf(" And %d more.", n)
	}
	return oneLine(text)
}

// closesDoors reports whether a scenario refuses or drops connections before they are accepted.
func closesDoors(s *scenarios.Scenario) bool {
	return slices.ContainsFunc(s.Rules, func(r fault.Rule) bool {
		_, closes := r.Fault.(fault.ListenStage)
		return closes
	})
}
