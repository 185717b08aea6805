package message

import "testing"

// TestValue checks which field counts, and that it is unfolded like the fields of Header.
func TestValue(t *testing.T) {
	t.Parallel()
	header := []byte("From me\r\nSubject: a\r\n\tb\r\nMESSAGE-ID :  <1@x> \r\nMessage-ID: <2@x>\r\nX: Late\r\n\r\nLate: body\r\n")
	for name, want := range map[string]string{
		"subject": "a\tb", "Message-ID": "<1@x>", "x": "Late", "Late": "", "From me": "", "Message": "",
	} {
		if got := Value(header, name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
		if got := Get(Header(header), name); got != want {
			t.Errorf("Header differs for %s: %q", name, got)
		}
	}
}
