package pop3

import "strings"

// capabilities are what servers advertise; see protocol.Protocol.
var capabilities = strings.Fields("TOP USER SASL AUTH RESP-CODES LOGIN-DELAY PIPELINING EXPIRE UIDL IMPLEMENTATION STLS STARTTLS UTF8 LANG AUTH-RESP-CODE CAPA")

// logins names ways to log in as CAPA does (RFC 2449 section 6). The greeting tells of APOP (RFC 1939 section 7).
func logins(mechanisms []string, password bool) (names []string) {
	if password {
		names = append(names, "USER")
	}
	if len(mechanisms) > 0 {
		names = append(names, "SASL "+strings.Join(mechanisms, " "))
	}
	return names
}
