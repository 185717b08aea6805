package gate

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/transcript"
)

var errTooLong = errors.New("more bytes than anybody may send")

// handshake does TLS as the server, and takes down how it went. first are bytes
// of the client's that have been read already. It tells if TLS is up; if not,
// the connection is over.
func (g *Gate) handshake(first []byte, starttls bool) bool {
	facts := transcript.TLS{StartTLS: starttls}
	want := g.fault.TLS()
	facts.Certificate = "correct"
	if want.Certificate != "" {
		facts.Certificate = want.Certificate
		g.rec.Note("certificate: "+want.Certificate, want.By)
	}
	cert, err := g.cfg.Certificate(want.Certificate)
	if err != nil { // a scenario's profile is checked when it is loaded
		facts.Error = err.Error()
		g.rec.TLS(facts)
		g.end(true, transcript.EndedByServer)
		return false
	}
	// A client that resumed a session wouldn't look at the certificate again, so
	// a scenario switched on between two connections would go unseen.
	inner := &tls.Config{Certificates: []tls.Certificate{*cert}, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}
	g.demand(inner, want)
	var quiet *time.Timer
	if !starttls {
		quiet = time.AfterFunc(quietTime, func() {
			g.rec.Mark(transcript.NoHello, "nothing said: this port waits for a TLS handshake, and the client seems to wait for a greeting", "")
			if g.cfg.OnQuiet != nil {
				g.cfg.OnQuiet()
			}
		})
		defer quiet.Stop()
	}
	outer := &tls.Config{
		MinVersion: tls.VersionTLS10, // or the hello of an old client would never be seen
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			if quiet != nil {
				quiet.Stop()
			}
			facts.Hello, facts.ServerName = true, h.ServerName
			if want.ServerName && h.ServerName == "" {
				_, _ = g.raw.Write(alertRecord(112)) // unrecognized_name; Go would only say internal_error
				return nil, errors.New("the client didn't say which name it wants")
			}
			return inner, nil
		},
	}
	var under net.Conn = g.raw
	if len(first) > 0 {
		under = &prefixed{g.raw, io.MultiReader(bytes.NewReader(first), g.raw)}
	}
	g.raw.SetDeadline(time.Now().Add(g.cfg.HandshakeTimeout))
	if want.Handshake != fault.HandshakeDone {
		g.spoil(under, want, facts)
		return false
	}
	t := tls.Server(under, outer)
	err = t.Handshake()
	g.raw.SetDeadline(time.Time{})
	g.wmu.Lock()
	g.readBy, g.writeBy = deadline{}, deadline{}
	g.wmu.Unlock()
	if err != nil {
		facts.Error, facts.Alert = g.tlsError(err)
		facts.AlertName = transcript.AlertName(facts.Alert)
		g.rec.TLS(facts)
		g.noteHandshake(err, starttls)
		by := transcript.EndedByClient
		if isTimeout(err) {
			by = transcript.EndedByTimeout
		}
		g.end(false, by)
		return false
	}
	s := t.ConnectionState()
	facts.Established, facts.Version, facts.Cipher = true, tls.VersionName(s.Version), tls.CipherSuiteName(s.CipherSuite)
	g.rec.TLS(facts)
	g.rec.Note(fmt.Sprintf("%s is up (%s)", facts.Version, facts.Cipher), "")
	g.tls, g.conn = t, t
	return true
}

// demand puts into the configuration what a scenario wants of the client.
func (g *Gate) demand(c *tls.Config, want fault.TLS) {
	if want.MinVersion != 0 {
		c.MinVersion = want.MinVersion
	}
	if want.MaxVersion != 0 {
		c.MaxVersion = want.MaxVersion
	}
	if want.NoCommonCipher {
		// TLS 1.3 has no suite that a client would lack; these two are gone everywhere.
		c.MaxVersion = tls.VersionTLS12
		c.CipherSuites = []uint16{tls.TLS_RSA_WITH_RC4_128_SHA, tls.TLS_ECDHE_RSA_WITH_RC4_128_SHA}
	}
	if want.ClientCertificate {
		c.ClientAuth = tls.RequireAnyClientCert
	}
	if want.MinVersion != 0 || want.MaxVersion != 0 || want.NoCommonCipher || want.ClientCertificate || want.ServerName {
		g.rec.Injected(want.By)
	}
}

