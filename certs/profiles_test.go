package certs

import (
	"bytes"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// outcomes are what verifiers must say about each profile: Go's error, and OpenSSL's verification codes (x509_vfy.h).
// s_client may end with 21 where 20 came first.
func outcomes() map[string]struct {
	goSays  func(error) bool
	openssl []string
} {
	invalid := func(err error) bool {
		var e x509.CertificateInvalidError
		return errors.As(err, &e) && e.Reason == x509.Expired
	}
	unknown := func(err error) bool {
		var e x509.UnknownAuthorityError
		return errors.As(err, &e)
	}
	hostname := func(err error) bool {
		var e x509.HostnameError
		return errors.As(err, &e)
	}
	usage := func(err error) bool {
		var e x509.CertificateInvalidError
		return errors.As(err, &e) && e.Reason == x509.IncompatibleUsage
	}
	insecure := func(err error) bool { return unknown(err) && strings.Contains(err.Error(), "insecure algorithm") }
	fine := func(err error) bool { return err == nil }
	return map[string]struct {
		goSays  func(error) bool
		openssl []string
	}{
		"correct":          {fine, []string{"0"}},
		"expired":          {invalid, []string{"10"}},
		"not-yet-valid":    {invalid, []string{"9"}},
		"wrong-host":       {hostname, []string{"62"}},
		"self-signed":      {unknown, []string{"18"}},
		"untrusted-root":   {unknown, []string{"19"}},
		"incomplete-chain": {unknown, []string{"20", "21"}},

		"expired-intermediate": {func(err error) bool { return invalid(err) || unknown(err) }, []string{"10"}},
		"wrong-usage":          {usage, []string{"26"}},
		"no-san":               {hostname, []string{"0"}}, // s_client still reads the common name
		"rsa-1024":             {fine, []string{"66"}},    // Go's client has no such limit
		"sha-1":                {insecure, []string{"68"}},
		"wildcard":             {hostname, []string{"62"}}, // for localhost; see TestUnusual
		"no-subject":           {fine, []string{"0"}},
		"thousand-names":       {fine, []string{"0"}},
		"reversed-chain":       {fine, []string{"0"}},
		"root-included":        {fine, []string{"0"}},
	}
}

// TestRefuse checks that a profile says what Go's and OpenSSL's clients do with its certificate.
func TestRefuse(t *testing.T) {
	t.Parallel()
	want := outcomes()
	for _, p := range Profiles() {
		fine := want[p.Name].goSays(nil) && want[p.Name].openssl[0] == "0"
		if got := p.Refuse("localhost"); got == fine {
			t.Errorf("%s for localhost: Refuse %v", p.Name, got)
		}
	}
	for host, refuse := range map[string]bool{"mail.example.test": false, "mail.example.localhost": false, "a.b.example.test": true, "example.test": true, "": true} {
		if got := (Profile{Name: "wildcard"}).Refuse(host); got != refuse {
			t.Errorf("wildcard for %q: Refuse %v", host, got)
		}
	}
	if (Profile{}).Refuse("") || (Profile{Name: Correct}).Refuse("mail.example.org") || !(Profile{Name: "unheard-of"}).Refuse("localhost") {
		t.Error("the correct certificate, or one that nobody knows, is judged wrongly")
	}
}

func TestProfilesAgainstGo(t *testing.T) {
	t.Parallel()
	ca := newTestCA(t)
	want := outcomes()
	for _, p := range Profiles() {
		w, ok := want[p.Name]
		if !ok {
			t.Errorf("no expectation for profile %q: add one", p.Name)
			continue
		}
		cert := mustMint(t, ca, p.Name)
		if err := verify(ca, cert, "localhost", time.Now()); !w.goSays(err) {
			t.Errorf("%s: Go's verifier says: %v", p.Name, err)
		}
		// The defect is the only one: the names are right, unless they are the defect.
		named := slices.Contains([]string{"wrong-host", "no-san", "wildcard"}, p.Name)
		if err := cert.Leaf.VerifyHostname("localhost"); (err != nil) != named {
			t.Errorf("%s: host name: %v", p.Name, err)
		}
	}
	within := func(p string, d time.Duration) {
		if err := verify(ca, mustMint(t, ca, p), "localhost", time.Now().Add(d)); err != nil {
			t.Errorf("%s is wrong in more than its dates: %v", p, err)
		}
	}
	within("not-yet-valid", 2*day)
	if c := mustMint(t, ca, "expired").Leaf; c.CheckSignatureFrom(ca.Cert()) != nil {
		t.Error("expired is not signed by the CA")
	}
	if c := mustMint(t, ca, "self-signed").Leaf; c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) != nil {
		t.Error("self-signed is not signed by itself")
	}
	if err := verify(ca, mustMint(t, ca, "wrong-host"), "wrong-host.invalid", time.Now()); err != nil {
		t.Errorf("wrong-host is wrong in more than its name: %v", err)
	}
}

