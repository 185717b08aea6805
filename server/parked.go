package server

import (
	"net"
	"sync"
)

// maxParked is how many connections with a dead link are kept. Each takes a file descriptor.
const maxParked = 512

// parked keeps connections whose link a scenario has let die (gate.Rig.Park). Their clients aren't told that they have
// ended. When there are too many, the oldest is reset.
type parked struct {
	mu    sync.Mutex
	conns []net.Conn
	over  bool
}

func (p *parked) add(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		reset(c)
		return
	}
	if p.conns = append(p.conns, c); len(p.conns) > maxParked {
		reset(p.conns[0])
		p.conns = append(p.conns[:0], p.conns[1:]...)
	}
}

// close resets all of them.
func (p *parked) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over = true
	for _, c := range p.conns {
		reset(c)
	}
	p.conns = nil
}

// reset closes a connection without FIN: the kernel would repeat it for minutes, because nobody acknowledges it.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0)
	}
	_ = c.Close()
}
