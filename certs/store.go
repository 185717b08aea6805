package certs

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const (
	certFile = "ca.pem"
	keyFile  = "ca-key.pem"
)

// LoadOrCreate opens the CA in dir. If they don't exist, it makes the directory (mode 0700) and the files ca.pem and
// ca-key.pem (mode 0600). Several processes may do so at the same time and get the same CA. On Unix it refuses a
// directory or a key that others can read. It also refuses a CA that is expired, damaged, or not permitted to sign for
// one of the host names. The error names the file and says what to do.
//
// If ca-key.pem exists and ca.pem doesn't, LoadOrCreate makes a new certificate for the same key.
func LoadOrCreate(dir string, o Options) (*CA, error) {
	names, err := parseNames(o.Hostnames)
	if err != nil {
		return nil, err
	}
	now := clock(o.Now)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make CA directory: %w", err)
	}
	if err := checkPrivate(dir, "chmod 700"); err != nil {
		return nil, err
	}
	s := store{cert: filepath.Join(dir, certFile), key: filepath.Join(dir, keyFile)}

	// The key is always written first, and neither file is ever replaced. A certificate without a key is therefore
	// damage rather than a creation under way, and any process that finds only a key may finish the work.
	if _, err := os.Lstat(s.cert); errors.Is(err, fs.ErrNotExist) {
		if err := s.create(names, now()); err != nil {
			return nil, fmt.Errorf("create CA in %s: %w", dir, err)
		}
	}
	key, err := s.loadKey()
	if err != nil {
		return nil, err
	}
	cert, err := s.loadCert()
	if err != nil {
		return nil, err
	}
	if err := s.check(cert, key, names, now()); err != nil {
		return nil, err
	}
	return newCA(cert, key, names, now), nil
}

// store holds the paths of the two files.
type store struct{ cert, key string }

func (s store) create(names names, now time.Time) error {
	if _, err := os.Lstat(s.key); errors.Is(err, fs.ErrNotExist) {
		key, err := newKey()
		if err != nil {
			return err
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		if err := writeOnce(s.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
			return err
		}
	}
	key, err := s.loadKey() // ours, or that of a process that was faster
	if err != nil {
		return err
	}
	cert, err := newRoot("mailrig test CA", key, names, now, storedLife)
	if err != nil {
		return err
	}
	return writeOnce(s.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}))
}

func (s store) loadKey() (crypto.Signer, error) {
	data, err := os.ReadFile(s.key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing while %s is there: bring it back, or delete %s to get a new CA", s.key, s.cert, s.cert)
	}
	if err != nil {
		return nil, fmt.Errorf("read CA key: %w", err)
	}
	if err := checkPrivate(s.key, "chmod 600"); err != nil {
		return nil, err
	}
	const what = "the CA key %s is damaged (%w): delete it and %s to get a new CA"
	der, err := decodePEM(data, "PRIVATE KEY", "EC PRIVATE KEY")
	if err != nil {
		return nil, fmt.Errorf(what, s.key, err, s.cert)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		var ecErr error
		if parsed, ecErr = x509.ParseECPrivateKey(der); ecErr != nil {
			return nil, fmt.Errorf(what, s.key, err, s.cert)
		}
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf(what, s.key, errors.New("it is not a signing key"), s.cert)
	}
	return key, nil
}

func (s store) loadCert() (*x509.Certificate, error) {
	data, err := os.ReadFile(s.cert)
	if err != nil {
		return nil, fmt.Errorf("read CA certificate: %w", err)
	}
	der, err := decodePEM(data, "CERTIFICATE")
	var cert *x509.Certificate
	if err == nil {
		cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		return nil, fmt.Errorf("the CA certificate %s is damaged (%w): %s", s.cert, err, s.renew())
	}
	return cert, nil
}

// renew returns the advice that helps against every fault of the certificate.
func (s store) renew() string {
	return fmt.Sprintf("delete %s, and mailrig makes a new one for the same key; trust the new one where the old one was trusted", s.cert)
}

func (s store) check(cert *x509.Certificate, key crypto.Signer, names names, now time.Time) error {
	public, ok := cert.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case !ok || !public.Equal(key.Public()):
		return fmt.Errorf("%s does not belong to the key %s: delete both to get a new CA, or bring back the right one", s.cert, s.key)
	case !cert.IsCA || cert.KeyUsage != 0 && cert.KeyUsage&x509.KeyUsageCertSign == 0:
		return fmt.Errorf("%s is not the certificate of a CA: %s", s.cert, s.renew())
	case now.After(cert.NotAfter):
		return fmt.Errorf("the CA certificate %s expired on %s: %s", s.cert, cert.NotAfter.Format(time.DateOnly), s.renew())
	case now.Before(cert.NotBefore):
		return fmt.Errorf("the CA certificate %s is not valid before %s: check this machine's clock, or %s", s.cert, cert.NotBefore.Format(time.DateTime), s.renew())
	}
	if err := cert.CheckSignatureFrom(cert); err != nil {
		return fmt.Errorf("the CA certificate %s is not signed by its own key (%w): %s", s.cert, err, s.renew())
	}
	if missing := notPermitted(cert, names); len(missing) > 0 {
		return fmt.Errorf("the CA certificate %s may not sign for %s, since it was made without %s: start with the host names and addresses it was made for, or %s",
			s.cert, strings.Join(missing, ", "), map[bool]string{true: "it", false: "them"}[len(missing) == 1], s.renew())
	}
	return nil
}

// notPermitted lists the names in the correct certificate that the CA's constraints don't allow. A CA without
// constraints, which only a user can have made, allows all names.
func notPermitted(cert *x509.Certificate, names names) []string {
	var missing []string
	for _, name := range names.leafDNS() {
		base := strings.TrimPrefix(name, "*.")
		if len(cert.PermittedDNSDomains) > 0 && !within(base, cert.PermittedDNSDomains) ||
			len(cert.ExcludedDNSDomains) > 0 && within(base, cert.ExcludedDNSDomains) {
			missing = append(missing, name)
		}
	}
	for _, ip := range names.leafIPs() {
		if len(cert.PermittedIPRanges) > 0 && !inRanges(ip, cert.PermittedIPRanges) || inRanges(ip, cert.ExcludedIPRanges) {
			missing = append(missing, ip.String())
		}
	}
	return missing
}

func inRanges(ip net.IP, ranges []*net.IPNet) bool {
	for _, r := range ranges {
		if r.Contains(ip) {
			return true
		}
	}
	return false
}

func decodePEM(data []byte, types ...string) ([]byte, error) {
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return nil, fmt.Errorf("no PEM block of type %s in it", types[0])
		}
		for _, t := range types {
			if block.Type == t {
				return block.Bytes, nil
			}
		}
	}
}

// checkPrivate refuses a file that other users can read. Windows has no such mode bits.
func checkPrivate(path, remedy string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if mode := info.Mode().Perm(); runtime.GOOS != "windows" && mode&0o077 != 0 {
		return fmt.Errorf("other users can get at %s (mode %#o), and whoever has the CA's key can pretend to be the servers you test: run `%s %s`", path, mode, remedy, path)
	}
	return nil
}

// writeOnce creates a file with its whole content in one step, mode 0600. A file that already exists stays as it is,
// without an error.
func writeOnce(path string, data []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	// A hard link, unlike a rename, never replaces what another process has made.
	err = os.Link(tmp.Name(), path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return nil
	}
	// Some file systems have no hard links. There the race remains.
	if _, statErr := os.Lstat(path); statErr == nil {
		return nil
	}
	return os.Rename(tmp.Name(), path)
}
