package event

import "testing"

func testMasker() *Masker {
	return NewMasker(map[string]Secret{
		"AUTH": SecretResponse, "AUTHENTICATE": SecretResponse, "LOGIN": SecretBehind, "APOP": SecretBehind, "PASS": AllSecret, "NOOP": NoSecret,
	})
}

func TestMask(t *testing.T) {
	t.Parallel()
	m := testMasker()
	for _, tc := range []struct{ in, want string }{
		{"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n", "AUTH PLAIN ***\r\n"},
		{"auth  login  YWxpY2U=\r\n", "auth  login  ***\r\n"},
		{"AUTH LOGIN\r\n", "AUTH LOGIN\r\n"},
		{"AUTH\tPLAIN\tAGFs\r\n", "AUTH\tPLAIN\t***\r\n"},
		{"AUTH: PLAIN AGFs\r\n", "AUTH: PLAIN ***\r\n"},
		{" AUTH PLAIN AGFs\r\n", " AUTH PLAIN ***\r\n"},
		{"AUTH AGFsaWNlAHNlY3JldA==\r\n", "AUTH ***\r\n"},
		{"MAIL FROM:<a@b> AUTH=<>\r\n", "MAIL FROM:<a@b> AUTH=<>\r\n"},
		{"EHLO login.example\r\n", "EHLO login.example\r\n"},
		{"NOOP secret\r\n", "NOOP secret\r\n"},
		{"MAIL FROM:<pass@example.test>\r\n", "MAIL FROM:<pass@example.test>\r\n"},
		{"PASS my secret with spaces\r\n", "PASS ***\r\n"},
		{"PASS x{5}\r\n", "PASS ***\r\n"},
		{" PASS p\r\n", " PASS ***\r\n"},
		{"\x00PASS p\r\n", "\x00PASS ***\r\n"},
		{"PASS secr", "PASS ***"},
		{"PASS\r\n", "PASS\r\n"},
		{"USER alice\r\n", "USER alice\r\n"},
		{"APOP alice c4c9334bac560ecc979e58001b3e22fb\r\n", "APOP alice ***\r\n"},
		{"a1 LOGIN alice secret\r\n", "a1 LOGIN alice ***\r\n"},
		{"a1  LOGIN alice secret\r\n", "a1  LOGIN alice ***\r\n"},
		{" a1 LOGIN alice secret\r\n", " a1 LOGIN alice ***\r\n"},
		{"LOGIN alice secret\r\n", "LOGIN alice ***\r\n"},
		{"a UID LOGIN alice secret\r\n", "a UID LOGIN alice ***\r\n"},
		{"a AUTH PLAIN AGFs\r\n", "a AUTH PLAIN ***\r\n"},
		{"a LOGIN alice:secret\r\n", "a LOGIN ***\r\n"},
		{"a LOGIN \"alice secret\r\n", "a LOGIN ***\r\n"},
		{"a1 login \"al ice\" \"se \\\" cret\"\r\n", "a1 login \"al ice\" ***\r\n"},
		{"a NOOP\rb LOGIN alice secret\r\n", "a NOOP\rb LOGIN alice ***\r\n"},
		{"a1 LOGIN {5}\r\n", "a1 LOGIN {5}\r\n"},
		{"a1 LOGIN alice {6+}\r\n", "a1 LOGIN alice {6+}\r\n"},
		{"a1 LOGIN alice x{5}\r\n", "a1 LOGIN alice ***\r\n"},
		{"a1 AUTHENTICATE PLAIN AGFs\r\n", "a1 AUTHENTICATE PLAIN ***\r\n"},
		{"a1 AUTHENTICATE \"PLAIN\" {9+}\r\n", "a1 AUTHENTICATE \"PLAIN\" {9+}\r\n"},
		// A mechanism's name has at most 20 characters (RFC 4422 section 3.1). A much longer word may be a response in
		// the wrong place.
		{"a1 AUTHENTICATE ABCDEFGHIJKLMNOPQRSTUVWX {9}\r\n", "a1 AUTHENTICATE ABCDEFGHIJKLMNOPQRSTUVWX {9}\r\n"},
		{"AUTH ABCDEFGHIJKLMNOPQRSTUVWXY\r\n", "AUTH ***\r\n"},
		{"a1 SELECT LOGIN\r\n", "a1 SELECT LOGIN\r\n"},
		{"a1\r\n", "a1\r\n"},
		{"", ""},
	} {
		got, secret := m.Mask([]byte(tc.in))
		if string(got) != tc.want {
			t.Errorf("%q:\n got %q\nwant %q", tc.in, got, tc.want)
		}
		if masked := tc.in != tc.want; secret != masked {
			t.Errorf("%q: secret %v, want %v", tc.in, secret, masked)
		}
	}
}