// TestUnusual checks that what is unusual about a certificate is in it, and that nothing else is wrong.
func TestUnusual(t *testing.T) {
	t.Parallel()
	ca := newTestCA(t)
	wild := mustMint(t, ca, "wildcard")
	for name, good := range map[string]bool{
		"mail.example.test": true, "imap.example.localhost": true,
		"example.test": false, "a.b.example.test": false, "127.0.0.1": false,
	} {
		if err := verify(ca, wild, name, time.Now()); (err == nil) != good {
			t.Errorf("wildcard for %s: %v", name, err)
		}
	}
	if n := len(mustMint(t, ca, "thousand-names").Leaf.DNSNames); n != 1000 {
		t.Errorf("%d names", n)
	}
	if c := mustMint(t, ca, "no-subject").Leaf; len(c.Subject.Names) != 0 {
		t.Errorf("the subject is %v", c.Subject)
	}
	if c := mustMint(t, ca, "no-san").Leaf; len(c.DNSNames)+len(c.IPAddresses) != 0 || c.Subject.CommonName != "localhost" {
		t.Errorf("names %v %v, subject %v", c.DNSNames, c.IPAddresses, c.Subject)
	}
	if key, ok := mustMint(t, ca, "rsa-1024").Leaf.PublicKey.(*rsa.PublicKey); !ok || key.Size() != 128 {
		t.Errorf("the key is %v", key)
	}
	if c := mustMint(t, ca, "sha-1").Leaf; c.SignatureAlgorithm != x509.ECDSAWithSHA1 {
		t.Errorf("signed with %v", c.SignatureAlgorithm)
	}
	root := ca.Cert().Raw
	if chain := mustMint(t, ca, "root-included").Certificate; len(chain) != 2 || !bytes.Equal(chain[1], root) {
		t.Errorf("%d certificates, or the second isn't the root", len(chain))
	}
	chain := mustMint(t, ca, "reversed-chain").Certificate
	if len(chain) != 3 || !bytes.Equal(chain[1], root) {
		t.Fatalf("%d certificates, or the second isn't the root", len(chain))
	}
	if last, err := x509.ParseCertificate(chain[2]); err != nil || last.CheckSignatureFrom(ca.Cert()) != nil {
		t.Errorf("the last isn't the intermediate: %v", err)
	}
}

// serveTLS serves one profile until the test ends.
func serveTLS(t *testing.T, cert *tls.Certificate) string {
	t.Helper()
	ln, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*cert}})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(2 * time.Minute))
				// An HTTP response, for curl and node. The others need only the handshake.
				if _, err := c.Read(make([]byte, 4096)); err == nil {
					c.Write([]byte("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"))
				}
			})
		}
	})
	t.Cleanup(func() { ln.Close(); all.Wait() })
	return ln.Addr().String()
}

func caFile(t *testing.T, ca *CA) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, ca.PEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func need(t *testing.T, tool string) {
	t.Helper()
	if _, err := exec.LookPath(tool); err != nil {
		t.Skip(err)
	}
}

