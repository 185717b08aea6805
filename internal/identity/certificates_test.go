package identity

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/certs"
)

// TestCertificateIsForClients checks that a server's certificate of the same CA is nobody's login.
func TestCertificateIsForClients(t *testing.T) {
	t.Parallel()
	ca, err := certs.NewCA(certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := ca.Certificate("")
	if err != nil {
		t.Fatal(err)
	}
	c := Certificates{Roots: ca.Pool(), Canonical: strings.ToLower}
	if name := CertificateUser(server.Leaf); c.belongs(name, []*x509.Certificate{server.Leaf}) {
		t.Errorf("the server's certificate logs in as %q", name)
	}
}
