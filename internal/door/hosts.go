package door

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// bindAddr is one address on which every door listens.
type bindAddr struct {
	network  string // tcp4, tcp6, or tcp for IPv6 and IPv4 on one socket
	ip       netip.Addr
	optional bool // may be missing, on a machine without IPv6
}

// resolveHosts turns the values of --host into addresses without duplicates.
func resolveHosts(ctx context.Context, hosts []string) ([]bindAddr, error) {
	if len(hosts) == 0 {
		hosts = []string{"localhost"}
	}
	var ips []netip.Addr
	for _, h := range hosts {
		more, err := resolveHost(ctx, h)
		if err != nil {
			return nil, err
		}
		ips = append(ips, more...)
	}
	anyIPv4 := slices.ContainsFunc(ips, netip.Addr.Is4)
	var all []bindAddr
	for _, ip := range ips {
		b := bindAddr{network: "tcp4", ip: ip}
		if ip.Is6() {
			b.network = "tcp6"
			// Containers often have IPv6 switched off, including ::1 and ::.
			b.optional = anyIPv4 && (ip == netip.IPv6Loopback() || ip == netip.IPv6Unspecified())
			// "::" alone means every address, as it does for most servers.
			if ip == netip.IPv6Unspecified() && !anyIPv4 {
				b.network = "tcp"
			}
		}
		if !slices.Contains(all, b) {
			all = append(all, b)
		}
	}
	return dropCovered(all), nil
}

// Addresses returns the addresses that these values of --host stand for, and by which clients may name the machine: for
// a wildcard, those that the machine has. Link-local IPv6 addresses are left out, because no certificate can hold their
// zone.
func Addresses(ctx context.Context, hosts []string) ([]netip.Addr, error) {
	binds, err := resolveHosts(ctx, hosts)
	if err != nil {
		return nil, err
	}
	var all []netip.Addr
	add := func(ip netip.Addr) {
		if ip.Zone() == "" && (ip.Is4() || !ip.IsLinkLocalUnicast()) && !slices.Contains(all, ip) {
			all = append(all, ip)
		}
	}
	for _, b := range binds {
		if !b.ip.IsUnspecified() {
			add(b.ip)
			continue
		}
		own, _ := net.InterfaceAddrs() // a sandbox may not tell; then only --hostname helps
		for _, a := range own {
			prefix, err := netip.ParsePrefix(a.String())
			if err != nil {
				continue
			}
			if ip := prefix.Addr().Unmap(); b.network == "tcp" || ip.Is4() == b.ip.Is4() {
				add(ip)
			}
		}
	}
	return all, nil
}

// dropCovered removes addresses that a wildcard of their family includes. Binding both would fail with "address already
// in use".
func dropCovered(all []bindAddr) []bindAddr {
	wild4 := slices.ContainsFunc(all, func(b bindAddr) bool { return b.ip == netip.IPv4Unspecified() })
	wild6 := slices.ContainsFunc(all, func(b bindAddr) bool { return b.ip == netip.IPv6Unspecified() })
	return slices.DeleteFunc(all, func(b bindAddr) bool {
		return !b.ip.IsUnspecified() && (b.ip.Is4() && wild4 || b.ip.Is6() && wild6)
	})
}

func resolveHost(ctx context.Context, host string) ([]netip.Addr, error) {
	h := strings.TrimSpace(host)
	switch {
	case h == "":
		return nil, fmt.Errorf("host to listen on is empty: use 127.0.0.1, ::1, or 0.0.0.0 for every address")
	case strings.EqualFold(h, "localhost"):
		// Not left to the resolver: many machines know only one of the two.
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}, nil
	}
	if ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(h, "["), "]")); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	if strings.ContainsAny(h, ":/*[] ") {
		return nil, fmt.Errorf("host to listen on %q is neither an address nor a name: give it without a port, as in 127.0.0.1, ::1, 0.0.0.0 or localhost", host)
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", h)
	if err != nil {
		return nil, fmt.Errorf("host to listen on %q: %w; give an address of this machine, or 0.0.0.0 for all of them", host, err)
	}
	for i := range ips {
		ips[i] = ips[i].Unmap()
	}
	return ips, nil
}
