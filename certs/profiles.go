package certs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/suggest"
)

// Profile is one kind of server certificate.
type Profile struct {
	Name  string // as in scenarios
	Title string // a few words, for a table
	Story string // what a client sees and what it must do, in a sentence or two
}

// Correct is the name of the profile without a defect.
const Correct = "correct"

// Refuse reports whether a client that asked for this host ("" for none) must refuse a certificate of this profile,
// although it trusts the rig's CA. Whether the rig's own names match the host is another question; see
// [x509.Certificate.VerifyHostname].
func (p Profile) Refuse(serverName string) bool {
	row, err := lookup(p.Name)
	switch {
	case err != nil || row.trust == never:
		return true
	case row.trust == forItsNames:
		names := x509.Certificate{DNSNames: wildcardNames}
		return names.VerifyHostname(serverName) != nil
	}
	return false
}

// profile is a row of the table. edit changes the correct certificate. It may do anything that sign can still sign.
type profile struct {
	Profile
	edit  func(*issuance) error
	trust trust
}

// trust says whether a client may accept a certificate.
type trust int

const (
	never trust = iota
	forItsNames
	always
)

func table() []profile {
	return []profile{
		{Profile{Correct, "Correct certificate",
			"The certificate is in order: right names, in its time, signed by the rig's CA. A client that trusts the CA must accept it."},
			nil, always},
		{Profile{"expired", "Expired yesterday",
			"The server's operator forgot to renew. The client must refuse, and say that the certificate has expired rather than that the network failed."},
			expired, never},
		{Profile{"not-yet-valid", "Valid from tomorrow",
			"The certificate begins tomorrow, or so it seems where the client's clock is slow. The client must refuse, and may hint at the clock."},
			notYetValid, never},
		{Profile{"wrong-host", "For another host name",
			"A trusted CA signed it, for another name, as when a provider serves many domains with one certificate. The client must compare names (RFC 6125, RFC 7817) and refuse."},
			wrongHost, never},
		{Profile{"self-signed", "Self-signed",
			"The server vouches for itself, as home servers do and attackers can. The client must refuse unless its user has accepted this very certificate."},
			selfSigned, never},
		{Profile{"untrusted-root", "From an unknown CA",
			"The chain is complete but ends at a CA that nobody trusts, as behind a company's inspecting proxy. The client must refuse."},
			untrustedRoot, never},
		{Profile{"incomplete-chain", "Intermediate not sent",
			"The server does not send its intermediate certificate. Browsers often find it elsewhere, mail clients must not guess: the client refuses and says that the chain is incomplete."},
			incompleteChain, never},
		{Profile{"expired-intermediate", "Expired intermediate",
			"The server's own certificate is in order, the intermediate that vouches for it ended yesterday: the operator renewed one file of two. The client must refuse."},
			expiredIntermediate, never},
		{Profile{"wrong-usage", "For clients, not for servers",
			"The certificate may only be used by TLS clients (RFC 5280 section 4.2.1.12). The client must refuse."},
			wrongUsage, never},
		{Profile{"no-san", "Host name in the common name only",
			"Old appliances name the host only in the subject's common name. RFC 9525 section 2 no longer allows a client to look there; many still do."},
			noSAN, never},
		{Profile{"rsa-1024", "RSA key of 1024 bits",
			"The key is shorter than anybody has allowed since 2014. A client of today refuses it, an old one does not."},
			rsa1024, never},
		{Profile{"sha-1", "Signed with SHA-1",
			"The CA's signature uses SHA-1, for which collisions can be bought. A client of today refuses it."},
			sha1, never},
		{Profile{"wildcard", "Wildcards only",
			"The certificate is for *.example.test and *.example.localhost. A client that connects to mail.example.test must accept it; one that connects to localhost or to a.b.example.test must refuse (RFC 9525 section 6.3)."},
			wildcard, forItsNames},
		{Profile{"no-subject", "Empty subject",
			"All names are in the subject alternative name, and the subject is empty, as RFC 5280 section 4.1.2.6 allows. The client must accept, and show some name all the same."},
			noSubject, always},
		{Profile{"thousand-names", "A thousand names",
			"One certificate for a thousand hosted domains: about 28 kB, more than fits into one TLS record. The client must accept."},
			thousandNames, always},
		{Profile{"reversed-chain", "Chain in the wrong order",
			"The server sends the root before the intermediate. TLS 1.3 wants clients to bear any order behind the server's own certificate (RFC 8446 section 4.4.2), so they must accept."},
			reversedChain, always},
		{Profile{"root-included", "Root sent along",
			"The server sends the root too, which the client has or must not trust anyway. The client must accept."},
			rootIncluded, always},
	}
}

