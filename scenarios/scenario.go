package scenarios

import (
	"time"

	"github.com/mailrig/mailrig/internal/fault"
)

// Scenario is one thing that goes wrong, and what a good client does about it.
type Scenario struct {
	Name   string // lower-case words joined by hyphens; the base name of the file
	Title  string // at most 60 characters
	Story  string // plain sentences in one or more paragraphs
	Rules  []fault.Rule
	Expect Expect
	File   string // path of the file; "" for the catalogue
	Group  string // folder in the catalogue, like network; "" for files

	grammar *Grammar // the grammar that read it; nil means the standard one
	text    string   // see Text
}

// Text returns the YAML that the scenario was read from. It is "" for one of the catalogue, which Source has, and for one
// that was made in Go.
func (s *Scenario) Text() string { return s.text }

// Expect says how a client is judged.
type Expect struct {
	Require []string // ids of Expectations that its sessions must show
	Forbid  []string // ids of Expectations that they must not show
	// Command is how a trial's command must end: CommandSucceeds, CommandFails, or "" for either.
	Command string
	// Mail is what must happen to the mail that the client sends: MailOnce, MailNone, or "" for anything.
	Mail   string
	Within time.Duration // how long the command may take; 0 means the trial's own limit
}

// Compile makes a plan from the rules of all scenarios, in the order given, with counters at zero. The plan shares no
// counts with other plans of the same scenarios.
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
