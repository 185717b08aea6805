package check

import "strings"

// masked tells whether a firewall writes over what the server says, as Cisco's
// inspection of SMTP does.
func masked(texts ...string) bool {
	for _, s := range texts {
		if strings.Contains(s, "XXXXXXX") || strings.Contains(s, "********") {
			return true
		}
	}
	return false
}
