package certs

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"
)

// Export returns the CA's certificate and its private key, in PEM. Whoever has it can pretend to be the servers that trust
// the CA.
func (c *CA) Export() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(c.key)
	if err != nil {
		return nil, err
	}
	return append(c.PEM(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...), nil
}

// Import returns the CA that Export has written. It refuses one that is damaged or expired, or may not sign for one of the
// host names. Addresses among the host names that the CA may not sign for are left out of the certificates instead: each of
// several servers has other ones.
func Import(data []byte, o Options) (*CA, error) {
	names, err := parseNames(o.Hostnames)
	if err != nil {
		return nil, err
	}
	cert, key, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("the CA is damaged: %w", err)
	}
	now := clock(o.Now)
	if at := now(); at.Before(cert.NotBefore) || at.After(cert.NotAfter) {
		return nil, fmt.Errorf("the CA is valid from %s to %s only: check this machine's clock, or make a new CA", cert.NotBefore.Format(time.DateOnly), cert.NotAfter.Format(time.DateOnly))
	}
	names.ips = slices.DeleteFunc(names.ips, func(ip net.IP) bool { return !inRanges(ip, cert.PermittedIPRanges) })
	if missing := notPermitted(cert, names); len(missing) > 0 {
		return nil, fmt.Errorf("the CA may not sign for %s, since it was made without: give each server the same host names, or make a new CA", strings.Join(missing, ", "))
	}
	return newCA(cert, key, names, now), nil
}

// decode reads a certificate and its key.
func decode(data []byte) (*x509.Certificate, crypto.Signer, error) {
	certDER, err := decodePEM(bytes.Clone(data), "CERTIFICATE")
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := decodePEM(data, "PRIVATE KEY")
	if err != nil {
		return nil, nil, err
	}
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		return nil, nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(keyDER)
	if err != nil {
		return nil, nil, err
	}
	key, ok := parsed.(crypto.Signer)
	public, comparable := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !comparable || !public.Equal(key.Public()) {
		return nil, nil, errors.New("the key isn't that of the certificate")
	}
	return cert, key, nil
}
