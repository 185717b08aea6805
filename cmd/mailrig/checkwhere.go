package main

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/mailrig/mailrig/internal/check"
	"github.com/mailrig/mailrig/internal/door"
)

// What check takes from its arguments and, inside mailrig run, from the variables: the host, where its doors are, whom
// to trust, who logs in.

// checkHost returns the name to check: HOST or, inside mailrig run, the rig's.
func (a *app) checkHost(args []string) (string, error) {
	host := a.getenv("MAILRIG_HOST")
	if len(args) > 0 {
		host = args[0]
	}
	host = strings.TrimSuffix(strings.Trim(host, "[]"), ".")
	if _, err := netip.ParseAddr(host); err == nil {
		return host, nil
	}
	switch {
	case len(args) == 0 && host == "":
		return "", usage("which server? Give its name: mailrig check HOST (or set MAILRIG_HOST)")
	case host == "":
		return "", usage("HOST is empty; give a server's name or address")
	case strings.Contains(host, "://"), strings.ContainsAny(host, "/@"):
		return "", usage("%q isn't a server's name; give only the name, such as mail.example.org", host)
	case strings.Contains(host, ":"):
		return "", usage("%q has a port; give only the name, and ports with --port-offset or --door 993=10993", host)
	case !ascii(host):
		return "", usage("%q isn't in ASCII; give the name in its xn-- form", host)
	case strings.ContainsAny(host, " ,"):
		return "", usage("%q is more than one server's name; give one", host)
	}
	return host, nil
}

// insideRun reports whether mailrig run has set the variables.
func (a *app) insideRun() bool {
	for _, d := range door.All() {
		if a.getenv(fmt.Sprintf("MAILRIG_PORT_%d", d.Port)) != "" {
			return true
		}
	}
	return false
}

// isRig reports whether host is the one in the variables. For any other host the rig's ports would be wrong, and the
// rig's password must not be sent there.
func (a *app) isRig(host string) bool {
	rig := a.getenv("MAILRIG_HOST")
	return strings.EqualFold(host, rig) || loopback(host) && loopback(rig)
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// checkDoors finds out where the doors are: from --door, --port-offset, the rig's variables, and MAILRIG_PORT_OFFSET,
// which may be meant for serve.
func (a *app) checkDoors(f checkFlags, rig, offset bool) ([]check.Target, error) {
	n, err := strconv.Atoi(f.portOffset)
	if word := f.portOffset; err != nil && a.fromEnv["port-offset"] && (word == "auto" || word == "random") {
		n, err = 0, nil
	}
	if err != nil {
		return nil, usage("%s is %q, which isn't a whole number; give the number by which the server's ports are higher, such as 3000", a.source("port-offset"), f.portOffset)
	}
	targets := check.Targets(n)
	for i := range targets {
		t := &targets[i]
		name := fmt.Sprintf("MAILRIG_PORT_%d", t.Port)
		if value := a.getenv(name); value != "" && rig && !offset {
			n, err := strconv.ParseUint(value, 10, 16)
			if err != nil || n == 0 {
				return nil, usage("the variable %s is %q, which isn't a port; correct or unset it", name, value)
			}
			t.At = int(n)
		}
		if t.At < 1 || t.At > 65535 {
			return nil, usage("%s %d moves %s to %d, which isn't a port; give a smaller number", a.source("port-offset"), n, t.Door, t.At)
		}
	}
	for _, s := range f.doors {
		if err := placeDoor(targets, s); err != nil {
			return nil, usage("%s: %w", a.source("door"), err)
		}
	}
	return targets, nil
}

// placeDoor parses 993=10993 or 993=127.0.0.1:10993.
func placeDoor(targets []check.Target, s string) error {
	number, at, ok := strings.Cut(s, "=")
	if !ok {
		return fmt.Errorf("%q has no =; give the standard number and the real port, such as 993=10993 or 993=127.0.0.1:10993", s)
	}
	host, port := "", at
	if strings.Contains(at, ":") {
		var err error
		if host, port, err = net.SplitHostPort(at); err != nil {
			return fmt.Errorf("%q isn't an address; write it as in 993=127.0.0.1:10993", s)
		}
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return fmt.Errorf("%q has no port from 1 to 65535; write it as in 993=10993", s)
	}
	var known []string
	for i := range targets {
		if strconv.Itoa(targets[i].Port) == number {
			targets[i].Host, targets[i].At = host, int(n)
			return nil
		}
		known = append(known, strconv.Itoa(targets[i].Port))
	}
	return fmt.Errorf("there is no door %q; the doors are %s", number, strings.Join(known, ", "))
}

// checkRoots reads the CAs to trust.
func (a *app) checkRoots(f checkFlags, rig bool) ([]*x509.Certificate, error) {
	path, from := f.ca, a.source("ca")
	if path == "" && rig {
		path, from = a.getenv("MAILRIG_CA_FILE"), "the variable MAILRIG_CA_FILE"
	}
	if path == "" {
		return nil, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, usage("%s: %w; check the path", from, err)
	}
	var roots []*x509.Certificate
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, usage("%s: can't read a certificate in %s: %w; export it again as PEM", from, path, err)
		}
		roots = append(roots, cert)
	}
	if len(roots) == 0 {
		return nil, usage("%s: %s contains no certificate in PEM form; it must have a line -----BEGIN CERTIFICATE-----", from, path)
	}
	return roots, nil
}

