package gate

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
)

// Binding returns what ties a proof to this TLS connection, by the name of its kind, or nil if there is none of that kind:
// tls-exporter (RFC 9266), tls-server-end-point and tls-unique (RFC 5929; only below TLS 1.3).
func (c *Conn) Binding(kind string) []byte {
	state, ok := c.g.TLSState()
	if !ok {
		return nil
	}
	switch kind {
	case "tls-exporter":
		// RFC 9266 section 4.2. An error means TLS 1.2 without the extended master secret, where it isn't safe.
		key, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32)
		if err != nil {
			return nil
		}
		return key
	case "tls-server-end-point":
		return endPoint(c.g.leaf)
	case "tls-unique":
		if state.Version < tls.VersionTLS13 {
			return state.TLSUnique
		}
	}
	return nil
}

// endPoint returns the hash of a server's certificate (RFC 5929 section 4.1): by the hash of its signature, but never one
// weaker than SHA-256. It returns nil if the signature has no such hash.
func endPoint(leaf *x509.Certificate) []byte {
	if leaf == nil {
		return nil
	}
	switch leaf.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		sum := sha512.Sum384(leaf.Raw)
		return sum[:]
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		sum := sha512.Sum512(leaf.Raw)
		return sum[:]
	case x509.PureEd25519, x509.UnknownSignatureAlgorithm:
		return nil
	}
	sum := sha256.Sum256(leaf.Raw)
	return sum[:]
}
