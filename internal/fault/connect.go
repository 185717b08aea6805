package fault

import "fmt"

// Connect is the fate of the TCP connection.
type Connect struct{ Mode string }

// ConnectModes lists what Connect may say.
var ConnectModes = []string{"refuse", "drop", "silent", "close", "reset", "portal"}

// UnmarshalText reads a mode.
func (f *Connect) UnmarshalText(b []byte) error {
	for _, m := range ConnectModes {
		if string(b) == m {
			f.Mode = m
			return nil
		}
	}
	return &ValueError{string(b), ConnectModes}
}

func (f *Connect) listen() ListenMode {
	switch f.Mode {
	case "refuse":
		return ListenRefuse
	case "drop":
		return ListenDrop
	}
	return ListenOpen
}

func (f *Connect) accept() AcceptMode {
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
	if m.late() || m.TLS != nil {
		return fmt.Errorf("connect: only door, protocol, family, client and connection can be matched, nothing else is known when a client connects")
	}
	if f.listen() != ListenOpen && (len(m.Client) > 0 || len(m.Connection) > 0 || r.Skip > 0 || r.Times > 0 || r.Per != "") {
		return fmt.Errorf("connect: %s holds for a whole door: match only door, protocol and family, without skip, times and per", f.Mode)
	}
	return nil
}
