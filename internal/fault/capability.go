package fault

import (
	"fmt"
	"strings"
)

// Hide makes the server lack capabilities: they are neither listed nor served.
type Hide []string

func (f *Hide) capability(name string) CapabilityFate {
	if lists(*f, name) {
		return CapabilityHidden
	}
	return CapabilityShown
}

// Validate wants at least one name.
func (f *Hide) Validate() error { return someNames(*f) }

// Strip takes capabilities out of the lists, as a middlebox does; the server
// still serves who asks.
type Strip []string

func (f *Strip) capability(name string) CapabilityFate {
	if lists(*f, name) {
		return CapabilityStripped
	}
	return CapabilityShown
}

// Validate wants at least one name.
func (f *Strip) Validate() error { return someNames(*f) }

// Names are the capabilities; one that no server has is a slip of the pen.
func (f *Hide) Names() []string { return *f }

// Names are as Hide's.
func (f *Strip) Names() []string { return *f }

// Lists tells if a list that has the one capability is changed by a rule for the other.
func Lists(rule, name string) bool { return lists([]string{rule}, name) }

// lists compares capability names: AUTH covers AUTH=PLAIN, STARTTLS is POP3's
// STLS, SASL and AUTH are the same thing.
func lists(names []string, name string) bool {
	base, _, _ := strings.Cut(name, "=")
	for _, n := range names {
		if SameCommand(n, name) || SameCommand(n, base) ||
			(strings.EqualFold(n, "AUTH") && strings.EqualFold(base, "SASL")) {
			return true
		}
	}
	return false
}

func someNames(names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("name at least one capability, like [STARTTLS]")
	}
	for _, n := range names {
		if n == "" || strings.ContainsAny(n, " \t\r\n") {
			return fmt.Errorf("%q isn't the name of a capability", n)
		}
	}
	return nil
}
