package identity

import (
	"errors"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"

	"github.com/mailrig/mailrig/internal/protocol"
)

// TestRefusalInAProtocolsWords checks that a refusal uses the scenario's words, and otherwise the protocol's usual
// words for the reason. A new protocol has words of its own.
func TestRefusalInAProtocolsWords(t *testing.T) {
	t.Parallel()
	p := &protocol.Protocol{Name: "gopher", Refusals: map[protocol.Reason]string{
		protocol.WrongPassword: "nay who", protocol.MailboxInUse: "nay later"}}
	for _, tt := range []struct {
		r    Refusal
		want string
	}{
		{Refusal{Reason: protocol.MailboxInUse}, "nay later"},
		{Refusal{Reason: protocol.TooManyLogins}, "nay who"},
		{Refusal{Replies: map[string]string{"gopher": "nay hole"}}, "nay hole"},
		{Refusal{Replies: map[string]string{"smtp": "535 no"}}, "nay who"},
	} {
		if got := tt.r.Reply(p); got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.r, got, tt.want)
		}
	}
	if got := (&Refusal{}).Reply(&protocol.Protocol{Name: "mute"}); got != "" {
		t.Errorf("a protocol without refusals says %q", got)
	}
}

// errRefused stands for a *Refusal in a table.
var errRefused = errors.New("refused")

func isErr(err, want error) bool {
	if no := (*Refusal)(nil); errors.As(err, &no) {
		return want == errRefused
	}
	return errors.Is(err, want)
}

// begin starts an exchange.
func begin(t *testing.T, mechanism string, decide func(Attempt) error) sasl.Server {
	t.Helper()
	m, ok := Find(Mechanisms(), mechanism)
	if !ok {
		t.Fatalf("no mechanism %s", mechanism)
	}
	return m.Server(Exchange{Context: t.Context(), Decide: decide})
}

func TestMechanisms(t *testing.T) {
	t.Parallel()
	wrong := errors.New("wrong")
	accounts := NewAccounts(strings.ToLower)
	accounts.Add("Alice", "secret")
	decide := func(a Attempt) error {
		if no, err := a.Proof(t.Context(), accounts); no != nil || err != nil {
			return errors.Join(wrong, err)
		}
		return nil
	}
	type step struct {
		in   []byte
		out  string
		done bool
		err  error
	}
	for name, tc := range map[string]struct {
		mech  string
		steps []step
	}{
		"PLAIN with initial response": {"PLAIN", []step{{[]byte("\x00alice\x00secret"), "", true, nil}}},
		"PLAIN asked":                 {"PLAIN", []step{{nil, "", false, nil}, {[]byte("alice\x00alice\x00secret"), "", true, nil}}},
		"PLAIN for another":           {"PLAIN", []step{{[]byte("bob\x00alice\x00secret"), "", false, wrong}}},
		"PLAIN wrong":                 {"PLAIN", []step{{[]byte("\x00alice\x00no"), "", false, wrong}}},
		"PLAIN malformed":             {"PLAIN", []step{{[]byte("alice secret"), "", false, ErrMalformed}}},
		"PLAIN empty":                 {"PLAIN", []step{{[]byte{}, "", false, ErrMalformed}}},
		"LOGIN asked":                 {"LOGIN", []step{{nil, "Username:", false, nil}, {[]byte("alice"), "Password:", false, nil}, {[]byte("secret"), "", true, nil}}},
		"LOGIN with initial response": {"LOGIN", []step{{[]byte("alice"), "Password:", false, nil}, {[]byte("no"), "", false, wrong}}},
		"LOGIN empty user":            {"LOGIN", []step{{nil, "Username:", false, nil}, {[]byte{}, "", false, ErrMalformed}}},
	} {
		s := begin(t, tc.mech, decide)
		for i, st := range tc.steps {
			out, done, err := s.Next(st.in)
			if string(out) != st.out || done != st.done || !errors.Is(err, st.err) {
				t.Errorf("%s, step %d: %q, %v, %v", name, i, out, done, err)
			}
		}
	}
	if _, ok := Find(Mechanisms(), "GSSAPI"); ok {
		t.Error("GSSAPI is found")
	}
}

