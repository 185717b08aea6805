package fault

import (
	"fmt"

	"github.com/mailrig/mailrig/certs"
)

// Certificate presents a certificate other than the correct one.
type Certificate struct{ Profile string }

// Kind implements Fault.
func (*Certificate) Kind() Kind {
	return Kind{
		Name:    "certificate",
		Doc:     "The server shows this certificate instead of the right one.",
		Example: "expired",
		New:     func() Fault { return new(Certificate) },
	}
}

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
	return &ValueError{Value: string(b), Known: names}
}

// TLS implements TLSStage.
func (f *Certificate) TLS(t *TLS) { t.Certificate = f.Profile }

// CheckRule refuses conditions that nobody can know yet.
func (f *Certificate) CheckRule(r *Rule) error { return r.beforeTLS() }

// Explain says which certificate the server presents.
func (f *Certificate) Explain() string {
	return fmt.Sprintf("the server shows the certificate %q instead of the right one", f.Profile)
}
