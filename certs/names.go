package certs

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// names are the given host names, sorted by kind, and what follows from them.
type names struct {
	dns []string // lower case; may begin with "*."
	ips []net.IP

	private bool // the CA may sign for private networks
}

// privateNetworks belong to nobody in particular: RFC 1918, RFC 3927, RFC 4193, RFC 4291 section 2.4.
var privateNetworks = []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "fc00::/7", "fe80::/10"}

// reserved returns the top-level names that belong to nobody (RFC 2606, RFC 6761). example.com, example.net and
// example.org aren't among them: real servers answer there.
func reserved() []string {
	return []string{"test", "example", "invalid", "localhost"}
}

func parseNames(hostnames []string) (names, error) {
	var n names
	for _, h := range hostnames {
		if ip, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil && ip.Zone() == "" {
			n.ips = append(n.ips, net.IP(ip.Unmap().AsSlice()))
			continue
		}
		name := strings.ToLower(strings.TrimSuffix(h, "."))
		if err := checkName(strings.TrimPrefix(name, "*.")); err != nil {
			return names{}, fmt.Errorf("host name %q: %w", h, err)
		}
		n.dns = append(n.dns, name)
	}
	return n, nil
}

// checkName checks the preferred name syntax (RFC 1034 section 3.5, RFC 1123 section 2.1), which RFC 5280 section
// 4.2.1.6 requires of a DNS name.
func checkName(name string) error {
	if name == "" {
		return fmt.Errorf("it is empty: give a DNS name such as mail.example.test, or an IP address")
	}
	if len(name) > 253 {
		return fmt.Errorf("it has %d characters, DNS allows 253", len(name))
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return fmt.Errorf("it has an empty label: remove the extra dot")
		case len(label) > 63:
			return fmt.Errorf("label %q has %d characters, DNS allows 63", label, len(label))
		case label[0] == '-' || label[len(label)-1] == '-':
			return fmt.Errorf("label %q begins or ends with a hyphen", label)
		}
		for _, r := range label {
			switch {
			case r > 127:
				return fmt.Errorf("%q is not ASCII: give the name in its xn-- form", r)
			case r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z'):
				return fmt.Errorf("%q cannot be in a host name: give a DNS name without port or scheme, or an IP address", r)
			}
		}
	}
	// Clients read a name that ends in digits as an IPv4 address (WHATWG URL).
	if last := name[strings.LastIndex(name, ".")+1:]; strings.Trim(last, "0123456789") == "" {
		return fmt.Errorf("it looks like an IPv4 address but is none")
	}
	return nil
}

func (n names) leafDNS() []string {
	return unique(append([]string{"localhost", "example.test", "*.example.test", "mail.example.test"}, n.dns...))
}

func (n names) leafIPs() []net.IP {
	ips := []net.IP{net.IPv4(127, 0, 0, 1).To4(), net.IPv6loopback}
	for _, ip := range n.ips {
		if !slices.ContainsFunc(ips, ip.Equal) {
			ips = append(ips, ip)
		}
	}
	return ips
}

func (n names) permittedDNS() []string {
	permitted := reserved()
	for _, name := range n.dns {
		if base := strings.TrimPrefix(name, "*."); !within(base, permitted) {
			permitted = append(permitted, base)
		}
	}
	return permitted
}

func (n names) permittedIPs() []*net.IPNet {
	permitted := []*net.IPNet{
		{IP: net.IPv4(127, 0, 0, 0).To4(), Mask: net.CIDRMask(8, 32)},
		singleIP(net.IPv6loopback),
	}
	if n.private {
		for _, text := range privateNetworks {
			_, network, _ := net.ParseCIDR(text)
			permitted = append(permitted, network)
		}
	}
	for _, ip := range n.ips {
		if !slices.ContainsFunc(permitted, func(r *net.IPNet) bool { return r.Contains(ip) }) {
			permitted = append(permitted, singleIP(ip))
		}
	}
	return permitted
}

// within reports whether a name constraint permits a name: the name itself or a domain above it is listed (RFC 5280
// section 4.2.1.10).
func within(name string, permitted []string) bool {
	return slices.ContainsFunc(permitted, func(p string) bool {
		p = strings.ToLower(strings.TrimPrefix(p, "."))
		return p == "" || name == p || strings.HasSuffix(name, "."+p)
	})
}

func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
