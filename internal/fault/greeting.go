package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/identity"
)

// Greeting replaces the server's greeting.
type Greeting struct {
	SMTP string `yaml:"smtp"`
	IMAP string `yaml:"imap"`
	POP3 string `yaml:"pop3"`
	Raw  string `yaml:"raw" doc:"instead of these: the very bytes, in any protocol, with \\r\\n where a line is to end"`
}

// Validate checks that each text can be sent as a greeting. Only SMTP's may have
// several lines.
func (f *Greeting) Validate() error {
	if f.Raw != "" {
		return checkRaw(f.Raw, f.SMTP+f.IMAP+f.POP3)
	}
	if f.SMTP == "" && f.IMAP == "" && f.POP3 == "" {
		return errors.New("give a greeting for at least one of smtp, imap and pop3")
	}
	if f.SMTP != "" {
		if _, err := identity.ParseSMTP(f.SMTP); err != nil {
			return err
		}
	}
	if strings.HasPrefix(f.IMAP, "*") {
		return fmt.Errorf("imap: leave out the * in front, like OK ready")
	}
	if strings.ContainsAny(f.IMAP+f.POP3, "\r\n") {
		return fmt.Errorf("a greeting of IMAP and POP3 is one line")
	}
	return nil
}

func (f *Greeting) greet(g *Greet, protocol string) bool {
	g.Line, g.Raw = byProtocol(protocol, f.SMTP, f.IMAP, f.POP3), f.Raw
	return g.Line+g.Raw != ""
}

// checkRaw refuses bytes beside texts: only one of them can be sent.
func checkRaw(raw, others string) error {
	if others != "" {
		return errors.New("raw: is all that is sent; leave out smtp, imap and pop3, and match the protocol")
	}
	if len(raw) > maxRaw {
		return fmt.Errorf("raw: has more than %d bytes", maxRaw)
	}
	return nil
}

const maxRaw = 64 << 10

// DelayGreeting makes the greeting late.
type DelayGreeting struct{ Delay time.Duration }

// UnmarshalText reads a duration like 20s.
func (f *DelayGreeting) UnmarshalText(b []byte) (err error) {
	f.Delay, err = parseDelay(b)
	return err
}

func (f *DelayGreeting) greet(g *Greet, _ string) bool {
	g.Delay = f.Delay
	return true
}

func byProtocol(protocol, smtp, imap, pop3 string) string {
	switch protocol {
	case "smtp":
		return smtp
	case "imap":
		return imap
	case "pop3":
		return pop3
	}
	return ""
}
