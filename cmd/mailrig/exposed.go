package main

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/server"
)

// warnExposed says loudly who can do what, if a rig can be reached from other machines.
func (a *app) warnExposed(cfg *server.Config, doors []server.Door) {
	for _, text := range exposed(cfg, doors) {
		head := "WARNING:"
		if a.coloured(a.stderr) {
			head = red.paint(head)
		}
		fmt.Fprintf(a.stderr, "mailrig: %s %s\n", head, printableLine(text))
	}
}

// exposed returns a warning for each part of a rig that doesn't listen on loopback only.
func exposed(cfg *server.Config, doors []server.Door) (warnings []string) {
	var at []string
	if cfg.Mailpit != nil {
		doors = append(slices.Clip(doors), server.Door{Addresses: []string{cfg.Mailpit.SMTP}})
	}
	for _, d := range doors {
		for _, address := range d.Addresses {
			if host, _, err := net.SplitHostPort(address); err == nil && !onLoopback(host) && !slices.Contains(at, host) {
				at = append(at, host)
			}
		}
	}
	if len(at) > 0 {
		text := "The mail doors listen on " + strings.Join(at, " and ") + ". Everybody who can reach this machine can "
		if len(cfg.Users) == 0 {
			text += "log in as any user with any password, and read, send and delete all mail. Give --user name:password to let only that user in, or leave out --host."
		} else {
			text += "put mail into any mailbox without a login, on ports 25 and 2525. Leave out --host if nobody else needs this mailrig."
		}
		warnings = append(warnings, text)
	}
	for _, address := range []string{cfg.HTTP, cfg.HTTPS} {
		elsewhere := "--http " + server.DefaultHTTP
		host, port, err := net.SplitHostPort(address)
		if address == cfg.HTTPS {
			elsewhere = "--https 127.0.0.1:" + port
		}
		if err != nil || onLoopback(host) {
			continue
		}
		text := "The web page and the API listen on " + address + ". Everybody who can reach it can "
		switch {
		case len(cfg.HTTPLogins) > 0 && address == cfg.HTTPS:
			continue
		case len(cfg.HTTPLogins) > 0:
			text = "The web page and the API listen on " + address + " without encryption: whoever sees the traffic can read the password of --http-auth. Use it in a network that you trust."
		case len(cfg.Users) > 0:
			text += "see the password of " + cfg.Users[0].Name + ", read all sessions, switch scenarios and forget all mail. Give --http-auth name:password, or " + elsewhere + "."
		default:
			text += "read all sessions and mail, switch scenarios and forget all mail. Give --http-auth name:password, or " + elsewhere + "."
		}
		warnings = append(warnings, text)
	}
	return warnings
}

// onLoopback reports whether an address to listen on is reached from this machine only.
func onLoopback(host string) bool {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().WithZone("").IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
