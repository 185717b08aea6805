package scenarios

import (
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// Expectation is something that a client's sessions show. A scenario requires or forbids it.
type Expectation struct {
	ID string // id of a finding; public API
	Do string // completes "A good client must" or "A good client must not"
}

// Expectations lists what require and forbid may name: the findings that say what a client does, rather than what to
// change.
func Expectations() (all []Expectation) {
	for _, r := range diagnose.Rows() {
		if r.Do != "" {
			all = append(all, Expectation{r.ID, r.Do})
		}
	}
	return all
}

// How a trial's command may be expected to end.
const (
	CommandSucceeds = "succeeds" // with exit status 0
	CommandFails    = "fails"    // with another exit status
)

// What may be expected of the mail that a client sends at a correct server.
const (
	MailOnce = "once" // each message arrives exactly once
	MailNone = "none" // no message arrives
)

func expectation(id string) (Expectation, bool) {
	r, ok := diagnose.Lookup(id)
	return Expectation{r.ID, r.Do}, ok && r.Do != ""
}

func expectationIDs() []string {
	var ids []string
	for _, e := range Expectations() {
		ids = append(ids, e.ID)
	}
	return ids
}

// expectFile is expect as it is in a file.
type expectFile struct {
	Require []expectationID `yaml:"require"`
	Forbid  []expectationID `yaml:"forbid"`
	Command string          `yaml:"command" enum:"succeeds,fails"`
	Mail    string          `yaml:"mail" enum:"once,none"`
	Within  time.Duration   `yaml:"within"`
}

// Validate rejects what no client could satisfy.
func (e *expectFile) Validate() error {
	for _, a := range e.Require {
		for _, b := range e.Forbid {
			if a == b {
				return fmt.Errorf("%s is both required and forbidden; keep one", a)
			}
		}
		if a == "worked-as-usual" && e.Command == CommandFails || a == "mail-sent" && e.Mail == MailNone {
			return fmt.Errorf("%s contradicts what command and mail say; keep one", a)
		}
	}
	if e.Within < 0 {
		return fmt.Errorf("within: %v is below zero; give a time such as 30s", e.Within)
	}
	return nil
}

// expectationID is the id of an existing expectation.
type expectationID string

func (id *expectationID) UnmarshalText(b []byte) error {
	if _, ok := expectation(string(b)); !ok {
		return fmt.Errorf("%q isn't the id of an expectation; %s", b, didYouMean(string(b), expectationIDs()))
	}
	*id = expectationID(b)
	return nil
}

func (e *expectFile) expect() Expect {
	out := Expect{Command: e.Command, Mail: e.Mail, Within: e.Within}
	for _, id := range e.Require {
		out.Require = append(out.Require, string(id))
	}
	for _, id := range e.Forbid {
		out.Forbid = append(out.Forbid, string(id))
	}
	return out
}

// Musts returns the texts that complete "A good client must" and "A good client must not".
func (e *Expect) Musts() (must, mustNot []string) { return e.musts(false) }

// musts returns the texts that complete "A good client must" and "A good client must not". If ids is true, each has the
// finding's id in parentheses.
func (e *Expect) musts(ids bool) (must, mustNot []string) {
	say := func(id string) string {
		known, _ := expectation(id)
		if ids {
			return fmt.Sprintf("%s (%s)", known.Do, id)
		}
		return known.Do
	}
	for _, id := range e.Require {
		must = append(must, say(id))
	}
	switch e.Command {
	case CommandSucceeds:
		must = append(must, "report success (command: succeeds)")
	case CommandFails:
		must = append(must, "report a failure (command: fails)")
	}
	switch e.Mail {
	case MailOnce:
		must = append(must, "deliver each message to its recipients exactly once (mail: once)")
	case MailNone:
		mustNot = append(mustNot, "get any message through (mail: none)")
	}
	if e.Within > 0 {
		must = append(must, fmt.Sprintf("finish within %v (within)", e.Within))
	}
	for _, id := range e.Forbid {
		mustNot = append(mustNot, say(id))
	}
	return must, mustNot
}
