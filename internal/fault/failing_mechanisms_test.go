package fault

import (
	"encoding/binary"
	"errors"
	"regexp"
	"slices"
	"testing"

	"github.com/mailrig/mailrig/internal/identity"
)

// TestFailingMechanisms plays each exchange as its RFC has it, and with what is against it.
func TestFailingMechanisms(t *testing.T) {
	t.Parallel()
	failed := plan(Rule{Fault: &FailingMechanisms{Names: failing(), Texts: Texts{"smtp": "535 x"}}})
	c := failed.Conn(25, "smtp", localhost)
	if names, _ := c.Fails(); !slices.Equal(names, failing()) {
		t.Fatalf("lists %v", names)
	}
	refused := errors.New("refused")
	ntlm := func(kind uint32) []byte {
		m := make([]byte, 64)
		copy(m, ntlmSignature)
		binary.LittleEndian.PutUint32(m[8:], kind)
		return m
	}
	user := append(ntlm(3), 'b', 0, 'o', 0, 'b', 0)
	binary.LittleEndian.PutUint16(user[36:], 6)
	binary.LittleEndian.PutUint32(user[40:], 64)
	for name, tc := range map[string]struct {
		mechanism  string
		responses  [][]byte
		challenges []string // patterns
		user       string
		malformed  bool
	}{
		"CRAM-MD5":                     {"CRAM-MD5", [][]byte{nil, []byte("tim b913a602c7eda7a495b4e6e7334d3890")}, []string{`^<\d+\.\d+@mail\.example\.test>$`}, "tim", false},
		"CRAM-MD5 without a digest":    {"CRAM-MD5", [][]byte{nil, []byte("tim")}, []string{"."}, "", true},
		"CRAM-MD5 at once":             {"CRAM-MD5", [][]byte{[]byte("tim 00")}, nil, "", true},
		"DIGEST-MD5":                   {"DIGEST-MD5", [][]byte{nil, []byte(`charset=utf-8,username="chris",realm="x"`)}, []string{`^realm="mail\.example\.test",nonce="[0-9a-f]{32}",qop="auth",charset=utf-8,algorithm=md5-sess$`}, "chris", false},
		"DIGEST-MD5 without a name":    {"DIGEST-MD5", [][]byte{nil, []byte(`realm="x"`)}, []string{"."}, "", true},
		"NTLM":                         {"NTLM", [][]byte{nil, ntlm(1), user}, []string{"^$", "^NTLMSSP\x00\x02\x00\x00\x00"}, "bob", false},
		"NTLM with initial response":   {"NTLM", [][]byte{ntlm(1), user}, []string{"^NTLMSSP\x00\x02\x00\x00\x00"}, "bob", false},
		"NTLM with nonsense":           {"NTLM", [][]byte{[]byte("hello")}, nil, "", true},
		"NTLM with a short message":    {"NTLM", [][]byte{ntlm(1), ntlm(3)[:20]}, []string{"."}, "", false},
		"GSSAPI":                       {"GSSAPI", [][]byte{nil, []byte("token")}, []string{"^$"}, "", false},
		"GSSAPI with initial response": {"GSSAPI", [][]byte{[]byte("token")}, nil, "", false},
		"GSSAPI without a token":       {"GSSAPI", [][]byte{nil, {}}, []string{"^$"}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := failed.Conn(25, "smtp", localhost) // a connection is its goroutine's alone
			var got *identity.Attempt
			x := c.Failing(tc.mechanism, "mail.example.test", func(a identity.Attempt) error { got = &a; return refused })
			for i, r := range tc.responses {
				challenge, done, err := x.Next(r)
				if i < len(tc.challenges) {
					if err != nil || done || !regexp.MustCompile(tc.challenges[i]).Match(challenge) {
						t.Fatalf("step %d: %q, %v, %v", i, challenge, done, err)
					}
					continue
				}
				if want := map[bool]error{true: identity.ErrMalformed, false: refused}[tc.malformed]; !errors.Is(err, want) || done {
					t.Errorf("ends with %v, %v", done, err)
				}
			}
			if (got == nil) != tc.malformed || got != nil && (got.User != tc.user || got.Exposes || got.Mechanism != tc.mechanism) {
				t.Errorf("attempt %+v", got)
			}
			if got != nil && c.Login(*got) == nil {
				t.Error("the rule doesn't refuse it")
			}
		})
	}
	if c.Failing("PLAIN", "", nil) != nil {
		t.Error("PLAIN fails too")
	}
}

func TestPasswordCharset(t *testing.T) {
	t.Parallel()
	c := plan(Rule{Fault: &PasswordCharset{latin1}}).Conn(25, "smtp", localhost)
	for sent, want := range map[string]struct {
		read    string
		refused bool
	}{"plain": {"plain", false}, "gr\xfc\xdfe": {"grüße", false}, "grüße": {"grüße", true}} {
		if got := c.Password(sent); got != want.read {
			t.Errorf("%q is read as %q", sent, got)
		}
		if no := c.Login(identity.Attempt{Mechanism: "PLAIN", Exposes: true, Credential: sent}); (no != nil) != want.refused {
			t.Errorf("%q: %v", sent, no)
		}
	}
}