// spoil makes a handshake fail on purpose, once the client has begun it.
func (g *Gate) spoil(c net.Conn, want fault.TLS, facts transcript.TLS) {
	facts.Error = "spoilt by the scenario: " + string(want.Handshake)
	hello := make([]byte, 4096)
	n, err := c.Read(hello)
	facts.Hello = isClientHello(hello[:n])
	g.rec.TLS(facts)
	event := transcript.Cut
	if want.Handshake == fault.HandshakeStall {
		event = transcript.Silent
	}
	g.rec.Mark(event, "handshake: "+string(want.Handshake), want.By)
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
	g.shut(how, transcript.EndedByScenario)
}

// alertRecord is a fatal alert in clear (RFC 8446 section 6).
func alertRecord(n uint8) []byte { return []byte{21, 3, 3, 0, 2, 2, n} }

// noteHandshake explains a handshake that the client never meant to be one.
func (g *Gate) noteHandshake(err error, starttls bool) {
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		// What it said isn't taken down: it may be a password.
		if starttls {
			g.rec.Mark(transcript.ClearOnTLSPort, "clear text where a TLS handshake should begin"+whose(header.RecordHeader[:]), "")
		} else {
			g.rec.Mark(transcript.ClearOnTLSPort, "clear text on a port that needs TLS from the first byte"+whose(header.RecordHeader[:]), "")
		}
	case isTimeout(err):
		g.rec.Note("no TLS handshake came: the client waits for a greeting, or isn't a mail client", "")
	}
}

// whose tells by the first bytes of a connection which protocol they may be of. The
// bytes themselves may be of a password.
func whose(first []byte) string {
	text := strings.ToUpper(string(first))
	for protocol, verbs := range map[string][]string{
		"HTTP": {"GET ", "POST ", "HEAD ", "PUT ", "OPTIO", "CONNE"},
		"SMTP": {"EHLO", "HELO", "QUIT", "NOOP", "MAIL", "START"},
		"POP3": {"CAPA", "USER", "STLS", "APOP"},
		"SSH":  {"SSH-"},
	} {
		for _, verb := range verbs {
			if strings.HasPrefix(text, verb) {
				return ": " + protocol
			}
		}
	}
	return ""
}

// tlsError returns what went wrong in words and the number of the alert that the
// client sent, 0 for none.
func (g *Gate) tlsError(err error) (text string, alert int) {
	text = err.Error()
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "remote error" {
		for n := 1; n < 256; n++ {
			if op.Err.Error() == tls.AlertError(n).Error() {
				return text, n
			}
		}
	}
	// An OpenSSL client rejects a certificate before it has switched its write
	// keys: in TLS 1.3 its alert is a clear record, which Go tries to decrypt.
	if b := g.raw.last(); strings.Contains(text, "bad record MAC") && len(b) >= 7 {
		b = b[len(b)-7:]
		if b[0] == 21 && b[1] == 3 && b[3] == 0 && b[4] == 2 && (b[5] == 1 || b[5] == 2) {
			alert = int(b[6])
			return fmt.Sprintf("remote error: %v", tls.AlertError(alert)), alert
		}
	}
	if errors.Is(err, io.EOF) {
		text = "the client left in the middle of the handshake"
	}
	if isTimeout(err) {
		text = "no handshake came in time"
	}
	return text, 0
}

// lateAlert takes down an alert that comes after the handshake: in TLS 1.3 the
// server is done before the client has looked at the certificate.
func (g *Gate) lateAlert(err error) {
	if text, alert := g.tlsError(err); alert != 0 {
		g.rec.TLSAlert(text, alert)
	}
}

