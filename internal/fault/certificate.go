package fault

import "github.com/mailrig/mailrig/certs"

// Certificate shows another certificate than the right one.
type Certificate struct{ Profile string }

// UnmarshalText reads the name of a certificate profile.
func (f *Certificate) UnmarshalText(b []byte) error {
	var names []string
	for _, p := range certs.Profiles() {
		if p.Name == string(b) {
			f.Profile = p.Name
			return nil
		}
		names = append(names, p.Name)
	}
	return &ValueError{string(b), names}
}

func (f *Certificate) tls(t *TLS) { t.Certificate = f.Profile }
