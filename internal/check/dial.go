package check

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// resolve finds the addresses of a host: the first one of each family, IPv6 first, because clients prefer it.
func (c *checker) resolve(ctx context.Context, host string) ([]string, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []string{ip.String()}, nil
	}
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	all, err := c.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	var four, six []string
	for _, ip := range all {
		if ip = ip.Unmap(); ip.Is4() {
			four = append(four, ip.String())
		} else {
			six = append(six, ip.String())
		}
	}
	return append(six[:min(len(six), 1)], four[:min(len(four), 1)]...), nil
}

// connect tries all addresses at the same time and keeps the first connection, in the order of the addresses. It fills
// d.Addresses. If there is no connection, it sets d.State.
func (c *checker) connect(ctx context.Context, t Target, d *Door) net.Conn {
	host, port := c.hostPort(t)
	d.Address = joined(host, port)
	addresses, err := c.resolve(ctx, host)
	if err != nil || len(addresses) == 0 {
		d.State, d.Detail = StateNoAddress, resolveWords(host, err)
		if ctx.Err() != nil {
			d.State, d.Detail = interrupted(ctx)
		}
		return nil
	}
	conns := make([]net.Conn, len(addresses))
	found := make([]Address, len(addresses))
	var wg sync.WaitGroup
	for i, address := range addresses {
		wg.Go(func() {
			ctx, cancel := c.bounded(ctx)
			defer cancel()
			var dialer net.Dialer
			conn, err := dialer.DialContext(ctx, "tcp", joined(address, port))
			conns[i] = conn
			found[i] = Address{Address: joined(address, port), State: StateOpen}
			if err != nil {
				found[i].State, found[i].Detail = c.dialState(err)
			}
		})
	}
	wg.Wait()
	d.Addresses = found
	var conn net.Conn
	for i, one := range conns {
		switch {
		case one == nil:
		case conn == nil:
			conn = one
		default:
			conns[i] = nil
			_ = one.Close() // this address can be reached, and that is all we want to know
		}
	}
	if conn == nil {
		d.State, d.Detail = worst(found)
		if ctx.Err() != nil {
			d.State, d.Detail = interrupted(ctx)
		}
	}
	return conn
}

func interrupted(ctx context.Context) (State, string) {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return StateTimeout, "the time for this door ran out"
	}
	return StateInterrupted, "the check was stopped before this door had answered"
}

// worst returns the state of a door that can't be reached: what one address says, unless another address says more. An
// address to which this machine has no route says least.
func worst(found []Address) (State, string) {
	for _, s := range []State{StateTimeout, StateRefused, StateReset, StateBlockedHere, StateFailed, StateUnreachable} {
		for _, a := range found {
			if a.State == s {
				return s, a.Detail
			}
		}
	}
	return StateFailed, "no connection"
}

// Windows socket errors, for which package syscall has no such names on other systems. No other system has numbers this
// large.
const (
	wsaEACCES       = syscall.Errno(10013)
	wsaENETUNREACH  = syscall.Errno(10051)
	wsaECONNABORTED = syscall.Errno(10053)
	wsaECONNRESET   = syscall.Errno(10054)
	wsaETIMEDOUT    = syscall.Errno(10060)
	wsaECONNREFUSED = syscall.Errno(10061)
	wsaEHOSTUNREACH = syscall.Errno(10065)
)

func isAny(err error, targets ...error) bool {
	for _, t := range targets {
		if errors.Is(err, t) {
			return true
		}
	}
	return false
}

func (c *checker) dialState(err error) (State, string) {
	var timeout net.Error
	switch {
	case isAny(err, syscall.ECONNREFUSED, wsaECONNREFUSED):
		return StateRefused, "connection refused: nothing listens there, or a firewall refuses it"
	case isAny(err, syscall.ECONNRESET, wsaECONNRESET):
		return StateReset, "the connection was reset while it was being made"
	case isAny(err, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, wsaENETUNREACH, wsaEHOSTUNREACH):
		return StateUnreachable, "the network has no route to it"
	case isAny(err, syscall.EACCES, syscall.EPERM, wsaEACCES):
		return StateBlockedHere, "this machine's own firewall forbids the connection"
	case errors.As(err, &timeout) && timeout.Timeout(), isAny(err, context.DeadlineExceeded, syscall.ETIMEDOUT, wsaETIMEDOUT):
		return StateTimeout, fmt.Sprintf("no connection within %s: a firewall on the way probably drops it", inWords(c.Timeout))
	default:
		return StateFailed, clean(rootOf(err).Error())
	}
}

// brokeOff says how a conversation ended early.
func (c *checker) brokeOff(err error) (State, string) {
	var timeout net.Error
	switch {
	case errors.Is(err, errLongLine), errors.Is(err, errLongReply), errors.Is(err, errSyntax):
		return StateBroken, err.Error()
	case isAny(err, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed):
		return StateClosed, "the server closed the connection"
	case isAny(err, syscall.ECONNRESET, syscall.EPIPE, wsaECONNRESET, wsaECONNABORTED):
		return StateReset, "the connection was reset"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, os.ErrDeadlineExceeded):
		return StateTimeout, "no answer within " + inWords(c.Timeout)
	default:
		return StateBroken, clean(rootOf(err).Error())
	}
}

// rootOf strips what packages put before the reason.
func rootOf(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

func resolveWords(host string, err error) string {
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound, err == nil:
		return fmt.Sprintf("no address is known for the name %s", clean(host))
	case errors.As(err, &dns) && dns.IsTimeout, errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the name server didn't say in time where %s is", clean(host))
	default:
		return fmt.Sprintf("can't find out where %s is: %s", clean(host), clean(rootOf(err).Error()))
	}
}

func inWords(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return d.String()
}
