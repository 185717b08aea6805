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

// TestHeaderFields checks that the fields are followed by the header's own empty line, if it has one (RFC 3501 section 6.4.5).
func TestHeaderFields(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"A: 1\r\nB: 2\r\n\r\n": "B: 2\r\n\r\n", "A: 1\nB: 2\n\n": "B: 2\n\n", "A: 1\r\n\r\n": "\r\n", "\r\n": "\r\n", "\n": "\n",
		"A: 1\r\nB: 2\r\n": "B: 2\r\n", "B: 2": "B: 2\r\n", "A: 1\r\n": "", "": "",
	} {
		if got := string(HeaderFields([]byte(header), []string{"b"}, false)); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}
