package fault

import (
	"fmt"
)

// StartTLS is what goes wrong around STARTTLS, and not in the handshake: bytes in
// clear behind the positive reply (what a man in the middle puts there, for a
// client that reads on inside TLS), another positive reply, or a server that runs what a client has
// pipelined behind the command (CVE-2011-0411).
type StartTLS struct {
	Texts `smtp:"lines sent behind 220, in the same segment" imap:"lines sent behind OK, in the same segment; {tag} is the command's tag" pop3:"lines sent behind +OK, in the same segment"`
	Raw   string `yaml:"raw" doc:"the very bytes instead of the positive reply, with \\r\\n where a line is to end; {tag} is the command's tag"`
	Keep  bool   `yaml:"keep-plaintext" doc:"true: clear text pipelined behind the command is run inside TLS, as a vulnerable server does"`
}

// Kind implements Fault.
func (*StartTLS) Kind() Kind {
	return Kind{
		Name:    "starttls",
		Doc:     "This happens around STARTTLS: bytes are injected in clear behind the positive reply, or clear text pipelined behind the command is run inside TLS.",
		Example: `{smtp: "250 AUTH LOGIN"}`,
		New:     func() Fault { return new(StartTLS) },
	}
}

// ValidateFor wants at least one of the two.
func (f *StartTLS) ValidateFor(among Protocols) error {
	if f.Raw == "" && !f.Keep && len(f.Texts.Protocols()) == 0 {
		return fmt.Errorf("give what is injected for at least one of %s, or raw, or keep-plaintext: true", join(among.Names()))
	}
	if f.Raw != "" {
		return checkRaw(f.Raw, f.Texts, among)
	}
	return nil
}

// Upgrade implements UpgradeStage.
func (f *StartTLS) Upgrade(u *Upgrade, protocol string) {
	if f.Raw != "" {
		u.Raw = f.Raw
	}
	if text := f.For(protocol); text != "" {
		u.Inject = text
	}
	u.Keep = u.Keep || f.Keep
}

// CheckRule refuses conditions that can't be known yet.
func (f *StartTLS) CheckRule(r *Rule) error { return r.early() }

// Protocols are those that it has a text for; raw bytes are for all, and so is what is kept.
func (f *StartTLS) Protocols() []string {
	if f.Keep {
		return nil
	}
	return rawOr(f.Raw, f.Texts)
}
