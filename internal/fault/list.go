package fault

import (
	"errors"
	"slices"
)

// Add lists capabilities that the server may not have.
type Add struct {
	SMTP []string `yaml:"smtp" doc:"lines of the EHLO reply, without code"`
	IMAP []string `yaml:"imap" doc:"capability names"`
	POP3 []string `yaml:"pop3" doc:"lines of the CAPA reply"`
}

// Validate wants at least one.
func (f *Add) Validate() error { return someLines(f.SMTP, f.IMAP, f.POP3) }

func (f *Add) list(names []string, protocol string) []string {
	return append(slices.Clip(names), lists3(protocol, f.SMTP, f.IMAP, f.POP3)...)
}

// CheckRule refuses counters, as Hide does.
func (f *Add) CheckRule(r *Rule) error { return checkUncounted("add", r) }

// Capabilities replaces the whole list.
type Capabilities struct {
	SMTP []string `yaml:"smtp" doc:"lines of the EHLO reply, without code"`
	IMAP []string `yaml:"imap" doc:"capability names"`
	POP3 []string `yaml:"pop3" doc:"lines of the CAPA reply"`
}

// Validate wants at least one.
func (f *Capabilities) Validate() error { return someLines(f.SMTP, f.IMAP, f.POP3) }

func (f *Capabilities) list(names []string, protocol string) []string {
	if l := lists3(protocol, f.SMTP, f.IMAP, f.POP3); l != nil {
		return l
	}
	return names
}

// CheckRule refuses counters, as Hide does.
func (f *Capabilities) CheckRule(r *Rule) error { return checkUncounted("capabilities", r) }

func lists3(protocol string, smtp, imap, pop3 []string) []string {
	switch protocol {
	case "smtp":
		return smtp
	case "imap":
		return imap
	default:
		return pop3
	}
}

func someLines(lists ...[]string) error {
	for _, l := range lists {
		if len(l) > 0 {
			return nil
		}
	}
	return errors.New("give a list for at least one of smtp, imap and pop3")
}
