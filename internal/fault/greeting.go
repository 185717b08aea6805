package fault

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/login"
)

// Greeting replaces the server's greeting.
type Greeting struct {
	SMTP string `yaml:"smtp"`
	IMAP string `yaml:"imap"`
	POP3 string `yaml:"pop3"`
}

// Validate checks that each text can be sent as a greeting. Only SMTP's may have
// several lines.
func (f *Greeting) Validate() error {
	if f.SMTP == "" && f.IMAP == "" && f.POP3 == "" {
		return errors.New("give a greeting for at least one of smtp, imap and pop3")
	}
	if f.SMTP != "" {
		if _, err := login.ParseSMTP(f.SMTP); err != nil {
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
	g.Line = byProtocol(protocol, f.SMTP, f.IMAP, f.POP3)
	return g.Line != ""
}

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
