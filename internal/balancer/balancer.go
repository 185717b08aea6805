// Package balancer reads what a balancer says about its client before it passes the connection on: the header of the
// PROXY protocol, version 1 or 2 (haproxy.org/download/3.0/doc/proxy-protocol.txt). HAProxy, nginx, Envoy and the
// balancers of clouds send it.
//
// Package server asks Sources whether a connection comes from a balancer, and calls Introduce before it serves one. From
// anybody else the header isn't read: it is then the client's first words, about which there is a finding.
package balancer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/pires/go-proxyproto"
)

// Sources are the addresses and networks whose headers are believed.
type Sources []netip.Prefix

// ParseSources reads addresses such as 10.0.0.7, and networks such as 10.0.0.0/8.
func ParseSources(list []string) (all Sources, err error) {
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				p = netip.PrefixFrom(a.WithZone("").Unmap(), a.Unmap().BitLen())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%q is no address; give the balancer's, such as 10.0.0.7, or its network, such as 10.0.0.0/8", text)
		}
		all = append(all, p)
	}
	return all, nil
}

// Has reports whether connections from an address begin with a header.
func (s Sources) Has(from net.Addr) bool {
	if len(s) == 0 {
		return false // without a cost, for almost everybody
	}
	tcp, ok := from.(*net.TCPAddr)
	if !ok {
		return false
	}
	a := tcp.AddrPort().Addr().Unmap().WithZone("")
	return slices.ContainsFunc(s, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Errors of Introduce.
var (
	// ErrNothing says that the connection ended before anything came: a health check that only connects.
	ErrNothing = errors.New("nothing came")
	// ErrNoHeader says that what came is no header. A receiver must not go on then, since anybody could be meant
	// (section 2 of the specification).
	ErrNoHeader = errors.New("the connection doesn't begin with a header of the PROXY protocol")
)

// Introduce reads the header, not a byte more, and returns the connection with the addresses that the header gives. If
// the header gives none (the balancer itself checks the server's health), the connection keeps its own. The caller sets a
// deadline before and removes it later, and closes the connection after an error.
func Introduce(conn net.Conn) (net.Conn, error) {
	raw, err := readHeader(conn)
	if err != nil {
		return nil, err
	}
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(raw), max(len(raw), longestV1)))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoHeader, err)
	}
	if h.Command.IsLocal() {
		return conn, nil
	}
	client, door, ok := h.TCPAddrs()
	if !ok || client == nil || door == nil {
		return conn, nil
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		return &introduced{TCPConn: tcp, client: client, door: door}, nil
	}
	return &renamed{Conn: conn, client: client, door: door}, nil
}

// introduced is a connection with the addresses of the client and of the door at which it knocked. It stays a TCP
// connection, of which the gate asks more than to read and write.
type introduced struct {
	*net.TCPConn
	client, door *net.TCPAddr
}

func (c *introduced) RemoteAddr() net.Addr { return c.client }
func (c *introduced) LocalAddr() net.Addr  { return c.door }

// renamed is the same for other connections.
type renamed struct {
	net.Conn
	client, door *net.TCPAddr
}

func (c *renamed) RemoteAddr() net.Addr { return c.client }
func (c *renamed) LocalAddr() net.Addr  { return c.door }

const (
	signature = "\r\n\r\n\x00\r\nQUIT\n" // of version 2
	word      = "PROXY "                 // of version 1
	fixedV2   = len(signature) + 4       // version and command, family, length
	longestV1 = 107                      // bytes, with CRLF
	// longestV2 is how many bytes may follow the fixed part of version 2. The addresses take 36 at most (or 216 of a
	// socket in the file system), and the rest are values that nobody here reads, such as a certificate's name.
	longestV2 = 4096
)

// readHeader reads the bytes of a header.
func readHeader(r io.Reader) ([]byte, error) {
	b := make([]byte, len(signature), longestV1)
	if n, err := io.ReadFull(r, b); err != nil {
		if n == 0 && errors.Is(err, io.EOF) {
			return nil, ErrNothing
		}
		return nil, fmt.Errorf("%w: %w", ErrNoHeader, err)
	}
	switch {
	case string(b) == signature:
		return readV2(r, b)
	case strings.HasPrefix(string(b), word):
		return readV1(r, b)
	}
	return nil, ErrNoHeader
}

// readV1 reads the rest of a line.
func readV1(r io.Reader, b []byte) ([]byte, error) {
	for b[len(b)-1] != '\n' {
		if len(b) == longestV1 {
			return nil, fmt.Errorf("%w: its line is longer than %d bytes", ErrNoHeader, longestV1)
		}
		b = append(b, 0)
		if _, err := io.ReadFull(r, b[len(b)-1:]); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNoHeader, err)
		}
	}
	return b, nil
}

// readV2 reads the rest of the fixed part, and as many bytes as it says.
func readV2(r io.Reader, b []byte) ([]byte, error) {
	b = b[:fixedV2]
	if _, err := io.ReadFull(r, b[len(signature):]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoHeader, err)
	}
	n := int(binary.BigEndian.Uint16(b[fixedV2-2:]))
	if n > longestV2 {
		return nil, fmt.Errorf("%w: %d bytes follow in it, and %d may", ErrNoHeader, n, longestV2)
	}
	b = append(b, make([]byte, n)...)
	if _, err := io.ReadFull(r, b[fixedV2:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoHeader, err)
	}
	return b, nil
}
