package pop3

import "strings"

// capabilities are what servers advertise; see protocol.Protocol.
var capabilities = strings.Fields("TOP USER SASL AUTH RESP-CODES LOGIN-DELAY PIPELINING EXPIRE UIDL IMPLEMENTATION STLS STARTTLS UTF8 LANG AUTH-RESP-CODE CAPA")
