package httpapi

import "net/netip"

// ServerName returns the name by which the sender of a request reaches this machine, from the request's Host, in the form
// that the certificate has: localhost rather than a loopback address.
func ServerName(hostport string) string {
	host := hostname(hostport)
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.Unmap().IsLoopback() {
		return "localhost"
	}
	return host
}
