package check

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
)

// handshake begins TLS and examines the certificate. examine judges the certificate rather than crypto/tls, so that the
// check can go on after a bad one. Before login.go sends a password, it asks for that verdict.
func (c *checker) handshake(w *wire, d *Door, how way) error {
	asked := false
	cfg := &tls.Config{
		ServerName:         c.Host,
		InsecureSkipVerify: true,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return &tls.Certificate{}, nil
		},
	}
	if how.legacy {
		cfg.MinVersion = tls.VersionTLS10
		for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			cfg.CipherSuites = append(cfg.CipherSuites, s.ID)
		}
	}
	w.wait()
	conn := tls.Client(w.seen, cfg)
	if err := conn.HandshakeContext(w.ctx); err != nil {
		return err
	}
	w.upgrade(conn)
	state := conn.ConnectionState()
	d.TLS = c.examine(state.PeerCertificates)
	d.TLS.Version = tls.VersionName(state.Version)
	d.TLS.Cipher = tls.CipherSuiteName(state.CipherSuite)
	d.TLS.ClientCert = asked
	// What an ordinary handshake agrees on is up to date.
	d.TLS.Outdated = how.legacy && (state.Version < tls.VersionTLS12 || !modern(state.CipherSuite))
	return nil
}

// modern reports whether clients offer a cipher by default.
func modern(id uint16) bool {
	return slices.ContainsFunc(tls.CipherSuites(), func(s *tls.CipherSuite) bool { return s.ID == id })
}

// tlsWords says why a handshake failed.
func (c *checker) tlsWords(err error) string {
	s := err.Error()
	var alert tls.AlertError
	var timeout net.Error
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &header):
		return "what the server sent isn't TLS"
	case strings.Contains(s, "unsupported protocol version"), strings.Contains(s, "protocol version not supported"):
		return "server and client have no TLS version in common (TLS 1.2 and 1.3 were offered)"
	case strings.Contains(s, "handshake failure"), strings.Contains(s, "insufficient security"), strings.Contains(s, "unconfigured cipher suite"):
		return "the server says that it has no cipher in common with the client"
	case strings.Contains(s, "unrecognized name"):
		return "the server knows no certificate for the name " + clean(c.Host)
	case strings.Contains(s, "certificate required"):
		return "the server wants a certificate from the client"
	case errors.As(err, &alert):
		return "the server ended the handshake: " + clean(strings.TrimPrefix(alert.Error(), "tls: "))
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server closed the connection in the middle of the handshake"
	case errors.As(err, &timeout) && timeout.Timeout():
		return "the handshake didn't finish within " + inWords(c.Timeout)
	}
	if state, words := c.brokeOff(err); state == StateReset {
		return words
	}
	return clean(s)
}
