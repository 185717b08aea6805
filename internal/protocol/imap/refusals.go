package imap

import "github.com/mailrig/mailrig/internal/protocol"

// refusals are the usual replies. Package protocol cites the RFCs at each reason.
var refusals = map[protocol.Reason]string{
	protocol.WrongPassword:    "NO [AUTHENTICATIONFAILED] Authentication failed",
	protocol.TemporaryFailure: "NO [UNAVAILABLE] Temporary authentication failure",
	protocol.MailboxInUse:     "NO [INUSE] Mailbox locked by another session",
	protocol.ServiceDisabled:  "NO [ALERT] Your account is not enabled for IMAP use. Please visit your account settings page and enable your account for IMAP access.",
	protocol.TooManyLogins:    "NO [LIMIT] Too many simultaneous connections",
	protocol.TooOften:         "NO [LIMIT] Rate limit exceeded, try again later",
}
