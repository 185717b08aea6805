// Package certs makes the certificates of a mail server under test: a private certification authority (CA), one correct
// server certificate, and defective ones by profile (expired, for the wrong host, with an incomplete chain …). A
// certificate is minted when it is first asked for, so nothing with a date is ever stored in a repository.
//
// [NewCA] makes a CA that lives in memory. [LoadOrCreate] keeps it in a directory, so that a developer has to trust it
// only once. [CA.Certificate] returns a profile's certificate for tls.Config.GetCertificate. [Profiles] lists the
// profiles.
//
// The CA can't endanger a real site, even if people trust it. Critical name constraints (RFC 5280 section 4.2.1.10)
// restrict it to loopback addresses, to the names that RFC 2606 and RFC 6761 reserve for tests, and to the given host
// names. Its extended key usage restricts it to TLS servers.
//
// To add a profile, add a row to the table in profiles.go: a function that edits the correct certificate's template,
// its issuer, or the chain that is sent.
package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	day  = 24 * time.Hour
	skew = time.Hour // certificates are backdated by this much, for clients whose clock is slow

	// leafLife is well below what clients tolerate (398 days at Apple and others).
	leafLife = 90 * day
	// storedLife is the life of a CA in a directory, which people trust by hand.
	storedLife = 3650 * day
	// memoryLife outlasts any run. The key is lost when the process ends.
	memoryLife = 365 * day
	// cacheLife is how long a certificate is kept before it is minted again. In a long run, "not yet valid" stays so
	// and the correct certificate doesn't expire.
	cacheLife = 12 * time.Hour
)

// Options configure a CA. The zero value is useful.
type Options struct {
	// Hostnames are DNS names ("mail.corp.lan", "*.corp.lan") and IP addresses that the correct certificate covers
	// besides localhost and the reserved test names.
	Hostnames []string
	// Private lets a new CA sign for all addresses of private networks too (RFC 1918, RFC 4193, RFC 3927), which belong to
	// nobody in particular, and makes it last for ten years: for servers that share it and don't know each other's addresses.
	Private bool
	// Now is the clock. nil means time.Now.
	Now func() time.Time
}

// CA is a private certification authority. It is safe for concurrent use.
type CA struct {
	cert  *x509.Certificate
	key   crypto.Signer
	names names
	now   func() time.Time

	mu      sync.Mutex
	leafKey crypto.Signer // shared by all leaves
	minted  map[string]minted
}

type minted struct {
	cert *tls.Certificate
	at   time.Time
}

// NewCA makes a CA in memory. It fails on an invalid host name.
func NewCA(o Options) (*CA, error) {
	names, err := parseNames(o.Hostnames)
	if err != nil {
		return nil, err
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	now, life := clock(o.Now), memoryLife
	if names.private = o.Private; names.private {
		life = storedLife
	}
	cert, err := newRoot("mailrig test CA", key, names, now(), life)
	if err != nil {
		return nil, err
	}
	return newCA(cert, key, names, now), nil
}

func newCA(cert *x509.Certificate, key crypto.Signer, names names, now func() time.Time) *CA {
	return &CA{cert: cert, key: key, names: names, now: now, minted: map[string]minted{}}
}

func clock(now func() time.Time) func() time.Time {
	if now == nil {
		return time.Now
	}
	return now
}

// Cert returns the CA's own certificate. Don't modify it.
func (c *CA) Cert() *x509.Certificate { return c.cert }

// PEM returns the CA's certificate in the form that trust stores read.
func (c *CA) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.cert.Raw})
}

// Pool returns a new pool with the CA's certificate alone, for tls.Config.RootCAs.
func (c *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(c.cert)
	return pool
}

// Certificate returns the certificate of a profile, with the chain that the server sends. "" and "correct" mean the
// correct one. It mints the certificate at the first call and keeps it for 12 hours. The error for an unknown profile
// names the nearest one.
func (c *CA) Certificate(profile string) (*tls.Certificate, error) {
	p, err := lookup(profile)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	if m, ok := c.minted[p.Name]; ok {
		if age := now.Sub(m.at); age >= 0 && age < cacheLife {
			return m.cert, nil
		}
	}
	cert, err := c.mint(p, now)
	if err != nil {
		return nil, fmt.Errorf("mint certificate %q: %w", p.Name, err)
	}
	c.minted[p.Name] = minted{cert, now}
	return cert, nil
}

