package identity

import "fmt"

// Refusal is the reason why a login fails, with the reply in each protocol.
type Refusal struct {
	SMTP string // "535 5.7.8 Authentication credentials invalid"
	IMAP string // "NO [AUTHENTICATIONFAILED] Authentication failed"
	POP3 string // "-ERR [AUTH] Authentication failed"

	// Injected names the scenario that refused the login. It is "" if the authority did.
	Injected string

	// Challenge is the error that a client with a token sees first. The client must answer it, and then sees the reply.
	// Answered, which may be nil, is told whether the client answered as its mechanism requires.
	Challenge string
	Answered  func(right bool)
}

// Error makes a Refusal an error. The adapters translate it into their protocol's words.
func (r *Refusal) Error() string { return fmt.Sprintf("login refused: %s", r.SMTP) }

// The refusals that servers give. A scenario may use some of them by name; see Named.
var (
	// WrongPassword: RFC 4954 section 6, RFC 5530 section 3, RFC 3206 section 4.
	WrongPassword = Refusal{
		SMTP: "535 5.7.8 Authentication credentials invalid",
		IMAP: "NO [AUTHENTICATIONFAILED] Authentication failed",
		POP3: "-ERR [AUTH] Authentication failed",
	}
	// TemporaryFailure: the password may be right, but the server can't check it now. RFC 4954 section 6, RFC 5530
	// section 3, RFC 3206 section 4.
	TemporaryFailure = Refusal{
		SMTP: "454 4.7.0 Temporary authentication failure",
		IMAP: "NO [UNAVAILABLE] Temporary authentication failure",
		POP3: "-ERR [SYS/TEMP] Temporary authentication failure",
	}
	// MailboxInUse: RFC 2449 section 8.1.2. The other protocols have no such lock.
	MailboxInUse = Refusal{
		SMTP: TemporaryFailure.SMTP,
		IMAP: "NO [INUSE] Mailbox locked by another session",
		POP3: "-ERR [IN-USE] Mailbox locked by another session",
	}
	// ServiceDisabled: the account exists, but this service is switched off in its settings. RFC 3206 section 4
	// (SYS/PERM), RFC 5530 section 3 (AUTHORIZATIONFAILED).
	ServiceDisabled = Refusal{
		SMTP: "535 5.7.139 Authentication unsuccessful, SMTP is switched off in the settings of this account",
		IMAP: "NO [ALERT] Your account is not enabled for IMAP use. Please visit your account settings page and enable your account for IMAP access.",
		POP3: "-ERR [SYS/PERM] Your account is not enabled for POP access. Please visit your account settings page and enable your account for POP access.",
	}
	// TooManyConnections: RFC 5530 section 3 (LIMIT).
	TooManyConnections = Refusal{
		SMTP: "421 4.7.0 Too many concurrent connections, please try again later",
		IMAP: "NO [LIMIT] Too many simultaneous connections",
		POP3: "-ERR [SYS/TEMP] Too many simultaneous connections",
	}
)

// named lists the refusals that a scenario file may use by name.
var named = []struct {
	name    string
	refusal *Refusal
}{
	{"wrong-password", &WrongPassword},
	{"temporary-failure", &TemporaryFailure},
	{"mailbox-in-use", &MailboxInUse},
	{"service-disabled", &ServiceDisabled},
	{"too-many-connections", &TooManyConnections},
}

// Named returns the refusal with this name.
func Named(name string) (Refusal, bool) {
	for _, n := range named {
		if n.name == name {
			return *n.refusal, true
		}
	}
	return Refusal{}, false
}

// Names lists the names that Named knows.
func Names() []string {
	var out []string
	for _, n := range named {
		out = append(out, n.name)
	}
	return out
}
