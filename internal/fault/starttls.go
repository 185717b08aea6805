package fault

import (
	"fmt"

	"github.com/mailrig/mailrig/internal/protocol"
)

// StartTLS is what goes wrong around STARTTLS, outside the handshake. It injects bytes in clear after the positive
// reply, as a man in the middle would for a client that reads on inside TLS. It changes the positive reply. Or it runs
// inside TLS what the client has pipelined behind the command, as a vulnerable server does (CVE-2011-0411).
type StartTLS struct {
	Texts `smtp:"lines sent after 220, in the same segment" imap:"lines sent after OK, in the same segment; {tag} is the command's tag" pop3:"lines sent after +OK, in the same segment"`
	Raw   string `yaml:"raw" doc:"exactly these bytes instead of the positive reply, with \\r\\n where a line ends; {tag} is the command's tag"`
	Keep  bool   `yaml:"keep-plaintext" doc:"true: run inside TLS what the client pipelined in clear after the command, as a vulnerable server does"`
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

// ValidateFor requires at least one of the settings.
func (f *StartTLS) ValidateFor(among Protocols) error {
	if f.Raw == "" && !f.Keep && len(f.Texts.Protocols()) == 0 {
		return fmt.Errorf("give what to inject for at least one of %s, or raw, or keep-plaintext: true", join(among.Names()))
	}
	if f.Raw != "" {
		return checkRaw(f.Raw, f.Texts, among)
	}
	return checkTexts(f.Texts, among, checkLines)
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

// CheckRule refuses conditions that nobody can know yet.
func (f *StartTLS) CheckRule(r *Rule) error { return r.early() }

// ActsIn implements Spoken. Raw bytes and keep-plaintext work in all protocols.
func (f *StartTLS) ActsIn(p *protocol.Protocol) bool {
	return f.Keep || f.Raw != "" || f.Texts.ActsIn(p)
}

// Upgrade returns what happens around STARTTLS.
func (c *Conn) Upgrade() Upgrade {
	u, by := settings(c, func(s UpgradeStage, u *Upgrade) { s.Upgrade(u, c.Protocol) }, Upgrade.with)
	u.By = by
	return u
}
