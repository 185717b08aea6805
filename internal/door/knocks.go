package door

import "net"

// Knocks counts the connection attempts that each of the door's addresses has left
// unanswered, ever: TCP's repetitions of an attempt, after a second and later, count
// too. The counts stay 0 where the system doesn't tell.
func (l *Listener) Knocks() []Knocks {
	l.modeMu.Lock()
	defer l.modeMu.Unlock()
	var all []Knocks
	for _, s := range l.sockets {
		all = append(all, Knocks{net.TCPAddrFromAddrPort(s.addr), s.drops()})
	}
	return all
}

// Knocks is how often somebody tried to connect to an address and got no answer.
type Knocks struct {
	Addr  net.Addr
	Count uint32
}
