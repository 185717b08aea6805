package gate

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
)

var (
	errTooLong = errors.New("more bytes than anybody may send")
	errNoName  = errors.New("the client didn't say which name it wants")
)

// attempt is one TLS handshake with the client.
type attempt struct {
	g        *Gate
	starttls bool
	want     fault.TLS
	leaf     *x509.Certificate // the certificate presented; nil if it isn't known
	config   *tls.Config       // for the client, once its ClientHello has come
	hello    *tls.ClientHelloInfo
	quiet    *time.Timer // reports a client that says nothing; nil behind STARTTLS
}

// handshake does the server's side of TLS and records the outcome. first holds bytes from the client that have already
// been read. It reports whether TLS is up. If it isn't, the connection is over.
func (g *Gate) handshake(first []byte, starttls bool) bool {
	a := &attempt{g: g, starttls: starttls}
	if !starttls {
		began := time.Now()
		a.quiet = time.AfterFunc(quietTime, func() {
			g.rec.Add(&event.Waiting{For: event.AwaitsHello, Since: time.Since(began)}, "")
			if g.cfg.OnQuiet != nil {
				g.cfg.OnQuiet()
			}
		})
		defer a.quiet.Stop()
	}
	g.raw.SetDeadline(time.Now().Add(g.cfg.handshakeTimeout()))
	if g.fault.Names() {
		first = a.named(first)
	}
	a.want = g.fault.TLS()
	if a.want.Certificate != "" {
		g.rec.Add(&event.Setting{Name: event.SetCertificate, Text: a.want.Certificate}, a.want.By)
	}
	cert, err := g.cfg.Certificate(a.want.Certificate)
	if err != nil { // scenarios are checked for unknown profiles when they are loaded
		g.rec.Add(a.outcome(event.NoCertificate, err), "")
		g.end(true, event.EndedByServer)
		return false
	}
	a.leaf = cert.Leaf
	a.configure(cert)
	var under net.Conn = g.raw
	if len(first) > 0 {
		under = &prefixed{g.raw, io.MultiReader(bytes.NewReader(first), g.raw)}
	}
	if a.want.Handshake != fault.HandshakeDone {
		a.spoil(under)
		return false
	}
	t := tls.Server(under, &tls.Config{
		MinVersion:         tls.VersionTLS10, // otherwise an old client's ClientHello would go unseen
		GetConfigForClient: a.met,
	})
	err = t.Handshake()
	g.raw.SetDeadline(time.Time{})
	g.wmu.Lock()
	g.readBy, g.writeBy = deadline{}, deadline{}
	g.wmu.Unlock()
	s := t.ConnectionState()
	if err != nil {
		a.failed(err, s.Version)
		return false
	}
	done := a.outcome(event.Established, nil)
	done.Version, done.Cipher = s.Version, s.CipherSuite
	g.rec.Add(done, "")
	g.tls, g.leaf, g.conn = t, a.leaf, t
	return true
}

// named reads the first record, which holds the ClientHello, and tells the rules which name the client asks for. It
// returns what has been read. What isn't a ClientHello in one record names nothing.
func (a *attempt) named(first []byte) []byte {
	for !wholeRecord(first) {
		var more [2048]byte
		n, err := a.g.raw.Read(more[:])
		if first = append(first, more[:n]...); err != nil {
			return first // the handshake meets it too
		}
	}
	if h := readHello(first); h != nil {
		a.g.fault.Named(h.ServerName)
	}
	return first
}

// wholeRecord reports whether b has a whole handshake record (RFC 8446 section 5.1), or none at all.
func wholeRecord(b []byte) bool {
	if len(b) > 0 && !isClientHello(b) {
		return true
	}
	return len(b) >= 5 && len(b) >= 5+int(b[3])<<8+int(b[4])
}

// configure builds the TLS configuration for the client: the correct one, with the changes that a scenario wants.
func (a *attempt) configure(cert *tls.Certificate) {
	// A client that resumes a session doesn't check the certificate again. A scenario that was switched on between two
	// connections would go unnoticed.
	a.config = &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}
	c, want := a.config, a.want
	if want.MinVersion != 0 {
		c.MinVersion = want.MinVersion
	}
	if want.MaxVersion != 0 {
		c.MaxVersion = want.MaxVersion
	}
	if want.NoCommonCipher {
		// Every TLS 1.3 client shares a suite with Go, so the version is capped. No client offers these two suites any
		// more.
		c.MaxVersion = tls.VersionTLS12
		c.CipherSuites = []uint16{tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA}
	}
	switch {
	case want.ClientCertificate:
		c.ClientAuth = tls.RequireAnyClientCert
	case a.g.cfg.Needs != nil && a.g.cfg.Needs.AsksCertificate():
		c.ClientAuth = tls.RequestClientCert
	}
	if want.MinVersion != 0 || want.MaxVersion != 0 || want.NoCommonCipher || want.ClientCertificate || want.ServerName {
		a.g.rec.Injected(want.By)
	}
}

// met is called with the client's ClientHello.
func (a *attempt) met(h *tls.ClientHelloInfo) (*tls.Config, error) {
	if a.quiet != nil {
		a.quiet.Stop()
	}
	a.hello = h
	a.g.rec.Add(helloEvent(h, a.starttls), "")
	if a.want.ServerName && h.ServerName == "" {
		_, _ = a.g.raw.Write(alertRecord(112)) // unrecognized_name; Go would send internal_error
		return nil, errNoName
	}
	return a.config, nil
}

