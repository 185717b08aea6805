package fault

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mailrig/mailrig/internal/identity"
)

// Reply answers a command in the engine's place. A text that belongs to one
// protocol may stand alone; a fault for several takes a map.
type Reply struct {
	SMTP string `yaml:"smtp" doc:"an SMTP reply, like 550 5.1.1 User unknown"`
	IMAP string `yaml:"imap" doc:"an IMAP status, like NO [OVERQUOTA] Quota exceeded"`
	POP3 string `yaml:"pop3" doc:"a POP3 status, like -ERR [SYS/TEMP] Try again later"`
	Raw  string `yaml:"raw" doc:"instead of these: the very bytes, in any protocol, with \\r\\n where a line is to end; {tag} is IMAP's tag"`
	Then End    `yaml:"then" doc:"what happens to the connection after the reply: close, reset or silence" enum:"close,reset,silence"`
}

// UnmarshalText takes a single reply, whose form tells the protocol.
func (f *Reply) UnmarshalText(b []byte) error {
	s := string(b)
	switch {
	case strings.HasPrefix(s, "-ERR") || strings.HasPrefix(s, "+OK"):
		f.POP3 = s
	case len(s) > 0 && s[0] >= '2' && s[0] <= '5':
		f.SMTP = s
	default:
		f.IMAP = s
	}
	return f.Validate()
}

// Validate checks the form of each reply.
func (f *Reply) Validate() error {
	if f.Then != EndNone && f.Then != EndClose && f.Then != EndReset && f.Then != EndSilence {
		return fmt.Errorf("then: %q isn't one of [close reset silence]", f.Then)
	}
	if f.Raw != "" {
		return checkRaw(f.Raw, f.SMTP+f.IMAP+f.POP3)
	}
	return checkReplies(f.SMTP, f.IMAP, f.POP3)
}

func checkReplies(smtp, imap, pop3 string) error {
	if smtp == "" && imap == "" && pop3 == "" {
		return errors.New("give a reply for at least one of smtp, imap and pop3")
	}
	if smtp != "" {
		if _, err := identity.ParseSMTP(smtp); err != nil {
			return err
		}
	}
	if imap != "" {
		if _, err := identity.ParseIMAP(imap); err != nil {
			return err
		}
	}
	if pop3 != "" {
		if _, err := identity.ParsePOP3(pop3); err != nil {
			return err
		}
	}
	return nil
}

func (f *Reply) command(a *Action, c *Conn, _ *rule) bool {
	a.Reply, a.Raw = byProtocol(c.Protocol, f.SMTP, f.IMAP, f.POP3), f.Raw
	a.End = f.Then
	return a.Reply+a.Raw != ""
}
