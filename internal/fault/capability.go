package fault

import (
	"fmt"
	"strings"
)

// CoversCapability reports whether a rule for the capability rule changes a list that has the capability name.
func CoversCapability(rule, name string) bool { return covers([]string{rule}, name) }

// covers compares capability names. AUTH covers AUTH=PLAIN. STARTTLS equals POP3's STLS, and AUTH equals SASL.
func covers(names []string, name string) bool {
	base, _, _ := strings.Cut(name, "=")
	for _, n := range names {
		if SameCommand(n, name) || SameCommand(n, base) ||
			(strings.EqualFold(n, "AUTH") && strings.EqualFold(base, "SASL")) {
			return true
		}
	}
	return false
}

// someNames requires at least one capability name.
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
