package diagnose

import (
	"crypto/tls"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Predicates about handshakes: where one is due, and on which version, cipher suite and name both sides agree.

// tlsOnClearPort finds a ClientHello where the server speaks first, in clear.
func tlsOnClearPort(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return !f.beginsWithTLS() && f.Noticed(event.TLSOnClearPort) })
}

// beginsWithTLS reports whether the door expects TLS from the first byte.
func (f *Facts) beginsWithTLS() bool { return f.Security == string(protocol.TLS) }

// silentOnTLSPort finds a client that waits for a greeting where the server waits for a ClientHello. Health checks and
// port scanners look the same, so it is a guess. A client that leaves within a second doesn't count.
func silentOnTLSPort(c *Case) []Evidence {
	const patient = time.Second
	return probes(c.each(func(f *Facts) bool {
		if !f.beginsWithTLS() || f.acted() || f.Counts.BytesIn > 0 || f.triedTLS() && f.TLS.Hello || has[*event.ClearOnTLS](f) {
			return false
		}
		if w, _, ok := event.First[*event.Waiting](f.Record); ok && w.For == event.AwaitsHello {
			return true
		}
		return !f.End.IsZero() && f.End.Sub(f.Start) >= patient && f.triedTLS() && f.EndedBy != event.EndedByShutdown
	}))
}

// clearTextOnTLSPort finds a command where a ClientHello must come.
func clearTextOnTLSPort(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		clear, _, ok := event.First[*event.ClearOnTLS](f.Record)
		return ok && f.beginsWithTLS() && clear.Protocol != event.HTTP && clear.Protocol != event.PROXY
	})
}

// versionRefused finds a client that shares no TLS version with the server. One that leaves an old version without an alert
// may have left for another reason.
func versionRefused(c *Case) []Evidence {
	all := c.each(func(f *Facts) bool {
		return f.triedTLS() && !f.onTLS() && (f.TLS.ClientAlert() == 70 || f.TLS.Outcome == event.NoVersion || f.oldVersionRefused() || f.leftOldVersion())
	})
	for i := range all {
		all[i].Guess = all[i].Sessions[0].leftOldVersion()
	}
	return all
}

// leftOldVersion reports whether the client left without a word when the server had chosen TLS 1.0 or 1.1.
func (f *Facts) leftOldVersion() bool {
	return oldTLS(f.TLS.Version) && f.TLS.Outcome == event.LeftByClient && f.TLS.ClientAlert() == 0
}

// oldVersionRefused reports whether the client refused TLS 1.0 or 1.1 in other words. It may have offered the version, and
// then accept none of its signatures: OpenSSL says internal_error (80) at its default security level.
func (f *Facts) oldVersionRefused() bool {
	return oldTLS(f.TLS.Version) && slices.Contains([]int{40, 71, 80}, f.TLS.ClientAlert())
}

func oldTLS(version uint16) bool { return version == tls.VersionTLS10 || version == tls.VersionTLS11 }

// cipherRefused finds a client that shares no cipher suite with the server.
func cipherRefused(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.triedTLS() && !f.onTLS() && !f.oldVersionRefused() && (f.TLS.ClientAlert() == 40 || f.TLS.ClientAlert() == 71 || f.TLS.Outcome == event.NoCipher)
	})
}

// usedOldTLS finds TLS 1.0 or 1.1, which RFC 8996 forbids.
func usedOldTLS(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.onTLS() && oldTLS(f.TLS.Version) && slices.ContainsFunc(f.Steps, func(s *Step) bool { return s.Secure })
	})
}

func triedTLS(c *Case) bool { return c.any((*Facts).triedTLS) }

// sentServerName finds a ClientHello that names the host.
func sentServerName(c *Case) []Evidence {
	return c.each(func(f *Facts) bool { return f.triedTLS() && f.TLS.ServerName != "" })
}

// noServerName finds a client that sent no name to a server that requires one.
func noServerName(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.triedTLS() && f.TLS.Outcome == event.NoServerName
	})
}

// noClientCertificate finds a client that presented no certificate to a server that requires one.
func noClientCertificate(c *Case) []Evidence {
	return c.each(func(f *Facts) bool {
		return f.triedTLS() && f.TLS.Outcome == event.NoClientCert
	})
}
