package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

func newTestCA(t testing.TB, hostnames ...string) *CA {
	t.Helper()
	ca, err := NewCA(Options{Hostnames: hostnames})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func mustMint(t testing.TB, ca *CA, profile string) *tls.Certificate {
	t.Helper()
	cert, err := ca.Certificate(profile)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// verify checks the chain that the server sends as a Go client would.
func verify(ca *CA, cert *tls.Certificate, host string, now time.Time) error {
	sent := x509.NewCertPool()
	for _, der := range cert.Certificate[1:] {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		sent.AddCert(c)
	}
	_, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: ca.Pool(), Intermediates: sent, CurrentTime: now})
	return err
}

func TestCorrectCoversEveryName(t *testing.T) {
	t.Parallel()
	ca := newTestCA(t, "mail.corp.lan", "*.wild.lan", "192.0.2.7", "2001:db8::5", "Upper.LAN.", "127.0.0.1", "rig.example.com")
	cert := mustMint(t, ca, "")
	if again := mustMint(t, ca, Correct); again != cert {
		t.Error("minted twice")
	}
	for _, host := range []string{
		"localhost", "127.0.0.1", "[::1]", "example.test", "a.example.test", "mail.example.test",
		"mail.corp.lan", "x.wild.lan", "192.0.2.7", "[2001:db8::5]", "upper.lan", "rig.example.com",
	} {
		if err := verify(ca, cert, host, time.Now()); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	for _, host := range []string{"corp.lan", "192.0.2.8", "gmail.com", "a.b.example.test"} {
		var wrong x509.HostnameError
		if err := verify(ca, cert, host, time.Now()); !errors.As(err, &wrong) {
			t.Errorf("%s: %v, want a hostname error", host, err)
		}
	}
}

func TestBadHostnames(t *testing.T) {
	t.Parallel()
	for _, h := range []string{
		"", "*", "*.", "a..b", ".lan", "-a.lan", "a-.lan", "a_b.lan", "mail.lan:25", "https://mail.lan", "m\u00fcller.lan",
		"a.*.lan", "300.1.1.1", "1.2.3", strings.Repeat("a", 64) + ".lan", strings.Repeat("a.", 130) + "lan", "fe80::1%eth0", "a b",
	} {
		if _, err := NewCA(Options{Hostnames: []string{h}}); err == nil || !strings.Contains(err.Error(), "host name") {
			t.Errorf("%q: %v, want an error", h, err)
		}
	}
}

// TestNameConstraintsHold checks that the CA's own key can't make a valid certificate for a real site.
func TestNameConstraintsHold(t *testing.T) {
	t.Parallel()
	ca := newTestCA(t, "mail.corp.lan", "192.0.2.7")
	if !ca.Cert().PermittedDNSDomainsCritical {
		t.Error("name constraints are not critical")
	}
	now := time.Now()
	for _, tt := range []struct {
		host string
		ok   bool
	}{
		{"gmail.com", false}, {"corp.lan", false}, {"xmail.corp.lan", false}, {"notexample.com", false}, {"com", false},
		{"imap.example.org", false}, {"example.com", false}, {"example.net", false}, {"any.test", true}, {"sub.mail.corp.lan", true}, {"x.invalid", true},
		{"8.8.8.8", false}, {"192.0.2.8", false}, {"192.0.2.7", true}, {"127.9.9.9", true}, {"::2", false},
	} {
		p := profile{Profile{Name: "x"}, func(is *issuance) error {
			is.template.DNSNames, is.template.IPAddresses = nil, nil
			if ip := net.ParseIP(tt.host); ip != nil {
				is.template.IPAddresses = []net.IP{ip}
			} else {
				is.template.DNSNames = []string{tt.host}
			}
			return nil
		}, always}
		ca.mu.Lock()
		cert, err := ca.mint(p, now)
		ca.mu.Unlock()
		if err != nil {
			t.Fatal(err)
		}
		err = verify(ca, cert, "", now)
		var invalid x509.CertificateInvalidError
		if tt.ok && err != nil || !tt.ok && (!errors.As(err, &invalid) || invalid.Reason != x509.CANotAuthorizedForThisName) {
			t.Errorf("%s: %v, want permitted %v", tt.host, err, tt.ok)
		}
	}
}

func TestUnknownProfile(t *testing.T) {
	t.Parallel()
	ca := newTestCA(t)
	for name, part := range map[string]string{
		"expird": `"expired"`, "selfsigned": `"self-signed"`, "Wrong-Host": `"wrong-host"`, "zzzzzzz": "use one of correct, expired",
	} {
		if _, err := ca.Certificate(name); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v, want %s in it", name, err, part)
		}
	}
}

func TestProfilesAreDescribed(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, p := range Profiles() {
		if p.Name == "" || p.Title == "" || !strings.HasSuffix(p.Story, ".") || seen[p.Name] {
			t.Errorf("profile %+v", p)
		}
		seen[p.Name] = true
	}
}

// TestLongRun checks that every certificate keeps its property in a run of several months.
func TestLongRun(t *testing.T) {
	t.Parallel()
	now := time.Now()
	ca, err := NewCA(Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for range 200 {
		if err := verify(ca, mustMint(t, ca, ""), "localhost", now); err != nil {
			t.Fatalf("correct certificate at %v: %v", now, err)
		}
		if cert := mustMint(t, ca, "not-yet-valid"); !cert.Leaf.NotBefore.After(now) {
			t.Fatalf("not-yet-valid is valid at %v", now)
		}
		now = now.Add(37 * time.Hour)
	}
}

func TestConcurrentCertificate(t *testing.T) {
	t.Parallel()
	ca := newTestCA(t)
	var all sync.WaitGroup
	var seen sync.Map
	for range 8 {
		all.Go(func() {
			for _, p := range Profiles() {
				cert, err := ca.Certificate(p.Name)
				if err != nil {
					t.Error(err)
					continue
				}
				if first, _ := seen.LoadOrStore(p.Name, cert); first != cert {
					t.Errorf("%s: two certificates", p.Name)
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkNewCAAndCertificate(b *testing.B) {
	for b.Loop() {
		mustMint(b, newTestCA(b), Correct)
	}
}
