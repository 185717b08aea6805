package gate

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// This file finds out why TLS failed or ended. It never reads the words of an error, because another release of the TLS
// library may change them.

// why returns the outcome of a failed handshake. It doesn't consider the client's alerts.
func (a *attempt) why(err error) event.HandshakeOutcome {
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header) && !speaksTLS(header.RecordHeader[:]):
		return event.NotTLS
	case errors.As(err, &header) && header.RecordHeader[0]&0x80 != 0:
		return event.NoVersion
	case errors.Is(err, errNoName):
		return event.NoServerName
	case isTimeout(err) && a.hello == nil:
		return event.NoHandshake
	case isTimeout(err):
		return event.StalledHandshake
	case a.g.raw.eof.Load() || a.g.raw.lost.Load():
		return event.LeftByClient
	case a.hello == nil:
		return event.OtherwiseFailed
	case !a.versionsMeet():
		return event.NoVersion
	case !a.ciphersMeet():
		return event.NoCipher
	case a.config.ClientAuth != tls.NoClientCert:
		return event.NoClientCert
	case errors.Is(err, io.EOF): // close_notify
		return event.LeftByClient
	}
	return event.OtherwiseFailed
}

// versionsMeet reports whether client and configuration share a TLS version.
func (a *attempt) versionsMeet() bool {
	newest := a.config.MaxVersion
	if newest == 0 {
		newest = tls.VersionTLS13
	}
	return slices.ContainsFunc(a.hello.SupportedVersions, func(v uint16) bool { return v >= a.config.MinVersion && v <= newest })
}

// ciphersMeet reports whether client and configuration share a cipher suite. In TLS 1.3 they always do.
func (a *attempt) ciphersMeet() bool {
	if a.config.MaxVersion != 0 && a.config.MaxVersion < tls.VersionTLS13 || !slices.Contains(a.hello.SupportedVersions, tls.VersionTLS13) {
		ours := a.config.CipherSuites
		if ours == nil {
			for _, s := range tls.CipherSuites() {
				ours = append(ours, s.ID)
			}
		}
		return slices.ContainsFunc(a.hello.CipherSuites, func(c uint16) bool { return slices.Contains(ours, c) })
	}
	return true
}

// clientAlert returns the number of the alert with which the client ended TLS, or 0.
func (g *Gate) clientAlert(err error) int {
	// An OpenSSL client rejects a certificate before it switches its write keys. Its TLS 1.3 alert is therefore a
	// record in clear, which Go tries to decrypt.
	if b := g.raw.last(); len(b) >= 7 && g.tlsBroke(err) {
		b = b[len(b)-7:]
		if b[0] == 21 && b[1] == 3 && b[3] == 0 && b[4] == 2 && (b[5] == 1 || b[5] == 2) && b[6] != 0 {
			return int(b[6])
		}
	}
	var op *net.OpError
	if !errors.As(err, &op) {
		return 0
	}
	// The library's alert type is unexported; it is a number. An alert of the library's own is one that it has sent.
	if v := reflect.ValueOf(op.Err); v.Kind() == reflect.Uint8 && !g.raw.wrote.Load() {
		return int(v.Uint())
	}
	return 0
}

// tlsBroke reports whether err is about what arrived, rather than about nothing arriving.
func (g *Gate) tlsBroke(err error) bool {
	return err != nil && !isTimeout(err) && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed)
}

// leftTLS records how a client left TLS: with an alert, or with close_notify (RFC 8446 section 6.1). In TLS 1.3 the
// alert comes after the server has finished the handshake, because the client checks the certificate only then.
func (g *Gate) leftTLS(err error) {
	if n := g.clientAlert(err); n != 0 {
		g.rec.Add(&event.Alert{From: event.Client, Number: n, Detail: err.Error()}, "")
	} else if errors.Is(err, io.EOF) && !g.raw.eof.Load() {
		g.rec.Add(&event.CloseNotify{}, "")
	}
}

// speaksTLS reports whether the first bytes of a connection are TLS or SSL, although the library can't read them: a record
// of a version that it doesn't know (an alert, RFC 8446 section 5.1), or a hello of SSL 2.0 (RFC 6101 appendix E).
func speaksTLS(first []byte) bool {
	if len(first) < 3 {
		return false
	}
	record := first[0] >= 20 && first[0] <= 23 && first[1] == 3
	return record || first[0]&0x80 != 0 && first[2] == 1
}

// whose returns the protocol that the first bytes of a connection seem to belong to, or "". It returns only the name,
// because the bytes may be part of a password.
func whose(protocols []*protocol.Protocol, first []byte) string {
	text := strings.ToUpper(string(first))
	begins := func(verb string) bool {
		return strings.HasPrefix(text, verb[:min(len(verb), len(text))]) && len(text) > 0
	}
	for name, verbs := range map[string][]string{
		event.HTTP: {"GET ", "POST ", "HEAD ", "PUT ", "OPTIONS ", "CONNECT "},
		"SSH":      {"SSH-"},
		// A balancer's header, of version 1 and 2 (HAProxy's PROXY protocol, sections 2.1 and 2.2).
		event.PROXY: {"PROXY ", "\r\n\r\n\x00"},
	} {
		if slices.ContainsFunc(verbs, begins) {
			return name
		}
	}
	for _, p := range protocols {
		for _, w := range p.Words {
			if w.Opens && p.Replies.Command(w.Verb).Verb == w.Verb && begins(w.Verb) {
				return p.Title
			}
		}
	}
	return ""
}

// readHello parses a ClientHello that has already arrived. It returns nil if the ClientHello isn't complete.
func readHello(b []byte) (hello *tls.ClientHelloInfo) {
	if !isClientHello(b) {
		return nil
	}
	t := tls.Server(&played{r: bytes.NewReader(b)}, &tls.Config{MinVersion: tls.VersionTLS10, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		hello = h
		return nil, io.EOF
	}})
	_ = t.Handshake()
	return hello
}

// played is a connection whose other side has said everything it will say, and doesn't read.
type played struct{ r io.Reader }

func (p *played) Read(b []byte) (int, error)       { return p.r.Read(b) }
func (p *played) Write(b []byte) (int, error)      { return len(b), nil }
func (p *played) Close() error                     { return nil }
func (p *played) LocalAddr() net.Addr              { return nil }
func (p *played) RemoteAddr() net.Addr             { return nil }
func (p *played) SetDeadline(time.Time) error      { return nil }
func (p *played) SetReadDeadline(time.Time) error  { return nil }
func (p *played) SetWriteDeadline(time.Time) error { return nil }
