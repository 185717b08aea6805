package pop3

import "github.com/mailrig/mailrig/internal/protocol"

// refusals are the usual replies. Package protocol cites the RFCs at each reason.
var refusals = map[protocol.Reason]string{
	protocol.WrongPassword:    "-ERR [AUTH] Authentication failed",
	protocol.TemporaryFailure: "-ERR [SYS/TEMP] Temporary authentication failure",
	protocol.MailboxInUse:     "-ERR [IN-USE] Mailbox locked by another session",
	protocol.ServiceDisabled:  "-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your account settings page and enable your account for POP access.",
	protocol.TooManyLogins:    "-ERR [SYS/TEMP] Too many simultaneous connections",
	protocol.TooOften:         "-ERR [SYS/TEMP] Rate limit exceeded, try again later",
}
