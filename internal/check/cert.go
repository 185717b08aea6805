package check

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// soon is how long before its end a certificate deserves a warning.
const soon = 14 * 24 * time.Hour

// examine judges the certificates that the server sent, and says in words what is wrong with them.
func (c *checker) examine(chain []*x509.Certificate) *Session {
	s := &Session{Faults: []Fault{}}
	if len(chain) == 0 {
		s.Faults = append(s.Faults, Fault{"no-certificate", "the server sent no certificate", "the server's operator has to install one"})
		return s
	}
	leaf := chain[0]
	s.Certificate = describe(chain)
	add := func(code, words, try string) { s.Faults = append(s.Faults, Fault{code, words, try}) }
	now := c.Now()
	at := now // a moment when the certificate itself is valid

	switch {
	case now.After(leaf.NotAfter):
		at = leaf.NotAfter.Add(-time.Second)
		add("expired", fmt.Sprintf("the certificate expired on %s, %s ago", date(leaf.NotAfter), span(now.Sub(leaf.NotAfter))),
			"the server's operator has to renew it; look at this machine's clock too")
	case now.Before(leaf.NotBefore):
		at = leaf.NotBefore.Add(time.Second)
		add("not-yet-valid", fmt.Sprintf("the certificate is valid from %s only, in %s", date(leaf.NotBefore), span(leaf.NotBefore.Sub(now))),
			"check this machine's clock: it is probably slow")
	}
	if words := c.wrongName(leaf); words != "" {
		code, try := "wrong-host", "type a name into the client that the certificate is for, or have the operator get one for "+clean(c.Host)
		if len(leaf.DNSNames)+len(leaf.IPAddresses) == 0 {
			code, try = "no-names", "the operator needs a certificate with the host in its subject alternative names"
		}
		add(code, words, try)
	}
	weakSignature := false
	for i, cert := range chain {
		if i > 0 && selfSigned(cert) {
			continue // nobody checks a root's own signature
		}
		if weak(cert.SignatureAlgorithm) && !selfSigned(cert) {
			weakSignature = true
			add("weak-signature", fmt.Sprintf("the certificate of %s is signed with %s, which can be forged", subject(cert), cert.SignatureAlgorithm),
				"the server's operator needs a certificate signed with SHA-256")
			break
		}
	}
	if key, ok := leaf.PublicKey.(*rsa.PublicKey); ok && key.N.BitLen() < 2048 {
		add("weak-key", fmt.Sprintf("the server's key is RSA with %d bits, which today's clients refuse", key.N.BitLen()),
			"the server's operator needs a key of 2048 bits or more")
	}
	if !weakSignature {
		c.trust(chain, at, add)
	}
	s.Verified = len(s.Faults) == 0
	return s
}

// wrongName says which names the certificate is for, if it isn't for the host.
func (c *checker) wrongName(leaf *x509.Certificate) string {
	err := leaf.VerifyHostname(c.Host)
	if err == nil {
		return ""
	}
	names := namesOf(leaf)
	if len(names) == 0 {
		words := "the certificate has no names a client may compare with"
		if cn := clean(leaf.Subject.CommonName); cn != "" {
			words += fmt.Sprintf(", only the common name %s, which clients no longer look at (RFC 9525)", cn)
		}
		return words
	}
	const some = 5
	list := strings.Join(names[:min(len(names), some)], ", ")
	if n := len(names) - some; n > 0 {
		list += fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("the certificate isn't for %s, but for %s", clean(c.Host), list)
}

// trust checks whether a CA that is trusted here vouches for the certificate.
func (c *checker) trust(chain []*x509.Certificate, at time.Time, add func(code, words, try string)) {
	leaf := chain[0]
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{Roots: c.pool, Intermediates: between, CurrentTime: at})
	if err == nil {
		return
	}
	var invalid x509.CertificateInvalidError
	var unknown x509.UnknownAuthorityError
	switch now := c.Now(); {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && now.After(invalid.Cert.NotBefore) && now.Before(invalid.Cert.NotAfter):
		// It is valid now, but wasn't at the moment when the other one was.
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		add("expired-intermediate", fmt.Sprintf("the certificate of %s, which vouches for the server, isn't in its time: it is valid from %s to %s",
			subject(invalid.Cert), date(invalid.Cert.NotBefore), date(invalid.Cert.NotAfter)), "the server's operator has to install the CA's current intermediate certificate")
	case errors.As(err, &invalid) && invalid.Reason == x509.IncompatibleUsage:
		add("wrong-usage", "the certificate may not be used by a server", "the server's operator needs a certificate for TLS servers (serverAuth)")
	case errors.As(err, &invalid):
		add("invalid", "the certificate doesn't hold: "+clean(invalid.Error()), "the server's operator needs another certificate")
	case errors.As(err, &unknown):
		c.unknown(chain, add)
	default:
		add("invalid", "the certificate doesn't hold: "+clean(err.Error()), "the server's operator needs another certificate")
	}
}

