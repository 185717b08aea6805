package door

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// ErrAlso is returned (wrapped) by [Listen] if an address of Config.Also can't be opened.
var ErrAlso = errors.New("cannot listen at one more address")

// openAlso binds the further addresses, or lets go of everything.
func (o *opener) openAlso(also map[int]string) error {
	for i, d := range o.doors {
		address := also[d.Port]
		if address == "" {
			continue
		}
		s, err := openAddress(o.ctx, address)
		if err != nil {
			o.letGo()
			return fmt.Errorf("%w: %v at %s: %w", ErrAlso, d, address, cause(err))
		}
		o.sockets[i] = append(o.sockets[i], s)
	}
	return nil
}

// openAddress binds an address in the form that package net has, in which no host means every address. Port 0 is a free one.
func openAddress(ctx context.Context, address string) (*socket, error) {
	resolved, err := net.ResolveTCPAddr("tcp", address)
	if err != nil {
		return nil, err
	}
	ip, ok := netip.AddrFromSlice(resolved.IP)
	if !ok {
		ip = netip.IPv6Unspecified()
	}
	ip = ip.Unmap().WithZone(resolved.Zone)
	network := "tcp" // "::" takes IPv4 as well
	if ip.Is4() {
		network = "tcp4"
	}
	port := uint16(resolved.Port)
	if port == 0 { // see openSocket
		free, err := openSocket(ctx, network, netip.AddrPortFrom(ip, 0))
		if err != nil {
			return nil, err
		}
		port = free.ln.Addr().(*net.TCPAddr).AddrPort().Port()
		free.ln.Close()
	}
	return openSocket(ctx, network, netip.AddrPortFrom(ip, port))
}
