package smtp

import "strings"

// capabilities are what servers advertise; see protocol.Protocol.
var capabilities = strings.Fields(`PIPELINING 8BITMIME ENHANCEDSTATUSCODES CHUNKING AUTH SMTPUTF8 REQUIRETLS BINARYMIME DSN SIZE LIMITS STARTTLS VRFY EXPN
		HELP ETRN ATRN DELIVERBY MT-PRIORITY FUTURERELEASE BURL CHECKPOINT SUBMITTER CONPERM CONNEG RRVS MTRK NO-SOLICITING VERP`)

// logins names ways to log in as EHLO does (RFC 4954 section 3). SMTP has no command of its own for a password.
func logins(mechanisms []string, _ bool) (names []string) {
	if len(mechanisms) > 0 {
		names = append(names, "AUTH "+strings.Join(mechanisms, " "))
	}
	return names
}