// unknown finds out why no known CA vouches for the certificate.
func (c *checker) unknown(chain []*x509.Certificate, add func(code, words, try string)) {
	leaf, last := chain[0], chain[len(chain)-1]
	const trust = "if it is your own, give its certificate with --ca FILE and import it into the client"
	switch {
	case selfSigned(leaf):
		add("self-signed", "the certificate is self-signed: the server vouches for itself, as an attacker's would",
			"if the server is your own, give the certificate with --ca FILE; better, get one from a CA")
	case selfSigned(last) && last != leaf:
		add("unknown-authority", fmt.Sprintf("the certificate comes from %s, a CA that isn't trusted here", subject(last)), trust)
	case len(leaf.IssuingCertificateURL) > 0 || len(c.Roots) > 0:
		// Public CAs say where their certificate can be fetched, and a server that names a CA expects that it was the
		// one that signed.
		add("incomplete-chain", fmt.Sprintf("the certificate comes from %s, which isn't trusted here by itself; the server probably fails to send that intermediate certificate", issuer(last)),
			"the server's operator has to install the full chain; a browser may hide this, a mail client doesn't. Or it is a private CA: "+trust)
	default:
		add("unknown-authority", fmt.Sprintf("the certificate comes from %s, which isn't trusted here", issuer(last)),
			trust+"; if it is a public CA, the server doesn't send the intermediate certificate")
	}
	if c.noSystem != nil {
		add("no-system-roots", "this machine's own list of CAs can't be read: "+clean(c.noSystem.Error()), "install the CA certificates package")
	}
}

func selfSigned(c *x509.Certificate) bool {
	return bytes.Equal(c.RawIssuer, c.RawSubject) && c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

func weak(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}

func namesOf(c *x509.Certificate) []string {
	names := cleanAll(c.DNSNames)
	for _, ip := range c.IPAddresses {
		names = append(names, net.IP(ip).String())
	}
	return names
}

func subject(c *x509.Certificate) string { return named(c.Subject.CommonName, c.Subject.String()) }
func issuer(c *x509.Certificate) string  { return named(c.Issuer.CommonName, c.Issuer.String()) }

func named(common, whole string) string {
	for _, s := range []string{common, whole} {
		if s = clean(s); s != "" {
			return fmt.Sprintf("%q", s)
		}
	}
	return "somebody without a name"
}

func describe(chain []*x509.Certificate) *Certificate {
	leaf := chain[0]
	sum := sha256.Sum256(leaf.Raw)
	d := &Certificate{
		Subject: clean(leaf.Subject.String()), Names: namesOf(leaf), Issuer: clean(leaf.Issuer.String()),
		NotBefore: leaf.NotBefore.UTC(), NotAfter: leaf.NotAfter.UTC(),
		Signature: leaf.SignatureAlgorithm.String(), SHA256: hex.EncodeToString(sum[:]), Chain: []string{},
	}
	const shown = 50 // a certificate may have thousands of names
	if len(d.Names) > shown {
		d.Names = append(d.Names[:shown:shown], fmt.Sprintf("and %d more", len(d.Names)-shown))
	}
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		d.Key = fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		d.Key = "ECDSA " + key.Curve.Params().Name
	case ed25519.PublicKey:
		d.Key = "Ed25519"
	default:
		d.Key = leaf.PublicKeyAlgorithm.String()
	}
	for _, cert := range chain[1:] {
		d.Chain = append(d.Chain, clean(cert.Subject.String()))
	}
	return d
}

func date(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// span returns a duration in the unit that a person would use.
func span(d time.Duration) string {
	unit := func(n int, name string) string {
		if n == 1 {
			return "1 " + name
		}
		return fmt.Sprintf("%d %ss", n, name)
	}
	switch {
	case d >= 48*time.Hour:
		return unit(int(d/(24*time.Hour)), "day")
	case d >= time.Hour:
		return unit(int(d/time.Hour), "hour")
	default:
		return unit(max(1, int(d/time.Minute)), "minute")
	}
}
