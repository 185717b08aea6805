package fault

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// TLSDemands limits the TLS versions, or requires from the client what it may not have.
type TLSDemands struct {
	Min               string `yaml:"min" doc:"lowest version: 1.0, 1.1, 1.2 or 1.3" enum:"1.0,1.1,1.2,1.3"`
	Max               string `yaml:"max" doc:"highest version: 1.0, 1.1, 1.2 or 1.3" enum:"1.0,1.1,1.2,1.3"`
	NoCommonCipher    bool   `yaml:"no-common-cipher" doc:"only cipher suites that no client of today offers"`
	ClientCertificate bool   `yaml:"client-certificate" doc:"the client must show a certificate; any will do"`
	ServerName        bool   `yaml:"server-name" doc:"the client must say which name it wants (SNI)"`
}

// Kind implements Fault.
func (*TLSDemands) Kind() Kind {
	return Kind{
		Name:    "tls",
		Doc:     "The server's TLS is limited to these versions, or demands this.",
		Example: "{max: \"1.1\"}",
		New:     func() Fault { return new(TLSDemands) },
	}
}

var tlsVersions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// Validate checks that the versions exist and that at least one setting is given.
func (f *TLSDemands) Validate() error {
	if *f == (TLSDemands{}) {
		return errors.New("give at least one of min, max, no-common-cipher, client-certificate and server-name")
	}
	for _, v := range []string{f.Min, f.Max} {
		if _, ok := tlsVersions[v]; v != "" && !ok {
			return fmt.Errorf("%q isn't a version of TLS that mailrig speaks; give \"1.0\", \"1.1\", \"1.2\" or \"1.3\"", v)
		}
	}
	if f.Min != "" && f.Max != "" && f.Min > f.Max {
		return fmt.Errorf("min: %s is higher than max: %s", f.Min, f.Max)
	}
	return nil
}

// TLS implements TLSStage.
func (f *TLSDemands) TLS(t *TLS) {
	t.MinVersion, t.MaxVersion = tlsVersions[f.Min], tlsVersions[f.Max]
	if t.MaxVersion != 0 && t.MinVersion == 0 {
		t.MinVersion = min(t.MaxVersion, tls.VersionTLS12)
		if t.MaxVersion < tls.VersionTLS12 {
			t.MinVersion = tls.VersionTLS10
		}
	}
	t.NoCommonCipher, t.ClientCertificate, t.ServerName = f.NoCommonCipher, f.ClientCertificate, f.ServerName
}

// CheckRule refuses conditions that nobody can know yet.
func (f *TLSDemands) CheckRule(r *Rule) error { return r.beforeTLS() }

// TLS returns how the handshake that is about to begin differs from the correct one.
func (c *Conn) TLS() TLS {
	t, by := settings(c, TLSStage.TLS, TLS.with)
	t.By = by
	return t
}
