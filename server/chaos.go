package server

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/mailpit"
	"github.com/mailrig/mailrig/internal/protocol/smtp"
	"github.com/mailrig/mailrig/scenarios"
)

// chaosName is the name of the scenario that does what Mailpit's clients have asked for.
const chaosName = "mailpit-chaos"

// chaos is what Mailpit's clients have set to fail by chance. It is one of the active scenarios: as with any other, connections
// accepted from then on follow it, and a switch to other scenarios ends it.
type chaos struct{ s *Server }

// Triggers implements mailpit.Chaos.
func (c chaos) Triggers() mailpit.Triggers {
	c.s.active.mu.Lock()
	defer c.s.active.mu.Unlock()
	return c.s.active.chaos
}

// SetTriggers implements mailpit.Chaos. The other active scenarios stay, with counters at zero.
func (c chaos) SetTriggers(t mailpit.Triggers) error {
	a := &c.s.active
	a.mu.Lock()
	defer a.mu.Unlock()
	list, err := a.List(c.s.ctx)
	if err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(s *scenarios.Scenario) bool { return s.Name == chaosName })
	if rules := chaosRules(t); rules != "" {
		sc, err := c.s.cfg.Grammar.Parse(chaosName+".yaml", fmt.Appendf(nil, chaosText, chaosName, rules))
		if err != nil {
			return err
		}
		list = append(list, sc)
	}
	if _, err = c.s.use(list); err == nil {
		a.chaos = t
	}
	return err
}

// chaosText is the scenario of such triggers.
const chaosText = `name: %s
title: Commands fail by chance, as Mailpit's API was asked for
story: A client of Mailpit's API has set how often MAIL, RCPT and AUTH fail, and with which code.
rules:
%s`

// trigger is one of the triggers, with the command that it makes fail.
type trigger struct {
	command, what string
	*mailpit.Trigger
}

func triggersOf(t *mailpit.Triggers) []trigger {
	return []trigger{{"MAIL", "sender", &t.Sender}, {"RCPT", "recipient", &t.Recipient}, {"AUTH", "authentication", &t.Authentication}}
}

// chaosRules returns a rule for each trigger that can fail, in YAML.
func chaosRules(t mailpit.Triggers) string {
	var rules strings.Builder
	for _, each := range triggersOf(&t) {
		if each.Probability > 0 {
			fmt.Fprintf(&rules, "  - {match: {protocol: smtp, command: %s}, chance: %d%%, reply: \"%d Chaos %s error\"}\n", each.command, each.Probability, each.ErrorCode, each.what)
		}
	}
	return rules.String()
}

// chaosOf returns the triggers that a list of active scenarios stands for.
func chaosOf(list []*scenarios.Scenario) mailpit.Triggers {
	t := mailpit.NoTriggers
	for _, sc := range list {
		for i := range sc.Rules {
			r := &sc.Rules[i]
			reply, ok := r.Fault.(*fault.Reply)
			if sc.Name != chaosName || !ok {
				continue
			}
			for _, each := range triggersOf(&t) {
				if slices.Contains(r.Match.Command, each.command) {
					each.Probability = int(r.Chance)
					_, _ = fmt.Sscan(reply.Texts[smtp.Protocol.Name], &each.ErrorCode)
				}
			}
		}
	}
	return t
}
