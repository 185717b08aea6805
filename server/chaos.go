package server

import (
	"fmt"
	"slices"

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
	list := slices.DeleteFunc(slices.Clone(a.everybody), func(s *scenarios.Scenario) bool { return s.Name == chaosName })
	if rules := chaosRules(t); len(rules) > 0 {
		list = append(list, &scenarios.Scenario{
			Name: chaosName, Title: "Commands fail by chance, as Mailpit's API was asked for",
			Story: "A client of Mailpit's API has set how often MAIL, RCPT and AUTH fail, and with which code.", Rules: rules,
		})
	}
	_, err := c.s.use(list)
	if err == nil {
		a.chaos = t
	}
	return err
}

// chaosRules returns a rule for each trigger that can fail.
func chaosRules(t mailpit.Triggers) (rules []fault.Rule) {
	for _, each := range []struct {
		command, what string
		mailpit.Trigger
	}{{"MAIL", "sender", t.Sender}, {"RCPT", "recipient", t.Recipient}, {"AUTH", "authentication", t.Authentication}} {
		if each.Probability == 0 {
			continue
		}
		reply := &fault.Reply{Texts: fault.Texts{smtp.Protocol.Name: fmt.Sprintf("%d Chaos %s error", each.ErrorCode, each.what)}}
		rules = append(rules, fault.Rule{
			Match:  fault.Match{Protocol: []string{smtp.Protocol.Name}, Command: []string{each.command}},
			Chance: fault.Chance(each.Probability),
			Fault:  reply,
		})
	}
	return rules
}
