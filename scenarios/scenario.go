package scenarios

import (
	"reflect"
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
// counters at zero. The plan shares no state with other plans of the same
// scenarios.
func Compile(list []*Scenario) *fault.Plan {
	var names []string
	var rules []fault.Rule
	for _, s := range list {
		names = append(names, s.Name)
		for _, r := range s.Rules {
			r.Scenario = s.Name
			r.Fault = fresh(r.Fault)
			rules = append(rules, r)
		}
	}
	return fault.Compile(names, rules)
}

// fresh copies a fault's settings, which are its exported fields, and leaves its
// state behind: limit-connections counts, and two servers must not count as one.
func fresh(f any) any {
	old := reflect.ValueOf(f)
	if old.Kind() != reflect.Pointer || old.IsNil() {
		return f
	}
	made := reflect.New(old.Type().Elem())
	if made.Elem().Kind() != reflect.Struct {
		made.Elem().Set(old.Elem())
		return made.Interface()
	}
	for i := range made.Elem().NumField() {
		if field := made.Elem().Field(i); field.CanSet() {
			field.Set(old.Elem().Field(i))
		}
	}
	return made.Interface()
}
