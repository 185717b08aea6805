package door

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
)

// Failure is one address of one door that could not be bound.
type Failure struct {
	Door Door
	Addr netip.AddrPort
	Err  error
}

// BindError lists every door that could not be opened, and says what to do about it.
type BindError struct {
	Failures []Failure
	Moved    string // why the doors weren't at their standard numbers, if they moved up
}

// Unwrap returns the causes, for [errors.Is].
func (e *BindError) Unwrap() []error {
	var all []error
	for _, f := range e.Failures {
		all = append(all, f.Err)
	}
	return all
}

// Error has one line for each door and cause, then one for each piece of advice.
func (e *BindError) Error() string {
	var b strings.Builder
	b.WriteString("cannot listen")
	if e.Moved != "" {
		fmt.Fprintf(&b, " at the standard port numbers (%s), nor %d higher", e.Moved, DefaultOffset)
	}
	b.WriteString(":")
	for i := 0; i < len(e.Failures); {
		f := e.Failures[i]
		var addrs []string
		for ; i < len(e.Failures) && e.Failures[i].Door.Port == f.Door.Port && e.Failures[i].Err.Error() == f.Err.Error(); i++ {
			addrs = append(addrs, e.Failures[i].Addr.String())
		}
		fmt.Fprintf(&b, "\n  %v at %s: %v", f.Door, strings.Join(addrs, " and "), f.Err)
	}
	hasCause := func(is func(error) bool) bool {
		return slices.ContainsFunc(e.Failures, func(f Failure) bool { return is(f.Err) })
	}
	if hasCause(isInUse) {
		b.WriteString("\nanother program has these ports: stop it, or choose others with --port-offset N or --port-offset random")
	}
	if hasCause(isPermission) {
		b.WriteString("\nports below 1024 need a privilege: use --port-offset 3000")
		if runtime.GOOS == "linux" {
			b.WriteString(", or `sysctl net.ipv4.ip_unprivileged_port_start=25`, or `setcap cap_net_bind_service=+ep` on the mailrig binary")
		}
	}
	if hasCause(isNoSuchAddress) {
		b.WriteString("\nthis machine does not have that address: choose another with --host, or 0.0.0.0 for every IPv4 address")
	}
	return b.String()
}

// movable reports whether higher port numbers may help: every cause is a missing privilege or a port in use.
func (e *BindError) movable() bool {
	return !slices.ContainsFunc(e.Failures, func(f Failure) bool { return !isInUse(f.Err) && !isPermission(f.Err) })
}

// brief returns one line: "ports 25 and 110: permission denied; port 143: address already in use".
func (e *BindError) brief() string {
	var causes []string
	ports := map[string][]string{}
	for _, f := range e.Failures {
		c, p := f.Err.Error(), fmt.Sprint(f.Door.Port)
		if ports[c] == nil {
			causes = append(causes, c)
		}
		if !slices.Contains(ports[c], p) {
			ports[c] = append(ports[c], p)
		}
	}
	for i, c := range causes {
		p := ports[c]
		if last := len(p) - 1; last == 0 {
			causes[i] = fmt.Sprintf("port %s: %s", p[0], c)
		} else {
			causes[i] = fmt.Sprintf("ports %s and %s: %s", strings.Join(p[:last], ", "), p[last], c)
		}
	}
	return strings.Join(causes, "; ")
}

// cause strips the address and the system call that package net puts before an errno.
func cause(err error) error {
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		return sys.Err
	}
	return err
}

// Winsock's own numbers for these errors, which aren't those of package syscall.
const (
	wsaeacces        = syscall.Errno(10013)
	wsaeaddrinuse    = syscall.Errno(10048)
	wsaeafnosupport  = syscall.Errno(10047)
	wsaeaddrnotavail = syscall.Errno(10049)
)

func isInUse(err error) bool {
	return errors.Is(err, syscall.EADDRINUSE) || isWinsock(err, wsaeaddrinuse)
}

func isPermission(err error) bool {
	return errors.Is(err, os.ErrPermission) || isWinsock(err, wsaeacces)
}

func isNoSuchAddress(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) ||
		isWinsock(err, wsaeaddrnotavail) || isWinsock(err, wsaeafnosupport)
}

func isWinsock(err error, n syscall.Errno) bool {
	return runtime.GOOS == "windows" && errors.Is(err, n)
}
