package fault

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// TLSDemands limits versions, or asks the client for what it may not have.
type TLSDemands struct {
	Min               string `yaml:"min" doc:"lowest version: 1.0, 1.1, 1.2 or 1.3" enum:"1.0,1.1,1.2,1.3"`
	Max               string `yaml:"max" doc:"highest version: 1.0, 1.1, 1.2 or 1.3" enum:"1.0,1.1,1.2,1.3"`
	NoCommonCipher    bool   `yaml:"no-common-cipher" doc:"no cipher suite that a client of today offers"`
	ClientCertificate bool   `yaml:"client-certificate" doc:"the client must show a certificate, any"`
	ServerName        bool   `yaml:"server-name" doc:"the client must say which name it wants (SNI)"`
}

var tlsVersions = map[string]uint16{"1.0": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

// Validate checks that the versions exist and that something is demanded.
func (f *TLSDemands) Validate() error {
	if *f == (TLSDemands{}) {
		return errors.New("give at least one of min, max, no-common-cipher, client-certificate and server-name")
	}
	for _, v := range []string{f.Min, f.Max} {
		if _, ok := tlsVersions[v]; v != "" && !ok {
			return fmt.Errorf("%q isn't a version of TLS that can be had; give \"1.0\", \"1.1\", \"1.2\" or \"1.3\"", v)
		}
	}
	if f.Min != "" && f.Max != "" && f.Min > f.Max {
		return fmt.Errorf("min: %s is higher than max: %s", f.Min, f.Max)
	}
	return nil
}

func (f *TLSDemands) tls(t *TLS) {
	t.MinVersion, t.MaxVersion = tlsVersions[f.Min], tlsVersions[f.Max]
	if t.MaxVersion != 0 && t.MinVersion == 0 {
		t.MinVersion = min(t.MaxVersion, tls.VersionTLS12)
		if t.MaxVersion < tls.VersionTLS12 {
			t.MinVersion = tls.VersionTLS10
		}
	}
	t.NoCommonCipher, t.ClientCertificate, t.ServerName = f.NoCommonCipher, f.ClientCertificate, f.ServerName
}

// CheckRule refuses conditions that can't be known yet.
func (f *TLSDemands) CheckRule(r *Rule) error { return checkHandshake("tls", r) }

// Handshake makes the handshake fail, from the first byte or after STARTTLS.
type Handshake struct {
	Fate  HandshakeFate
	Alert uint8
}

// UnmarshalText reads stall, garbage, close, reset, or alert and a number.
func (f *Handshake) UnmarshalText(b []byte) error {
	known := []string{"stall", "garbage", "close", "reset", "alert 40"}
	word, number, _ := strings.Cut(string(b), " ")
	f.Fate = HandshakeFate(word)
	switch f.Fate {
	case HandshakeStall, HandshakeGarbage, HandshakeClose, HandshakeReset:
		if number == "" {
			return nil
		}
	case HandshakeAlert:
		n, err := strconv.ParseUint(number, 10, 8)
		if err == nil && n > 0 {
			f.Alert = uint8(n)
			return nil
		}
		return fmt.Errorf("%q: give the alert's number behind it (RFC 8446 section 6), like alert 40", b)
	}
	return &ValueError{string(b), known}
}

func (f *Handshake) tls(t *TLS) { t.Handshake, t.Alert = f.Fate, f.Alert }

// CheckRule refuses conditions that can't be known yet.
func (f *Handshake) CheckRule(r *Rule) error { return checkHandshake("handshake", r) }