// upgrade does STARTTLS: it sends the positive reply, drops what the client has
// pipelined behind its command, does the handshake and hands over to a fresh
// engine (RFC 3207 section 4.2, RFC 9051 section 6.2.1, RFC 2595 section 4: no
// state survives). The old engine is to see the end of its connection.
func (g *Gate) upgrade(c *Conn, reply, tag string) error {
	up := g.fault.Upgrade()
	if up.Keep {
		g.rec.Injected(up.By) // the server is a vulnerable one, whatever the client does
	}
	by := ""
	if up.Raw != "" {
		reply, by = string(withTag(up.Raw, tag)), up.By
	}
	if err := g.say([]byte(reply), by); err != nil {
		return err
	}
	if up.Inject != "" {
		if err := g.say(wireLines(strings.ReplaceAll(up.Inject, "{tag}", tag)), up.By); err != nil {
			return err
		}
	}
	if err := g.flush(); err != nil {
		return err
	}
	g.opened = true
	first, kept := g.leftover(up)
	if !g.handshake(first, true) {
		return io.EOF
	}
	if len(kept) > 0 {
		g.br.Reset(io.MultiReader(bytes.NewReader(kept), g.conn))
	} else {
		g.br.Reset(g.conn)
	}
	c.detached.Store(true)
	g.injected = up.Inject != ""
	g.start(nil)
	return io.EOF
}

// leftover takes what stands in the buffer: a client must not talk between STARTTLS
// and the handshake, and whoever put bytes there must not have them executed inside
// TLS. They are taken down and forgotten, unless the scenario wants a vulnerable
// server. A ClientHello that came early is returned.
func (g *Gate) leftover(up fault.Upgrade) (hello, kept []byte) {
	b, _ := g.br.Peek(g.br.Buffered())
	b = bytes.Clone(b)
	g.br.Discard(len(b))
	if isClientHello(b) {
		return b, nil
	}
	if len(b) > 0 && up.Keep {
		g.rec.Mark(transcript.BehindSTARTTLS, fmt.Sprintf("kept %d bytes of clear text that were sent behind STARTTLS", len(b)), up.By)
		return nil, b
	}
	if len(b) > 0 {
		g.rec.Mark(transcript.BehindSTARTTLS, fmt.Sprintf("dropped %d bytes of clear text that were sent behind STARTTLS", len(b)), "")
		first, _, _ := bytes.Cut(b, []byte("\n")) // the rest may be the lines of a login
		g.overheard(append(bytes.Clone(first), '\n'))
	}
	return nil, nil
}

// temptTime is how long a client is given to show that it takes what was injected
// behind STARTTLS for the reply to its first command inside TLS.
const temptTime = 150 * time.Millisecond

// tempt holds back the reply to the first command inside TLS when something was
// injected before: whoever goes on meanwhile has taken that for the reply. It returns
// the line, which further reading would overwrite.
func (g *Gate) tempt(line []byte) []byte {
	if !g.injected {
		return line
	}
	g.injected = false
	line = bytes.Clone(line)
	if g.br.Buffered() == 0 {
		g.pause(temptTime)
	}
	if g.br.Buffered() > 0 {
		g.rec.Mark(transcript.TookInjected, "the client went on without waiting for the reply: it took what was injected before TLS for it", "")
	}
	return line
}

// isClientHello tells a TLS handshake record (RFC 8446 section 5.1) from text.
func isClientHello(b []byte) bool {
	return len(b) >= 1 && b[0] == 0x16 && (len(b) == 1 || b[1] == 0x03)
}

// opening looks at the first bytes of a connection that starts in clear, and
// tells if the client opens with TLS. The connection is over then: the client
// has already seen a greeting where it expected a ServerHello.
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
	g.rec.TLS(transcript.TLS{Hello: true, Error: "the client began with TLS on a port that starts in clear"})
	g.rec.Said(transcript.FromClient, transcript.Data, b, "")
	g.rec.Mark(transcript.TLSOnClearPort, "TLS from the first byte on a port that starts in clear", "")
	g.end(false, transcript.EndedByServer)
	return true, nil
}

// prefixed is a socket with bytes that were read too early.
type prefixed struct {
	net.Conn
	r io.Reader
}

func (p *prefixed) Read(b []byte) (int, error) { return p.r.Read(b) }
