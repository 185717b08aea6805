package fault

import (
	"fmt"
	"time"
)

// Connect decides what happens to the TCP connection.
type Connect struct{ Mode string }

// Kind implements Fault.
func (*Connect) Kind() Kind {
	return Kind{
		Name:    "connect",
		Doc:     "The TCP connection is refused, dropped (the client's connect times out), accepted and left silent, closed, reset, or answered like a captive portal does.",
		Example: "drop",
		New:     func() Fault { return new(Connect) },
	}
}

// ConnectModes lists the modes of Connect.
var ConnectModes = []string{"refuse", "drop", "silent", "close", "reset", "portal"}

// UnmarshalText reads a mode.
func (f *Connect) UnmarshalText(b []byte) error {
	for _, m := range ConnectModes {
		if string(b) == m {
			f.Mode = m
			return nil
		}
	}
	return &ValueError{Value: string(b), Known: ConnectModes}
}

// Listen implements ListenStage.
func (f *Connect) Listen() ListenMode {
	switch f.Mode {
	case "refuse":
		return ListenRefuse
	case "drop":
		return ListenDrop
	}
	return ListenOpen
}

// Accept implements AcceptStage.
func (f *Connect) Accept() AcceptMode {
	switch f.Mode {
	case "silent":
		return AcceptSilent
	case "close":
		return AcceptClose
	case "reset":
		return AcceptReset
	case "portal":
		return AcceptPortal
	}
	return AcceptServe
}

// CheckRule refuses conditions that nobody can know before a connection exists.
func (f *Connect) CheckRule(r *Rule) error {
	m := r.Match
	if m.late() || m.TLS != nil || len(m.ServerName) > 0 {
		return fmt.Errorf("connect: match only door, protocol, family, client and connection; nothing else is known when a client connects")
	}
	if f.Listen() != ListenOpen && (len(m.Client) > 0 || len(m.Connection) > 0 || r.Chance > 0 || r.timed() || r.Skip > 0 || r.Times > 0 || r.Per != "") {
		return fmt.Errorf("connect: %s applies to a whole door; match only door, protocol and family, without chance, skip, times and per", f.Mode)
	}
	return r.notYet()
}

// Waits implements Waiter.
func (f *Connect) Waits() time.Duration {
	if f.Mode == "drop" || f.Mode == "silent" {
		return Forever
	}
	return 0
}

// Explain says what happens to the connection.
func (f *Connect) Explain() string {
	return map[string]string{
		"refuse": "the connection is refused",
		"drop":   "the server doesn't answer: the client's connect times out",
		"silent": "the connection is accepted, and nothing is ever said",
		"close":  "the connection is accepted and closed at once",
		"reset":  "the connection is accepted and reset at once",
		"portal": "the server answers with an HTTP redirect, as a captive portal does",
	}[f.Mode]
}

// Accept returns what happens to the connection after it was accepted. dropSupported is false if the listener can't
// drop connections (see door.ErrDropUnsupported). The nearest thing is then to stay silent.
func (c *Conn) Accept(dropSupported bool) (mode AcceptMode, by string) {
	return first(c, func(s AcceptStage) (AcceptMode, bool) {
		if l, ok := s.(ListenStage); ok && l.Listen() == ListenDrop && !dropSupported {
			return AcceptSilent, true
		}
		m := s.Accept()
		return m, m != AcceptServe
	})
}
