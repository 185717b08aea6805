package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/server"
)

// rigVariables returns variables that tell a command where everything is. An empty MAILRIG_HTTP means that there is no
// web page.
func rigVariables(srv *server.Server) []string {
	s := started(srv)
	host := "localhost"
	if len(s.Doors) > 0 {
		host = clientHost(s.Doors[0].Address)
	}
	env := []string{"MAILRIG_HOST=" + host}
	for _, d := range s.Doors {
		if _, port, err := net.SplitHostPort(d.Address); err == nil {
			env = append(env, fmt.Sprintf("MAILRIG_PORT_%d=%s", d.Port, port))
		}
	}
	return append(env,
		"MAILRIG_HTTP="+s.HTTP,
		"MAILRIG_HTTPS="+s.HTTPS,
		"MAILRIG_CA_FILE="+s.CAFile,
		"MAILRIG_USER="+s.User,
		"MAILRIG_PASSWORD="+s.Password,
		"MAILRIG_SCENARIO="+strings.Join(s.Scenarios, ","),
	)
}

// clientHost returns the name with which to connect to a door: localhost if that reaches the door, because people type
// names rather than addresses into clients.
func clientHost(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return "localhost"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap()
	if ip.IsUnspecified() || ip == netip.IPv6Loopback() || ip == netip.AddrFrom4([4]byte{127, 0, 0, 1}) {
		return "localhost"
	}
	return host
}

// withVariables returns an environment in which some variables are replaced.
func withVariables(environ, set []string) []string {
	out := slices.DeleteFunc(slices.Clone(environ), func(kv string) bool {
		name, _, _ := strings.Cut(kv, "=")
		return slices.ContainsFunc(set, func(s string) bool { return strings.HasPrefix(s, name+"=") })
	})
	return append(out, set...)
}
