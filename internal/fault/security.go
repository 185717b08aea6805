package fault

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
	return &ValueError{string(b), []string{string(SpeakTLS), string(SpeakClear)}}
}

func (f *Security) first() SecurityMode { return f.Mode }