// checkUser finds out who logs in. The password comes from --user, from MAILRIG_PASSWORD or from the terminal.
func (a *app) checkUser(f checkFlags, rig bool) (name, password string, err error) {
	user := f.user
	if a.fromEnv["user"] {
		if a.insideRun() && !rig {
			return "", "", nil // the rig's account isn't for other servers
		}
		// For serve the variable is a list.
		if names := strings.FieldsFunc(user, func(r rune) bool { return r == ',' || r == ' ' }); len(names) > 0 {
			user = names[0]
		}
	}
	if user == "" {
		return "", "", nil
	}
	name, password, given := strings.Cut(user, ":")
	if !given && (rig || !a.insideRun()) {
		password = a.getenv("MAILRIG_PASSWORD")
	}
	if name == "" {
		return "", "", usage("%s %q has no name; give a name, or name:password", a.source("user"), f.user)
	}
	if password == "" {
		if password, err = a.askPassword(name); err != nil {
			return "", "", err
		}
	}
	if strings.ContainsAny(name+password, "\r\n\x00") {
		return "", "", usage("the name or the password contains a line break or a NUL, which no mail protocol can send; check %s and MAILRIG_PASSWORD", a.source("user"))
	}
	return name, password, nil
}

func (a *app) askPassword(name string) (string, error) {
	if !isTerminal(a.stdin) {
		return "", usage("%s %q has no password, and there is no terminal on which to ask for it; set MAILRIG_PASSWORD, or give name:password", a.source("user"), name)
	}
	fmt.Fprintf(a.stderr, "Password of %s: ", printable(name))
	b, err := readSecret(int(a.stdin.(*os.File).Fd()))
	fmt.Fprintln(a.stderr)
	switch {
	case errors.Is(err, errStopped):
		return "", &exitError{status: statusNegative}
	case err != nil:
		return "", usage("read the password: %w", err)
	case len(b) == 0:
		return "", usage("no password was typed; leave out --user to check without logging in")
	}
	return string(b), nil
}

var errStopped = errors.New("stopped")

// readSecret reads a line without echoing it. If Ctrl-C comes first, it restores the terminal.
func readSecret(terminal int) ([]byte, error) {
	before, err := term.GetState(terminal)
	if err != nil {
		return nil, err
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, notIgnored(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)...)
	defer signal.Stop(signals)
	type answer struct {
		line []byte
		err  error
	}
	typed := make(chan answer, 1)
	go func() { // after a signal it ends with the process, which ends next
		line, err := term.ReadPassword(terminal)
		typed <- answer{line, err}
	}()
	select {
	case a := <-typed:
		return a.line, a.err
	case <-signals:
		_ = term.Restore(terminal, before)
		return nil, errStopped
	}
}