func helloEvent(h *tls.ClientHelloInfo, starttls bool) *event.Hello {
	return &event.Hello{StartTLS: starttls, Versions: h.SupportedVersions, Ciphers: h.CipherSuites,
		ServerName: event.Escape([]byte(h.ServerName)), Protocols: append([]string{}, h.SupportedProtos...)}
}

// outcome describes the attempt.
func (a *attempt) outcome(o event.HandshakeOutcome, err error) *event.Handshake {
	h := &event.Handshake{StartTLS: a.starttls, Outcome: o, Certificate: a.want.Certificate}
	if h.Certificate == "" {
		h.Certificate = "correct"
	}
	name := ""
	if a.hello != nil {
		name = a.hello.ServerName
	}
	h.Bad = a.g.cfg.Bad != nil && a.g.cfg.Bad(a.want.Certificate, name)
	h.WrongName = a.leaf != nil && a.leaf.VerifyHostname(cmp.Or(name, a.g.address())) != nil
	if err != nil {
		h.Detail = err.Error()
	}
	return h
}

// address returns the address that the client connected to, without its port and zone.
func (g *Gate) address() string {
	a, _ := netip.ParseAddrPort(g.raw.LocalAddr().String())
	return a.Addr().Unmap().WithZone("").String()
}

// failed records why a handshake failed, and ends the connection.
func (a *attempt) failed(err error, version uint16) {
	g := a.g
	h := a.outcome(a.why(err), err)
	h.Version = version
	if n := g.clientAlert(err); n != 0 {
		h.Outcome, h.Alert, h.AlertFrom = event.RefusedByClient, n, event.Client
	} else if n := g.raw.sentAlert(); n != 0 {
		h.Alert, h.AlertFrom = n, event.Server
	}
	g.rec.Add(h, "")
	var header tls.RecordHeaderError
	if errors.As(err, &header) && !speaksTLS(header.RecordHeader[:]) {
		// Its words aren't recorded: they may hold a password.
		g.rec.Add(&event.ClearOnTLS{StartTLS: a.starttls, Protocol: whose(g.cfg.Protocols, header.RecordHeader[:])}, "")
	}
	by := event.EndedByClient
	if isTimeout(err) {
		by = event.EndedByTimeout
	}
	g.end(false, by)
}

// spoil makes a handshake fail on purpose, once the client has begun it.
func (a *attempt) spoil(c net.Conn) {
	g, want := a.g, a.want
	first := make([]byte, 4096)
	n, err := c.Read(first)
	if a.quiet != nil {
		a.quiet.Stop()
	}
	if a.hello = readHello(first[:n]); a.hello != nil {
		g.rec.Add(helloEvent(a.hello, a.starttls), "")
	} else if isClientHello(first[:n]) {
		g.rec.Add(&event.Hello{StartTLS: a.starttls}, "") // the ClientHello comes in several pieces
	}
	spoilt := a.outcome(event.SpoiltByScenario, nil)
	spoilt.Spoilt = string(want.Handshake)
	g.rec.Add(spoilt, want.By)
	if want.Handshake == fault.HandshakeStall {
		g.rec.Add(&event.Silenced{Moment: event.AtHandshake}, want.By)
	} else {
		g.rec.Add(&event.Cut{Moment: event.AtHandshake, How: string(want.Handshake)}, want.By)
	}
	how := fault.EndClose
	if err == nil {
		switch want.Handshake {
		case fault.HandshakeStall:
			g.raw.SetDeadline(time.Time{})
			g.listen(g.raw)
		case fault.HandshakeGarbage:
			_, _ = g.raw.Write([]byte("500 5.5.1 What was that?\r\n"))
		case fault.HandshakeAlert:
			_, _ = g.raw.Write(alertRecord(want.Alert))
		case fault.HandshakeReset:
			how = fault.EndReset
		}
	}
	g.shut(how, event.EndedByScenario)
}

// alertRecord returns a fatal alert as a record in clear (RFC 8446 section 6).
func alertRecord(n uint8) []byte { return []byte{21, 3, 3, 0, 2, 2, n} }

// isClientHello reports whether bytes begin a TLS handshake record (RFC 8446 section 5.1).
func isClientHello(b []byte) bool {
	return len(b) >= 1 && b[0] == 0x16 && (len(b) == 1 || b[1] == 0x03)
}

// opening examines the first bytes of a connection that starts in clear. It reports whether the client begins with TLS.
// If so, the connection is over: the client has already received a greeting where it expected a ServerHello.
func (g *Gate) opening(idle time.Duration) (isTLS bool, err error) {
	if g.opened || g.tls != nil {
		return false, nil
	}
	if err := g.fill(idle); err != nil {
		return false, err
	}
	g.opened = true
	b, _ := g.br.Peek(g.br.Buffered())
	if !isClientHello(b) {
		return false, nil
	}
	if h := readHello(b); h != nil {
		g.rec.Add(helloEvent(h, false), "")
	} else {
		g.rec.Add(&event.Hello{}, "")
	}
	g.rec.Add(&event.Handshake{Outcome: event.TLSOnClearDoor}, "")
	g.rec.Overheard(event.HeardLine{Text: event.Escape(b)}, len(b))
	g.rec.Notice(event.TLSOnClearPort, "")
	g.end(false, event.EndedByServer)
	return true, nil
}
