package refusal

// sign identifies a meaning. All its fields that aren't empty must match.
type sign struct {
	text     string // part of the text, in lower case
	protocol string // name of a protocol
	status   string
	code     string // 535, AUTHENTICATIONFAILED; 4xx matches every code that begins with 4
	enhanced string // 5.7.9; 5.7.x matches every code that begins with 5.7.
	means    Meaning
	hint     bool
}

// signs are tried in this order: providers' words, then codes, then weak hints.
var signs = []sign{
	// Gmail, iCloud, Yahoo: an account with two-factor authentication
	{text: "application-specific password", means: AppPassword}, // Gmail: 534 5.7.9
	{text: "app-specific password", means: AppPassword},         // iCloud
	{text: "app password", means: AppPassword},                  // Yahoo, Fastmail
	{text: "invalidsecondfactor", means: AppPassword},           // Gmail: 534 5.7.9, in the link to its help page
	// Gmail: the login looks unusual
	{text: "webalert", means: WebLogin}, // Gmail's response code is [WEBALERT https://...]
	{text: "web browser", means: WebLogin},
	{text: "web login", means: WebLogin},
	{enhanced: "5.7.14", means: WebLogin, hint: true},
	// Microsoft, since 2022
	{text: "basic authentication is", means: OAuthWanted},             // 535 5.7.139
	{text: "basicauthblocked", means: OAuthWanted, hint: true},        // IMAP and POP3
	{text: "smtpclientauthentication is disabled", means: SendingOff}, // 535 5.7.139
	// NetEase (163.com, 126.com): a client that hasn't sent ID before SELECT
	{protocol: "imap", text: "unsafe login", means: WantsID},
	// others that want ID, in words
	{protocol: "imap", text: "say who you are", means: WantsID},
	{protocol: "imap", text: "rfc 2971", means: WantsID},
	{protocol: "imap", text: "rfc2971", means: WantsID},
	// any server, in its own words
	{text: "authentication not enabled", means: NoLogins}, // Postfix: 503 5.5.1
	{text: "not enabled for", means: ServiceOff},          // Gmail: your account is not enabled for IMAP use
	{text: "disabled for", means: ServiceOff, hint: true},
	{text: "password expired", means: Expired},
	{text: "expired", means: Expired, hint: true},
	{text: "too weak", means: TooWeak, hint: true},
	{text: "unsupported authentication mechanism", means: NoSuchMechanism},                     // Dovecot, with [AUTH] by POP3
	{protocol: "smtp", text: "invalid authentication mechanism", means: NoSuchMechanism},       // Postfix: 535 5.7.8 Error: authentication failed: Invalid authentication mechanism
	{protocol: "smtp", text: "authentication mechanism not supported", means: NoSuchMechanism}, // Exim: 504
	{protocol: "smtp", text: "unrecognized authentication type", means: NoSuchMechanism},       // Exchange: 504 5.7.4
	{protocol: "smtp", code: "504", enhanced: "5.5.4", means: NoSuchMechanism},                 // RFC 4954 section 4
	{protocol: "pop3", text: "unknown command", means: NoSuchCommand},                          // Dovecot; POP3 has no code for it
	{protocol: "pop3", text: "unrecognized command", means: NoSuchCommand},
	{protocol: "pop3", text: "invalid command", means: NoSuchCommand},
	{protocol: "pop3", text: "not implemented", means: NoSuchCommand},
	{text: "encryption required", means: NeedsEncryption, hint: true},
	{text: "must issue a starttls", means: NeedsEncryption, hint: true},
	{text: "tls first", means: NeedsEncryption, hint: true},
	{text: "ssl/tls", means: NeedsEncryption, hint: true},
	{protocol: "imap", code: "TOOBIG", means: TooBig}, // RFC 4469 section 4.2
	{text: "too many bad auth", means: TooManyAttempts},
	{text: "too many login", means: TooManyAttempts},
	{text: "too many attempts", means: TooManyAttempts},
	{text: "too many", means: TooMany},
	{text: "limit", means: TooMany, hint: true},
	{text: "maximum number", means: TooMany, hint: true},
	{text: "account disabled", means: Locked},
	{text: "account is disabled", means: Locked},
	{text: "account locked", means: Locked},
	{text: "account is locked", means: Locked},

	// Codes: RFC 4954 section 6 and RFC 5321 section 4.2.3
	{protocol: "smtp", code: "432", means: SetAnew},
	{protocol: "smtp", code: "4x", means: Temporary},
	{protocol: "smtp", code: "525", means: AskAdministrator}, // RFC 5248, as 5.7.13
	{protocol: "smtp", code: "530", means: NeedsSomething},   // RFC 3207 section 4 and RFC 4954 section 6
	{protocol: "smtp", code: "534", means: TooWeak},
	{protocol: "smtp", code: "538", means: NeedsEncryption}, // RFC 2554 section 6
	{protocol: "smtp", code: "502", means: NoSuchCommand},
	{protocol: "smtp", code: "503", means: NoSuchCommand},
	{protocol: "smtp", code: "504", means: NoSuchCommand},
	// ... RFC 5530 section 3
	{protocol: "imap", code: "CONTACTADMIN", means: AskAdministrator},
	{protocol: "imap", code: "AUTHORIZATIONFAILED", means: NotAuthorised},
	{protocol: "imap", code: "UNAVAILABLE", means: Temporary},
	{protocol: "imap", code: "SERVERBUG", means: ServerFault},
	{protocol: "imap", code: "INUSE", means: InUse},
	{protocol: "imap", code: "REFERRAL", means: Referred}, // RFC 2221 section 3
	{protocol: "imap", code: "EXPIRED", means: Expired},
	{protocol: "imap", code: "PRIVACYREQUIRED", means: NeedsEncryption},
	{protocol: "imap", code: "LIMIT", means: TooMany},
	// ... RFC 2449 section 8.1 and RFC 3206 section 4
	{protocol: "pop3", code: "IN-USE", means: InUse},
	{protocol: "pop3", code: "LOGIN-DELAY", means: TooSoon},
	{protocol: "pop3", code: "SYS/TEMP", means: Temporary},
	{protocol: "pop3", code: "SYS/PERM", means: SystemFault},

	// words that say little
	{text: "disabled", means: Locked, hint: true},
	{text: "locked by another", means: InUse, hint: true},
	{text: "locked", means: Locked, hint: true},
	{text: "not authorized", means: NotAuthorised, hint: true},

	// what leaves only the password
	{protocol: "smtp", code: "535", enhanced: "5.7.1", means: PerhapsForbidden},
	{protocol: "smtp", code: "535", means: WrongCredentials},
	{protocol: "imap", code: "AUTHENTICATIONFAILED", means: WrongCredentials},
	{protocol: "pop3", code: "AUTH", means: WrongCredentials},
	{protocol: "imap", status: "BAD", means: NotUnderstood}, // RFC 9051 section 7.1.3

	// commands other than logins
	{protocol: "smtp", text: "relay", enhanced: "5.7.1", means: NeedsSomething}, // Postfix, Exim, Exchange: who isn't logged in may send to nobody else
	{protocol: "smtp", text: "authentication required", enhanced: "5.7.1", means: NeedsSomething},
	{protocol: "smtp", enhanced: "5.7.x", means: Unwelcome}, // RFC 3463 section 3.8: security and policy
	{text: "tls", means: SpeaksOfTLS},
	{text: "encrypt", means: SpeaksOfTLS},

	// An SMTP reply always has a code. This one isn't the code of a wrong password.
	{protocol: "smtp", means: Refused},
}
