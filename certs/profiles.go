package certs

import (
	"fmt"
	"strings"
)

// Profile is one kind of server certificate.
type Profile struct {
	Name  string // as in scenarios
	Title string // a few words, for a table
	Story string // what a client meets and what it must do, a sentence or two
}

// Correct is the name of the profile without a defect.
const Correct = "correct"

// profile is a row of the table. edit changes the correct certificate; it may do
// whatever sign can still sign.
type profile struct {
	Profile
	edit func(*issuance) error
}

func table() []profile {
	return []profile{
		{Profile{Correct, "Correct certificate",
			"The certificate is in order: right names, in its time, signed by the rig's CA. A client that trusts the CA must accept it."},
			nil},
		{Profile{"expired", "Expired yesterday",
			"The server's operator forgot to renew. The client must refuse, and say that the certificate has expired rather than that the network failed."},
			expired},
		{Profile{"not-yet-valid", "Valid from tomorrow",
			"The certificate begins tomorrow, or so it seems where the client's clock is slow. The client must refuse, and may hint at the clock."},
			notYetValid},
		{Profile{"wrong-host", "For another host name",
			"A trusted CA signed it, for another name, as when a provider serves many domains with one certificate. The client must compare names (RFC 6125, RFC 7817) and refuse."},
			wrongHost},
		{Profile{"self-signed", "Self-signed",
			"The server vouches for itself, as home servers do and attackers can. The client must refuse unless its user has accepted this very certificate."},
			selfSigned},
		{Profile{"untrusted-root", "From an unknown CA",
			"The chain is complete but ends at a CA that nobody trusts, as behind a company's inspecting proxy. The client must refuse."},
			untrustedRoot},
		{Profile{"incomplete-chain", "Intermediate not sent",
			"The server does not send its intermediate certificate. Browsers often find it elsewhere, mail clients must not guess: the client refuses and says that the chain is incomplete."},
			incompleteChain},
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

// wrongHost stays within the CA's name constraints: the name is to be the only fault.
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
	key, err := newKey()
	if err != nil {
		return err
	}
	t, err := caTemplate("mailrig intermediate CA", key, is.now, leafLife+day)
	if err != nil {
		return err
	}
	t.MaxPathLenZero = true
	if t.NotAfter.After(is.issuer.NotAfter) {
		t.NotAfter = is.issuer.NotAfter
	}
	intermediate, err := sign(t, is.issuer, key, is.issuerKey)
	if err != nil {
		return err
	}
	is.issuer, is.issuerKey = intermediate, key
	return nil
}

// Profiles lists all profiles, the correct one first.
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
	if near := nearest(name, known); near != "" {
		return profile{}, fmt.Errorf("unknown certificate profile %q: did you mean %q?", name, near)
	}
	return profile{}, fmt.Errorf("unknown certificate profile %q: use one of %s", name, strings.Join(known, ", "))
}

// nearest is the known name that is fewest edits away, or "" if all are unlike it.
func nearest(name string, known []string) string {
	best, fewest := "", len(name)/2+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), k); d < fewest {
			best, fewest = k, d
		}
	}
	return best
}

// distance is Levenshtein's.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