func TestBearer(t *testing.T) {
	t.Parallel()
	xoauth2 := func(token string) []byte { return []byte("user=alice@x\x01auth=Bearer " + token + "\x01\x01") }
	bearer := func(token string) []byte {
		return []byte("n,a=ali=2Cce=3D@x,\x01host=h\x01port=1\x01auth=bearer " + token + "\x01\x01")
	}
	for name, tc := range map[string]struct {
		mech     string
		in       [][]byte
		out      []string
		err      error
		answered string
	}{
		"XOAUTH2":                        {"XOAUTH2", [][]byte{xoauth2("good")}, []string{""}, nil, ""},
		"XOAUTH2 asked":                  {"XOAUTH2", [][]byte{nil, xoauth2("good")}, []string{"", ""}, nil, ""},
		"XOAUTH2 refused":                {"XOAUTH2", [][]byte{xoauth2("bad"), {}}, []string{"{}", ""}, errRefused, "right"},
		"XOAUTH2 refused, RFC 7628's ^A": {"XOAUTH2", [][]byte{xoauth2("bad"), {1}}, []string{"{}", ""}, errRefused, "right"},
		"XOAUTH2 refused, tried again":   {"XOAUTH2", [][]byte{xoauth2("bad"), xoauth2("good")}, []string{"{}", ""}, errRefused, "something else"},
		"XOAUTH2 refused at once":        {"XOAUTH2", [][]byte{xoauth2("worse")}, []string{""}, errRefused, ""},
		"XOAUTH2 malformed":              {"XOAUTH2", [][]byte{[]byte("user=a\x01auth=Bearer x")}, []string{""}, ErrMalformed, ""},
		"OAUTHBEARER":                    {"OAUTHBEARER", [][]byte{bearer("good")}, []string{""}, nil, ""},
		"OAUTHBEARER refused":            {"OAUTHBEARER", [][]byte{bearer("bad"), {1}}, []string{"{}", ""}, errRefused, "right"},
		"OAUTHBEARER refused, nothing":   {"OAUTHBEARER", [][]byte{bearer("bad"), {}}, []string{"{}", ""}, errRefused, "right"},
		"OAUTHBEARER without user":       {"OAUTHBEARER", [][]byte{[]byte("n,,\x01auth=Bearer x\x01\x01")}, []string{""}, ErrMalformed, ""},
		"OAUTHBEARER empty":              {"OAUTHBEARER", [][]byte{{}}, []string{""}, ErrMalformed, ""},
	} {
		answered := ""
		var seen Attempt
		s := begin(t, tc.mech, func(a Attempt) error {
			seen = a
			no := &Refusal{Replies: map[string]string{"smtp": "535 wrong"}, Challenge: "{}", Answered: func(right bool) {
				answered = map[bool]string{true: "right", false: "something else"}[right]
			}}
			switch a.Credential {
			case "good":
				return nil
			case "worse":
				no.Challenge = ""
			}
			return no
		})
		for i, in := range tc.in {
			out, done, err := s.Next(in)
			last := i == len(tc.in)-1
			if string(out) != tc.out[i] || done != (last && tc.err == nil) || last && !isErr(err, tc.err) || !last && err != nil {
				t.Errorf("%s, step %d: %q, %v, %v", name, i, out, done, err)
			}
		}
		if answered != tc.answered || tc.err != ErrMalformed && seen.User != map[string]string{"XOAUTH2": "alice@x", "OAUTHBEARER": "ali,ce=@x"}[tc.mech] {
			t.Errorf("%s: the client has answered %q, want %q; attempt %+v", name, answered, tc.answered, seen)
		}
	}
}

func FuzzBearer(f *testing.F) {
	f.Add([]byte("user=alice@x\x01auth=Bearer t\x01\x01"))
	f.Add([]byte("n,a=alice@x,\x01host=h\x01auth=Bearer t\x01\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range Tokens() {
			asked := false
			s := begin(t, name, func(a Attempt) error {
				asked = true
				if a.User == "" {
					t.Errorf("%s: %q is a login of nobody", name, b)
				}
				return nil
			})
			if _, _, err := s.Next(append([]byte{}, b...)); (err == nil) != asked {
				t.Errorf("%s: %q: %v, asked %v", name, b, err, asked)
			}
		}
	})
}
