package smtp

import "github.com/mailrig/mailrig/internal/protocol"

// refusals are the usual replies. Package protocol cites the RFCs at each reason.
var refusals = map[protocol.Reason]string{
	protocol.WrongPassword:    "535 5.7.8 Authentication credentials invalid",
	protocol.TemporaryFailure: "454 4.7.0 Temporary authentication failure",
	protocol.MailboxInUse:     "454 4.7.0 Temporary authentication failure",
	protocol.ServiceDisabled:  "535 5.7.139 Authentication unsuccessful, SMTP is switched off in the settings of this account",
	protocol.TooManyLogins:    "421 4.7.0 Too many concurrent connections, please try again later",
	protocol.TooOften:         "421 4.7.0 Try again later, closing connection.",
}
