package fault

import "fmt"

// Security makes a door speak TLS from the first byte, or clear text, against
// its nature.
type Security struct{ Mode SecurityMode }

// UnmarshalText reads a mode.
func (f *Security) UnmarshalText(b []byte) error {
	switch m := SecurityMode(b); m {
	case SpeakTLS, SpeakClear:
		f.Mode = m
		return nil
	}
	return fmt.Errorf("%q isn't one of [tls clear]", b)
}

func (f *Security) tls(t *TLS) { t.Mode = f.Mode }
