package identity

import (
	"crypto/x509"
	"slices"
)

// Certificates checks the certificates of clients. The zero value knows none.
type Certificates struct {
	Roots *x509.CertPool // who must have signed them; nil means that no certificate counts
	// Canonical maps all names of one user to the same form.
	Canonical func(user string) string
}

func (c Certificates) meets(n Need) bool { return n == NeedsCertificate && c.Roots != nil }

// belongs reports whether a chain is trusted, is for clients, and names the user.
func (c Certificates) belongs(user string, chain []*x509.Certificate) bool {
	if c.Roots == nil || len(chain) == 0 || c.Canonical(CertificateUser(chain[0])) != c.Canonical(user) {
		return false
	}
	// The rig's CA may only sign for servers, because people trust it. So the purpose is asked of the certificate alone.
	if !slices.Contains(chain[0].ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return false
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: c.Roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	return err == nil
}