func expired(is *issuance) error {
	is.template.NotAfter = is.now.Add(-day)
	is.template.NotBefore = is.template.NotAfter.Add(-leafLife)
	return nil
}

func notYetValid(is *issuance) error {
	is.template.NotBefore = is.now.Add(day)
	is.template.NotAfter = is.template.NotBefore.Add(leafLife)
	return nil
}

// wrongHost stays within the CA's name constraints, so that the name is the only fault.
func wrongHost(is *issuance) error {
	const other = "wrong-host.invalid"
	is.template.Subject.CommonName = other
	is.template.DNSNames = []string{other}
	is.template.IPAddresses = nil
	return nil
}

func selfSigned(is *issuance) error {
	is.issuer, is.issuerKey = nil, nil
	return nil
}

func untrustedRoot(is *issuance) error {
	key, err := newKey()
	if err != nil {
		return err
	}
	root, err := newRoot("mailrig unknown CA", key, is.names, is.now, leafLife+day)
	if err != nil {
		return err
	}
	is.issuer, is.issuerKey = root, key
	is.chain = [][]byte{root.Raw}
	return nil
}

func incompleteChain(is *issuance) error {
	_, err := is.insertIntermediate(nil)
	return err
}

func expiredIntermediate(is *issuance) error {
	intermediate, err := is.insertIntermediate(func(t *x509.Certificate) {
		t.NotAfter = is.now.Add(-day)
		t.NotBefore = t.NotAfter.Add(-leafLife)
	})
	if err != nil {
		return err
	}
	is.chain = [][]byte{intermediate.Raw}
	return nil
}

// reversedChain is what "cat *.pem" makes of three files.
func reversedChain(is *issuance) error {
	root := is.issuer
	intermediate, err := is.insertIntermediate(nil)
	if err != nil {
		return err
	}
	is.chain = [][]byte{root.Raw, intermediate.Raw}
	return nil
}

func rootIncluded(is *issuance) error {
	is.chain = [][]byte{is.issuer.Raw}
	return nil
}

func wrongUsage(is *issuance) error {
	is.template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	return nil
}

func noSAN(is *issuance) error {
	is.template.DNSNames, is.template.IPAddresses = nil, nil
	return nil
}

func noSubject(is *issuance) error {
	is.template.Subject = pkix.Name{}
	return nil
}

// wildcardNames have two labels after each star. With fewer, OpenSSL takes the name for a wildcard over a top-level
// domain.
var wildcardNames = []string{"*.example.test", "*.example.localhost"}

func wildcard(is *issuance) error {
	is.template.Subject.CommonName = "*.example.test"
	is.template.DNSNames = slices.Clone(wildcardNames)
	is.template.IPAddresses = nil
	return nil
}

func thousandNames(is *issuance) error {
	for i := len(is.template.DNSNames); i < 1000; i++ {
		is.template.DNSNames = append(is.template.DNSNames, fmt.Sprintf("customer-%04d.example.test", i))
	}
	return nil
}

func rsa1024(is *issuance) error {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		return err
	}
	is.key = key
	is.template.KeyUsage |= x509.KeyUsageKeyEncipherment
	return nil
}

func sha1(is *issuance) error {
	is.template.SignatureAlgorithm = x509.ECDSAWithSHA1
	return nil
}

// insertIntermediate puts a CA between the root and the certificate. The intermediate certificate isn't sent. edit may
// change it.
func (is *issuance) insertIntermediate(edit func(*x509.Certificate)) (*x509.Certificate, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	t, err := caTemplate("mailrig intermediate CA", key, is.now, leafLife+day)
	if err != nil {
		return nil, err
	}
	t.MaxPathLenZero = true
	if t.NotAfter.After(is.issuer.NotAfter) {
		t.NotAfter = is.issuer.NotAfter
	}
	if edit != nil {
		edit(t)
	}
	intermediate, err := sign(t, is.issuer, key, is.issuerKey)
	if err != nil {
		return nil, err
	}
	is.issuer, is.issuerKey = intermediate, key
	return intermediate, nil
}

// Profiles lists all profiles. The correct one is first.
func Profiles() []Profile {
	var all []Profile
	for _, p := range table() {
		all = append(all, p.Profile)
	}
	return all
}

func lookup(name string) (profile, error) {
	if name == "" {
		name = Correct
	}
	var known []string
	for _, p := range table() {
		if p.Name == name {
			return p, nil
		}
		known = append(known, p.Name)
	}
	if near := suggest.Nearest(name, known); near != "" {
		return profile{}, fmt.Errorf("unknown certificate profile %q: did you mean %q?", name, near)
	}
	return profile{}, fmt.Errorf("unknown certificate profile %q: use one of %s", name, strings.Join(known, ", "))
}
