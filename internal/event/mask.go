package event

// Mask replaces in what is recorded whatever could be a credential.
const Mask = "***"

// Secret says which of a command's arguments are credentials.
type Secret int

// The ways in which arguments hold a credential.
const (
	NoSecret       Secret = iota
	AllSecret             // everything after the verb: PASS
	SecretResponse        // what follows the mechanism: AUTH, AUTHENTICATE
	SecretBehind          // what follows the user name: LOGIN, APOP
)
