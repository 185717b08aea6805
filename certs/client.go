package certs

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Client mints a certificate with which a client says that it is user, and returns it with its private key, both in PEM.
// If user is an e-mail address, the certificate has it as one; otherwise only as its
// common name. Nobody keeps the key. Each call mints another one, good for 90 days.
func (c *CA) Client(user string) (certAndKey []byte, err error) {
	if user == "" || len(user) > 254 || strings.ContainsFunc(user, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return nil, errors.New("a client certificate needs a user's name without spaces, of 254 bytes at most")
	}
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	now := c.now()
	t := &x509.Certificate{
		Subject:               pkix.Name{Organization: []string{"mailrig"}, CommonName: user},
		NotBefore:             now.Add(-skew),
		NotAfter:              now.Add(leafLife),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	if local, domain, ok := strings.Cut(user, "@"); ok && local != "" && domain != "" && isASCII(user) { // IA5String
		t.EmailAddresses = []string{user}
	}
	if t.NotAfter.After(c.cert.NotAfter) {
		t.NotAfter = c.cert.NotAfter
	}
	cert, err := sign(t, c.cert, key, c.key)
	if err != nil {
		return nil, fmt.Errorf("mint a client certificate: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write the key of a client certificate: %w", err)
	}
	certAndKey = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	return append(certAndKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...), nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
