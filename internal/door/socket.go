package door

import (
	"context"
	"net"
	"net/netip"
)

// socket is one listening socket of a door. Its methods that change the kernel's state are in socket_linux.go and
// socket_other.go. The caller of those holds the listener's modeMu.
type socket struct {
	network  string // tcp, tcp4 or tcp6, to listen again
	addr     netip.AddrPort
	ln       *net.TCPListener // replaced only while parked
	refusing bool             // guarded by modeMu
	deaf     bool             // a filter is attached; guarded by modeMu

	stop   bool // the acceptor must leave the socket alone; guarded by Listener.mu
	parked bool // the acceptor has done so; guarded by Listener.mu
}

// openSocket binds an explicit port. Port 0 would not do: Linux releases a port that it has chosen itself as soon as
// the socket stops listening.
func openSocket(ctx context.Context, network string, addr netip.AddrPort) (*socket, error) {
	var lc net.ListenConfig
	// Multipath TCP hides the socket that the socket options below must reach, and has no benefit on a loopback
	// interface.
	lc.SetMultipathTCP(false)
	ln, err := lc.Listen(ctx, network, addr.String())
	if err != nil {
		return nil, err
	}
	return &socket{network: network, addr: addr, ln: ln.(*net.TCPListener)}, nil
}

// dialable returns an address at which a client on this machine reaches the socket.
func (s *socket) dialable() netip.AddrPort {
	ip := s.addr.Addr()
	switch {
	case ip == netip.IPv4Unspecified(), ip == netip.IPv6Unspecified() && s.network == "tcp":
		ip = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case ip == netip.IPv6Unspecified():
		ip = netip.IPv6Loopback()
	}
	return netip.AddrPortFrom(ip, s.addr.Port())
}
