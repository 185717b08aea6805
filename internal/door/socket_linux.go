package door

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"
)

// On Linux, a socket filter that drops every SYN makes a listening socket deaf. A client's connect() then times out as
// it would behind a firewall. The filter is classic BPF, which needs no privilege (socket(7), SO_ATTACH_FILTER). It
// runs on the TCP header, before the kernel looks at the segment. Handshakes that have begun go on, because their last
// packet carries no SYN. So the socket's accept queue still receives every client that got an answer.
//
// To refuse, the deaf and drained socket is shut down for reading. This takes it out of the LISTEN state but leaves it
// bound. listen(2) brings it back.

// dropSYN is tcpdump's "tcp[13] & 2 != 0". It returns "drop" for such packets.
var dropSYN = [...]syscall.SockFilter{
	{Code: syscall.BPF_LD | syscall.BPF_B | syscall.BPF_ABS, K: 13},           // A = TCP flags
	{Code: syscall.BPF_JMP | syscall.BPF_JSET | syscall.BPF_K, Jf: 1, K: 0x2}, // SYN?
	{Code: syscall.BPF_RET | syscall.BPF_K, K: 0},                             // drop
	{Code: syscall.BPF_RET | syscall.BPF_K, K: 0xffffffff},                    // pass whole
}

// listen(2) reduces systemBacklog to net.core.somaxconn, which is what package net asks for.
const systemBacklog = 65535

// ignore leaves new connection attempts unanswered.
func (s *socket) ignore() error {
	err := control(s.ln, func(fd int) error {
		filter := dropSYN
		//lint:ignore SA1019 its replacement is in a module that nothing else here needs
		return syscall.AttachLsf(fd, filter[:])
	})
	if err != nil {
		return errors.Join(ErrDropUnsupported, fmt.Errorf("attach socket filter: %w", err))
	}
	return nil
}

// hear undoes ignore.
func (s *socket) hear() error {
	return control(s.ln, func(fd int) error {
		return os.NewSyscallError("detach socket filter", syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_DETACH_FILTER, 0))
	})
}

// stopListening makes connect() fail while the port stays bound. In this state another socket with SO_REUSEADDR could
// bind the port, so stopListening takes that option away from ours.
func (s *socket) stopListening() error {
	return control(s.ln, func(fd int) error {
		if err := setReuseAddr(fd, 0); err != nil {
			return err
		}
		if err := syscall.Shutdown(fd, syscall.SHUT_RD); err != nil {
			return errors.Join(os.NewSyscallError("shutdown", err), setReuseAddr(fd, 1))
		}
		return nil
	})
}

// listenAgain undoes stopListening. A deaf socket stays deaf.
func (s *socket) listenAgain() error {
	return control(s.ln, func(fd int) error {
		// Earlier connections still hold the port, with SO_REUSEADDR.
		if err := setReuseAddr(fd, 1); err != nil {
			return err
		}
		return os.NewSyscallError("listen", syscall.Listen(fd, systemBacklog))
	})
}

func setReuseAddr(fd, on int) error {
	return os.NewSyscallError("setsockopt SO_REUSEADDR", syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, on))
}

// waiting returns the number of connected clients in the kernel's accept queue.
func (s *socket) waiting() int {
	n := 0
	// On an error the answer is 0. Then only the settling time protects those clients.
	_ = control(s.ln, func(fd int) error {
		// For a listening socket, tcpi_unacked is the length of the accept queue (tcp_get_info in net/ipv4/tcp.c). It is
		// a uint32 at offset 24 of struct tcp_info. Package syscall has no getter for TCP_INFO, but it has one for any
		// 32 bytes whose field at that offset is Scope_id. The kernel cuts its answer to that size.
		info, err := syscall.GetsockoptIPv6MTUInfo(fd, syscall.IPPROTO_TCP, syscall.TCP_INFO)
		if err == nil {
			n = int(info.Addr.Scope_id)
		}
		return err
	})
	return n
}

func control(ln *net.TCPListener, f func(fd int) error) error {
	rc, err := ln.SyscallConn()
	if err != nil {
		return err
	}
	var inner error
	if err := rc.Control(func(fd uintptr) { inner = f(int(fd)) }); err != nil {
		return err
	}
	return inner
}

// probeDrop tries the filter on a socket of its own. A sandbox that imitates Linux may accept the socket option and
// ignore it, and one that can't take a filter away again (qemu-user) would leave the door closed for good.
func probeDrop() error {
	const enough = 10 * time.Millisecond // a loopback handshake takes about 0.05 ms
	var errs []error
	for _, network := range []string{"tcp4", "tcp6"} {
		ip := netip.AddrFrom4([4]byte{127, 0, 0, 1})
		if network == "tcp6" {
			ip = netip.IPv6Loopback()
		}
		s, err := openSocket(context.Background(), network, netip.AddrPortFrom(ip, 0))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		defer s.ln.Close()
		if err := s.ignore(); err != nil {
			return err
		}
		c, err := net.DialTimeout(network, s.ln.Addr().String(), enough)
		if err == nil {
			c.Close()
			return errDropIneffective
		}
		if ne, ok := err.(net.Error); !ok || !ne.Timeout() {
			return errors.Join(errDropIneffective, err)
		}
		if err := s.hear(); err != nil {
			return errors.Join(ErrDropUnsupported, err)
		}
		return nil
	}
	return errors.Join(errs...)
}
