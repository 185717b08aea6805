package fault

import "errors"

// StartTLS is what goes wrong around STARTTLS, and not in the handshake: bytes in
// clear behind the positive reply (what a man in the middle puts there, for a
// client that reads on inside TLS), another positive reply, or a server that runs what a client has
// pipelined behind the command (CVE-2011-0411).
type StartTLS struct {
	SMTP string `yaml:"smtp" doc:"lines sent behind 220, in the same segment"`
	IMAP string `yaml:"imap" doc:"lines sent behind OK, in the same segment; {tag} is the command's tag"`
	POP3 string `yaml:"pop3" doc:"lines sent behind +OK, in the same segment"`
	Raw  string `yaml:"raw" doc:"the very bytes instead of the positive reply, with \\r\\n where a line is to end; {tag} is the command's tag"`
	Keep bool   `yaml:"keep-plaintext" doc:"true: clear text pipelined behind the command is run inside TLS, as a vulnerable server does"`
}

// Validate wants at least one of the two.
func (f *StartTLS) Validate() error {
	if *f == (StartTLS{}) {
		return errors.New("give what is injected for at least one of smtp, imap and pop3, or raw, or keep-plaintext: true")
	}
	if f.Raw != "" {
		return checkRaw(f.Raw, f.SMTP+f.IMAP+f.POP3)
	}
	return nil
}

func (f *StartTLS) upgrade(u *Upgrade, protocol string) {
	if f.Raw != "" {
		u.Raw = f.Raw
	}
	if text := byProtocol(protocol, f.SMTP, f.IMAP, f.POP3); text != "" {
		u.Inject = text
	}
	u.Keep = u.Keep || f.Keep
}

// CheckRule refuses conditions that can't be known yet.
func (f *StartTLS) CheckRule(r *Rule) error { return checkEarly("starttls", r) }

// Preauth begins IMAP logged in (RFC 9051 section 7.1.4). In clear it is an attack:
// a client that needs TLS can't ask for it any more (CVE-2020-12398).
type Preauth struct{ User string }

// UnmarshalText reads the user's name.
func (f *Preauth) UnmarshalText(b []byte) error {
	if len(b) == 0 {
		return errors.New("name the user")
	}
	f.User = string(b)
	return nil
}

func (f *Preauth) start(s *Start) { s.User = f.User }

// CheckRule refuses what isn't IMAP, and conditions that can't be known yet.
func (f *Preauth) CheckRule(r *Rule) error { return checkEarly("preauth", r) }
