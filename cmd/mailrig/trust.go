package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// bundleVariables lists the variables that name a file which replaces the CAs that a program trusts: OpenSSL, Go on
// Linux, Ruby and many more; curl; Python's requests; git.
func bundleVariables() []string {
	return []string{"SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "GIT_SSL_CAINFO"}
}

// systemBundles lists where systems keep their CAs, in the order of crypto/x509.
func systemBundles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch, Gentoo
		"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora, RHEL
		"/etc/ssl/ca-bundle.pem",                            // openSUSE
		"/etc/pki/tls/cacert.pem",                           // OpenELEC
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL 7
		"/etc/ssl/cert.pem",                                 // Alpine, macOS, the BSDs
	}
}

// trustVariables returns variables that make a command trust the CA in addition to what it already trusts. It writes
// the files to dir.
func trustVariables(dir string, ca []byte, caFile string, getenv func(string) string) ([]string, error) {
	var env []string
	written := map[string]string{} // by the file that it is made from
	bundle := func(bases ...string) (string, error) {
		base, data := firstReadable(bases)
		if path, ok := written[base]; ok {
			return path, nil
		}
		path := filepath.Join(dir, fmt.Sprintf("ca-bundle-%d.pem", len(written)+1))
		written[base] = path
		return path, os.WriteFile(path, append(data, ca...), 0o600)
	}
	for _, name := range bundleVariables() {
		bases := append([]string{getenv(name), getenv("SSL_CERT_FILE")}, systemBundles()...)
		if base, _ := firstReadable(bases); base == "" && runtime.GOOS == "windows" {
			// This system keeps its CAs in no file. The rig's CA alone would cut the command off from everything else.
			continue
		}
		path, err := bundle(bases...)
		if err != nil {
			return nil, err
		}
		env = append(env, name+"="+path)
	}
	node := caFile // Node.js adds these to its own
	if own := getenv("NODE_EXTRA_CA_CERTS"); own != "" {
		var err error
		if node, err = bundle(own); err != nil {
			return nil, err
		}
	}
	return append(env, "NODE_EXTRA_CA_CERTS="+node), nil
}

// firstReadable returns the first file that can be read, with a line end after it.
func firstReadable(paths []string) (path string, data []byte) {
	for _, p := range paths {
		if p == "" {
			continue
		}
		if data, err := os.ReadFile(p); err == nil {
			return p, append(data, '\n')
		}
	}
	return "", nil
}
