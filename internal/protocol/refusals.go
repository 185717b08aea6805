package protocol

// Reason says why a server refuses what it would accept at another time. Each protocol has its own words for it; see
// Protocol.Refusals. Scenario files use reasons by name.
type Reason string

// The reasons for a refusal.
const (
	// WrongPassword: RFC 4954 section 6, RFC 5530 section 3, RFC 3206 section 4.
	WrongPassword Reason = "wrong-password"
	// TemporaryFailure: the password may be right, but the server can't check it now. RFC 4954 section 6, RFC 5530
	// section 3, RFC 3206 section 4.
	TemporaryFailure Reason = "temporary-failure"
	// MailboxInUse: RFC 2449 section 8.1.2, RFC 5530 section 3. Sending needs no lock.
	MailboxInUse Reason = "mailbox-in-use"
	// ServiceDisabled: the account exists, but this service is switched off in its settings. RFC 3206 section 4
	// (SYS/PERM), RFC 5530 section 3 (AUTHORIZATIONFAILED).
	ServiceDisabled Reason = "service-disabled"
	// TooManyLogins: the user is logged in on too many connections. RFC 5530 section 3 (LIMIT).
	TooManyLogins Reason = "too-many-connections"
	// TooOften: a command other than a login comes more often than the server allows.
	TooOften Reason = "too-often"
)

// LoginReasons lists the reasons for refusing a login.
func LoginReasons() []Reason {
	return []Reason{WrongPassword, TemporaryFailure, MailboxInUse, ServiceDisabled, TooManyLogins}
}
