package fault

import "errors"

// Security makes a door speak TLS from the first byte, or clear text, contrary to what the door is for.
type Security struct{ Mode SecurityMode }

// Kind implements Fault.
func (*Security) Kind() Kind {
	return Kind{
		Name:    "security",
		Doc:     "The door speaks this from the first byte, whatever its port number stands for.",
		Example: "tls",
		New:     func() Fault { return new(Security) },
	}
}

// UnmarshalText parses a mode.
func (f *Security) UnmarshalText(b []byte) error {
	switch m := SecurityMode(b); m {
	case SpeakTLS, SpeakClear:
		f.Mode = m
		return nil
	}
	return &ValueError{Value: string(b), Known: []string{string(SpeakTLS), string(SpeakClear)}}
}

// First implements FirstStage.
func (f *Security) First() SecurityMode { return f.Mode }

// CheckRule refuses conditions that nobody can know yet.
func (f *Security) CheckRule(r *Rule) error { return errors.Join(r.beforeHello(), r.beforeTLS()) }

// Explain says what the door speaks.
func (f *Security) Explain() string {
	if f.Mode == SpeakTLS {
		return "the door speaks TLS from the first byte"
	}
	return "the door speaks clear text, and never TLS"
}

// First returns what the door speaks first. "" means what it normally speaks.
func (c *Conn) First() (mode SecurityMode, by string) {
	return first(c, func(s FirstStage) (SecurityMode, bool) { return s.First(), true })
}