// issuance is a certificate about to be issued. It is the correct one until a profile edits it.
type issuance struct {
	template  *x509.Certificate
	key       crypto.Signer     // the leaf's; it is shared, so replace it rather than change it
	issuer    *x509.Certificate // nil: self-signed
	issuerKey crypto.Signer
	chain     [][]byte // what the server sends after the leaf, in DER

	now   time.Time
	names names
}

func (c *CA) mint(p profile, now time.Time) (*tls.Certificate, error) {
	if c.leafKey == nil {
		key, err := newKey()
		if err != nil {
			return nil, err
		}
		c.leafKey = key
	}
	is := &issuance{
		template: &x509.Certificate{
			Subject:               pkix.Name{Organization: []string{"mailrig"}, CommonName: "localhost"},
			NotBefore:             now.Add(-skew),
			NotAfter:              now.Add(leafLife),
			DNSNames:              c.names.leafDNS(),
			IPAddresses:           c.names.leafIPs(),
			KeyUsage:              x509.KeyUsageDigitalSignature, // all that TLS needs of an ECDSA key
			ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
			BasicConstraintsValid: true,
		},
		key:       c.leafKey,
		issuer:    c.cert,
		issuerKey: c.key,
		now:       now,
		names:     c.names,
	}
	if is.template.NotAfter.After(c.cert.NotAfter) {
		is.template.NotAfter = c.cert.NotAfter
	}
	if p.edit != nil {
		if err := p.edit(is); err != nil {
			return nil, err
		}
	}
	leaf, err := is.sign()
	if err != nil {
		return nil, err
	}
	return &tls.Certificate{
		Certificate: append([][]byte{leaf.Raw}, is.chain...),
		PrivateKey:  is.key,
		Leaf:        leaf,
	}, nil
}

func (is *issuance) sign() (*x509.Certificate, error) {
	issuer, issuerKey := is.issuer, is.issuerKey
	if issuer == nil {
		issuer, issuerKey = is.template, is.key
	}
	var err error
	if is.template.SubjectKeyId, err = keyID(is.key); err != nil {
		return nil, err
	}
	return sign(is.template, issuer, is.key, issuerKey)
}

// newRoot makes a self-signed CA certificate with mailrig's name constraints.
func newRoot(title string, key crypto.Signer, names names, now time.Time, life time.Duration) (*x509.Certificate, error) {
	t, err := caTemplate(title, key, now, life)
	if err != nil {
		return nil, err
	}
	t.MaxPathLen = 1 // room for one intermediate
	t.PermittedDNSDomainsCritical = true
	t.PermittedDNSDomains = names.permittedDNS()
	t.PermittedIPRanges = names.permittedIPs()
	return sign(t, t, key, key)
}

func caTemplate(title string, key crypto.Signer, now time.Time, life time.Duration) (*x509.Certificate, error) {
	id, err := keyID(key)
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		// The key's identifier distinguishes the subjects of different CAs, because clients look up an issuer by its
		// name.
		Subject:               pkix.Name{Organization: []string{"mailrig"}, CommonName: fmt.Sprintf("%s %x", title, id[:4])},
		SubjectKeyId:          id,
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(life),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}, nil
}

// sign issues t. The serial number is random (RFC 5280 section 4.1.2.2).
func sign(t, issuer *x509.Certificate, key, issuerKey crypto.Signer) (*x509.Certificate, error) {
	der, err := x509.CreateCertificate(rand.Reader, t, issuer, key.Public(), issuerKey)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func newKey() (crypto.Signer, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// keyID returns the subject key identifier by RFC 7093 section 2 method 4: the leftmost 160 bits of a SHA-256 over the
// SubjectPublicKeyInfo.
func keyID(key crypto.Signer) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(spki)
	return bytes.Clone(sum[:20]), nil
}

// singleIP returns the range that contains one address.
func singleIP(ip net.IP) *net.IPNet {
	if ip4 := ip.To4(); ip4 != nil {
		return &net.IPNet{IP: ip4, Mask: net.CIDRMask(32, 32)}
	}
	return &net.IPNet{IP: ip, Mask: net.CIDRMask(128, 128)}
}
