package scenarios

import (
	"time"

	"github.com/mailrig/mailrig/internal/fault"
)

// Scenario is one thing that goes wrong, and what a good client does about it.
type Scenario struct {
	Name   string // lower case words joined by hyphens; the base name of the file
	Title  string // at most 60 characters
	Story  string // plain sentences in one paragraph or several
	Rules  []fault.Rule
	Expect Expect
	File   string // path it was read from; "" for the catalogue
	Group  string // folder of the catalogue, like network; "" for files

	grammar *Grammar // that it was read by; nil: the standard one
}

// Expect says by what a client is judged.
type Expect struct {
	Require []string // ids of Expectations that its sessions must show
	Forbid  []string // ids of those that they must not show
	// Command is what a trial's command must report: CommandSucceeds, CommandFails, or
	// "" for either.
	Command string
	// Mail is what must have become of the mail that the client sends: MailOnce,
	// MailNone, or "" for anything.
	Mail   string
	Within time.Duration // the command's time; 0: the trial's own bound
}

// Compile makes a plan of the rules of all scenarios, in the order given, with
// counters at zero. The plan shares no counts with other plans of the same scenarios.
func Compile(list []*Scenario, opts ...fault.Option) *fault.Plan {
	var names []string
	var rules []fault.Rule
	for _, s := range list {
		names = append(names, s.Name)
		for _, r := range s.Rules {
			r.Scenario = s.Name
			rules = append(rules, r)
		}
	}
	return fault.Compile(names, rules, opts...)
}