func TestProfilesAgainstOpenSSL(t *testing.T) {
	t.Parallel()
	need(t, "openssl")
	ca := newTestCA(t, "mail.corp.lan", "192.0.2.7")
	file := caFile(t, ca)
	codes := regexp.MustCompile(`Verify return code: (\d+)`)
	for name, want := range outcomes() {
		addr := serveTLS(t, mustMint(t, ca, name))
		cmd := exec.Command("openssl", "s_client", "-connect", addr, "-CAfile", file, "-x509_strict",
			"-servername", "localhost", "-verify_hostname", "localhost", "-cipher", "DEFAULT@SECLEVEL=2", "-no-CAstore", "-no-CApath")
		out, _ := cmd.CombinedOutput() // its status says nothing about verification
		m := codes.FindSubmatch(out)
		if m == nil || !slices.Contains(want.openssl, string(m[1])) {
			t.Errorf("%s: openssl says %q, want code %v\n%s", name, m, want.openssl, out)
		}
	}
}

// TestCorrectAgainstOtherVerifiers checks that strict verifiers of other makes accept the correct chain.
func TestCorrectAgainstOtherVerifiers(t *testing.T) {
	t.Parallel()
	ca := newTestCA(t, "mail.corp.lan", "192.0.2.7")
	good, bad := serveTLS(t, mustMint(t, ca, "")), serveTLS(t, mustMint(t, ca, "expired"))
	file := caFile(t, ca)
	url := func(addr string) string { return "https://localhost:" + addr[strings.LastIndex(addr, ":")+1:] }
	const python = `
import socket, ssl, sys
c = ssl.create_default_context(cafile=sys.argv[1])
c.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN
host, port = sys.argv[2].split(":")
c.wrap_socket(socket.create_connection((host, int(port))), server_hostname="localhost")
`
	const node = `
const u = new URL(process.argv[2]);
require("https").get({host: "127.0.0.1", servername: "localhost", port: u.port, ca: require("fs").readFileSync(process.argv[1])},
  r => process.exit(0)).on("error", e => { console.error(e); process.exit(1) });
`
	for tool, args := range map[string]func(addr string) []string{
		"curl":    func(addr string) []string { return []string{"-sS4", "--noproxy", "*", "--cacert", file, url(addr)} },
		"python3": func(addr string) []string { return []string{"-c", python, file, addr} },
		"node":    func(addr string) []string { return []string{"-e", node, file, url(addr)} },
	} {
		t.Run(tool, func(t *testing.T) {
			need(t, tool)
			if out, err := exec.Command(tool, args(good)...).CombinedOutput(); err != nil {
				t.Errorf("correct: %v\n%s", err, out)
			}
			if out, err := exec.Command(tool, args(bad)...).CombinedOutput(); err == nil || !strings.Contains(strings.ToLower(string(out)), "expired") {
				t.Errorf("expired: %v\n%s", err, out)
			}
		})
	}
	t.Run("openssl verify", func(t *testing.T) {
		need(t, "openssl")
		leaf := &CA{cert: mustMint(t, ca, "").Leaf}
		leafFile := filepath.Join(t.TempDir(), "leaf.pem")
		if err := os.WriteFile(leafFile, leaf.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, check := range [][]string{
			{"-verify_hostname", "localhost"}, {"-verify_hostname", "x.example.test"}, {"-verify_hostname", "mail.corp.lan"},
			{"-verify_ip", "127.0.0.1"}, {"-verify_ip", "::1"}, {"-verify_ip", "192.0.2.7"},
		} {
			args := append([]string{"verify", "-x509_strict", "-purpose", "sslserver", "-no-CApath", "-no-CAstore", "-CAfile", file}, check...)
			if out, err := exec.Command("openssl", append(args, leafFile)...).CombinedOutput(); err != nil {
				t.Errorf("%v: %v\n%s", check, err, out)
			}
		}
	})
}

// TestHandshake does a whole handshake with Go's own client.
func TestHandshake(t *testing.T) {
	t.Parallel()
	ca := newTestCA(t)
	for name, want := range outcomes() {
		c, err := tls.DialWithDialer(&net.Dialer{Timeout: 2 * time.Minute}, "tcp", serveTLS(t, mustMint(t, ca, name)),
			&tls.Config{RootCAs: ca.Pool(), ServerName: "localhost"})
		if err == nil {
			c.Close()
		}
		if !want.goSays(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
