package fault

import "time"

// Greeting replaces the server's greeting.
type Greeting struct {
	SMTP string `yaml:"smtp"`
	IMAP string `yaml:"imap"`
	POP3 string `yaml:"pop3"`
}

func (f *Greeting) greet(g *Greet, protocol string) {
	if line := byProtocol(protocol, f.SMTP, f.IMAP, f.POP3); line != "" {
		g.Line = line
	}
}

// DelayGreeting makes the greeting late.
type DelayGreeting struct{ Delay time.Duration }

// UnmarshalText reads a duration like 20s.
func (f *DelayGreeting) UnmarshalText(b []byte) (err error) {
	f.Delay, err = parseDelay(b)
	return err
}

func (f *DelayGreeting) greet(g *Greet, _ string) { g.Delay += f.Delay }

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
