package certs

import (
	"bytes"
	"crypto/x509"
	"net"
	"strings"
	"testing"
	"time"
)

// TestExport checks that two servers which have the same CA, and other addresses, have certificates that a client of the CA
// accepts.
func TestExport(t *testing.T) {
	t.Parallel()
	first, err := NewCA(Options{Hostnames: []string{"rig.corp.lan", "10.0.0.5"}, Private: true})
	if err != nil {
		t.Fatal(err)
	}
	data, err := first.Export()
	if err != nil {
		t.Fatal(err)
	}
	second, err := Import(data, Options{Hostnames: []string{"rig.corp.lan", "172.18.0.3", "8.8.8.8", "2001:db8::1"}})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.PEM(), second.PEM()) {
		t.Error("it is another CA")
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(first.PEM())
	for name, ca := range map[string]*CA{"localhost": first, "rig.corp.lan": second, "10.0.0.5": first, "172.18.0.3": second} {
		c, err := ca.Certificate("")
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(c.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: pool}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, ip := range leaf.IPAddresses {
			if ip.Equal(net.IPv4(8, 8, 8, 8)) {
				t.Error("a certificate has an address that the CA may not sign for")
			}
		}
	}
	if life := time.Until(first.Cert().NotAfter); life < 9*365*day {
		t.Errorf("it lasts for %v", life)
	}
	for what, wrong := range map[string]struct {
		data []byte
		o    Options
	}{
		"damaged":                {data[:len(data)/2], Options{}},
		"may not sign for other": {data, Options{Hostnames: []string{"other.corp.lan"}}},
		"is valid from":          {data, Options{Now: func() time.Time { return time.Now().Add(11 * 365 * day) }}},
	} {
		if _, err := Import(wrong.data, wrong.o); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
