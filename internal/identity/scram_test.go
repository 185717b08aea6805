package identity

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/xdg-go/scram"
)

// bound is a connection with channel bindings. It keeps what is hidden.
type bound struct {
	kinds  map[string]string
	hidden []string
}

func (b *bound) Binding(kind string) []byte { return []byte(b.kinds[kind]) }
func (b *bound) Hide(challenge []byte)      { b.hidden = append(b.hidden, string(challenge)) }

// spoils is a scenario that spoils one part.
type spoils struct {
	part    ProofPart
	trusted bool
}

func (s *spoils) Spoils(p ProofPart) bool { return p == s.part }
func (s *spoils) Trusted()                { s.trusted = true }

// alice returns accounts with one user, and an exchange that asks them.
func alice(t *testing.T, x Exchange) Exchange {
	list := NewAccounts(strings.ToLower)
	list.Add("alice", "pencil")
	x.Context, x.Authority, x.Host = t.Context(), list, "elwood.innosoft.com"
	x.Decide = func(a Attempt) error {
		no, err := a.Proof(t.Context(), list)
		if no != nil {
			return no
		}
		return err
	}
	return x
}

func serverOf(t *testing.T, mechanism string, x Exchange) sasl.Server {
	m, ok := Find(Mechanisms(), mechanism)
	if !ok {
		t.Fatalf("no mechanism %s", mechanism)
	}
	return m.Server(x)
}

// TestSCRAM lets another implementation's client log in.
func TestSCRAM(t *testing.T) {
	t.Parallel()
	const exporter, endPoint = "tls-exporter", "tls-server-end-point"
	for _, tt := range []struct {
		mechanism, user, password string
		client                    scram.HashGeneratorFcn
		binding                   scram.ChannelBinding // the client's
		spoils                    ProofPart
		want, clientSays          error
	}{
		{"SCRAM-SHA-1", "alice", "pencil", scram.SHA1, scram.ChannelBinding{}, "", nil, nil},
		{"SCRAM-SHA-256", "alice", "pencil", scram.SHA256, scram.ChannelBinding{}, "", nil, nil},
		{"SCRAM-SHA-512", "ALICE", "pencil", scram.SHA512, scram.ChannelBinding{}, "", nil, nil},
		{"SCRAM-SHA-256", "alice", "pen", scram.SHA256, scram.ChannelBinding{}, "", errRefused, nil},
		{"SCRAM-SHA-256", "nobody", "pencil", scram.SHA256, scram.ChannelBinding{}, "", errRefused, nil},
		{"SCRAM-SHA-256-PLUS", "alice", "pencil", scram.SHA256, scram.ChannelBinding{Type: exporter, Data: []byte("key")}, "", nil, nil},
		{"SCRAM-SHA-1-PLUS", "alice", "pencil", scram.SHA1, scram.ChannelBinding{Type: endPoint, Data: []byte("hash")}, "", nil, nil},
		{"SCRAM-SHA-512-PLUS", "alice", "pencil", scram.SHA512, scram.ChannelBinding{Type: endPoint, Data: []byte("another's")}, "", errRefused, nil},
		{"SCRAM-SHA-256-PLUS", "alice", "pencil", scram.SHA256, scram.ChannelBinding{Type: "tls-unique", Data: []byte("x")}, "", errRefused, nil},
		{"SCRAM-SHA-256-PLUS", "alice", "pencil", scram.SHA256, scram.ChannelBinding{}, "", ErrMalformed, nil},
		{"SCRAM-SHA-256", "alice", "pencil", scram.SHA256, scram.ChannelBinding{}, ServerNonce, nil, errRefused},
		{"SCRAM-SHA-256", "alice", "pencil", scram.SHA256, scram.ChannelBinding{}, ServerSignature, nil, errRefused},
	} {
		client, err := tt.client.NewClient(tt.user, tt.password, "")
		if err != nil {
			t.Fatal(err)
		}
		talk := client.NewConversation()
		if tt.binding.Type != "" {
			talk = client.NewConversationWithChannelBinding(tt.binding)
		}
		connection := &bound{kinds: map[string]string{exporter: "key", endPoint: "hash"}}
		s := serverOf(t, tt.mechanism, alice(t, Exchange{Connection: connection, Spoiler: &spoils{part: tt.spoils}}))
		challenge, err := "", error(nil)
		done := false
		for !done && err == nil {
			message := ""
			if !talk.Done() {
				if message, err = talk.Step(challenge); err != nil {
					if tt.clientSays == nil {
						t.Errorf("%+v: the client says %v", tt, err)
					}
					break
				}
			}
			var b []byte
			b, done, err = s.Next([]byte(message))
			challenge = string(b)
		}
		if tt.clientSays != nil {
			if done || err == nil {
				t.Errorf("%+v: the client doesn't notice", tt)
			}
			continue
		}
		if !isErr(err, tt.want) || done != (tt.want == nil) || done && !talk.Valid() {
			t.Errorf("%+v: %v, done %v", tt, err, done)
		}
		if hid := slices.ContainsFunc(connection.hidden, func(s string) bool { return strings.HasPrefix(s, "v=") }); hid != done {
			t.Errorf("%+v: hidden are %q", tt, connection.hidden)
		}
	}
}

// TestSCRAMNoticesDowngrade checks that a client which says that it saw no -PLUS is refused if there is one (RFC 5802
// section 6), and one that never looks isn't.
func TestSCRAMNoticesDowngrade(t *testing.T) {
	t.Parallel()
	for first, want := range map[string]error{"y,,n=alice,r=nonce": errRefused, "n,,n=alice,r=nonce": nil, "p=tls-exporter,,n=alice,r=nonce": ErrMalformed, "": ErrMalformed, "n,,n=alice": ErrMalformed} {
		s := serverOf(t, "SCRAM-SHA-256", alice(t, Exchange{Offered: []string{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}}))
		if _, done, err := s.Next([]byte(first)); !isErr(err, want) || done {
			t.Errorf("%q: %v, %v", first, done, err)
		}
	}
}

// TestSCRAMTrustedServer checks that a client which goes on behind a wrong signature is noticed, and one with a wrong nonce
// is refused.
func TestSCRAMTrustedServer(t *testing.T) {
	t.Parallel()
	client, err := scram.SHA256.NewClient("alice", "pencil", "")
	if err != nil {
		t.Fatal(err)
	}
	scenario := &spoils{part: ServerSignature}
	s := serverOf(t, "SCRAM-SHA-256", alice(t, Exchange{Spoiler: scenario}))
	talk := client.NewConversation()
	first, _ := talk.Step("")
	challenge, _, _ := s.Next([]byte(first))
	final, err := talk.Step(string(challenge))
	if err != nil {
		t.Fatal(err)
	}
	if _, done, err := s.Next([]byte(final)); done || err != nil || scenario.trusted {
		t.Fatalf("%v, %v, trusted %v", done, err, scenario.trusted)
	}
	if _, done, err := s.Next([]byte{}); !done || err != nil || !scenario.trusted {
		t.Errorf("%v, %v, trusted %v", done, err, scenario.trusted)
	}

	s = serverOf(t, "SCRAM-SHA-256", alice(t, Exchange{}))
	challenge, _, _ = s.Next([]byte("n,,n=alice,r=nonce"))
	nonce, _, _ := strings.Cut(strings.TrimPrefix(string(challenge), "r="), ",")
	if _, _, err := s.Next([]byte("c=biws,r=" + nonce + "x,p=AAAA")); !isErr(err, errRefused) {
		t.Errorf("with another nonce: %v", err)
	}
}

func TestCRAMMD5(t *testing.T) {
	t.Parallel()
	// RFC 2195 section 2
	c := &cramMD5{decide: func(a Attempt) error {
		list := NewAccounts(strings.ToLower)
		list.Add("tim", "tanstaaftanstaaf")
		if no, err := a.Proof(t.Context(), list); no != nil || err != nil || a.Exposes || a.Credential != "" {
			return errors.Join(err, errRefused)
		}
		return nil
	}, challenge: "<1896.697170952@postoffice.reston.mci.net>"}
	if _, done, err := c.Next([]byte("tim b913a602c7eda7a495b4e6e7334d3890")); !done || err != nil {
		t.Errorf("%v, %v", done, err)
	}
	if _, done, err := c.Next([]byte("tim b913a602c7eda7a495b4e6e7334d3891")); done || err == nil {
		t.Error("a wrong digest is right")
	}
	first, second := serverOf(t, "CRAM-MD5", alice(t, Exchange{})), serverOf(t, "CRAM-MD5", alice(t, Exchange{}))
	a, _, _ := first.Next(nil)
	b, _, _ := second.Next(nil)
	if bytes.Equal(a, b) || !bytes.HasSuffix(a, []byte("@elwood.innosoft.com>")) {
		t.Errorf("challenges %q and %q", a, b)
	}
}

func TestDIGESTMD5(t *testing.T) {
	t.Parallel()
	// RFC 2831 section 4, IMAP
	const response = `charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",nc=00000001,cnonce="OA6MHXh6VqTrRk",` +
		`digest-uri="imap/elwood.innosoft.com",response=d388dad90d4bbd760a152321f2143af7,qop=auth`
	list := NewAccounts(strings.ToLower)
	list.Add("chris", "secret")
	for change, right := range map[[2]string]bool{
		{"", ""}:                     true,
		{"nc=00000001", "nc=2"}:      false,
		{"143af7", "143af8"}:         false,
		{"OA6MG9", "OA6MG8"}:         false,
		{"qop=auth", "qop=auth-int"}: false,
	} {
		d := &digestMD5{nonce: "OA6MG9tEQGm2hh", x: Exchange{Decide: func(a Attempt) error {
			if no, _ := a.Proof(t.Context(), list); no != nil {
				return no
			}
			return nil
		}}}
		challenge, done, err := d.Next([]byte(strings.Replace(response, change[0], change[1], 1)))
		if right && (string(challenge) != "rspauth=ea40f60335c427b5527b84dbabcdfffd" || done || err != nil) || !right && !isErr(err, errRefused) {
			t.Errorf("%v: %q, %v, %v", change, challenge, done, err)
		}
		if right {
			if _, done, err := d.Next([]byte{}); !done || err != nil {
				t.Errorf("acknowledged: %v, %v", done, err)
			}
		}
	}
	for _, wrong := range []string{"x", `a="b`, `a=b,a=c`, `a="b"c`, `username="x"`} {
		d := &digestMD5{nonce: "x"}
		if _, _, err := d.Next([]byte(wrong)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

func TestAPOP(t *testing.T) {
	t.Parallel()
	// RFC 1939 section 7
	const stamp = "<1896.697170952@dbc.mtview.ca.us>"
	list := NewAccounts(strings.ToLower)
	list.Add("mrose", "tanstaaf")
	for digest, right := range map[string]bool{"c4c9334bac560ecc979e58001b3e22fb": true, "C4C9334BAC560ECC979E58001B3E22FB": true, "c4c9334bac560ecc979e58001b3e22fc": false} {
		if no, err := APOP("mrose", digest, stamp).Proof(t.Context(), list); (no == nil) != right || err != nil {
			t.Errorf("%s: %v, %v", digest, no, err)
		}
	}
}

// FuzzExchanges sends anything to every mechanism: two lines.
func FuzzExchanges(f *testing.F) {
	f.Add([]byte("n,,n=alice,r=nonce"), []byte("c=biws,r=x,p=AAAA"))
	f.Add([]byte("NTLMSSP\x00\x01\x00\x00\x00"), []byte("NTLMSSP\x00\x03\x00\x00\x00"))
	f.Add([]byte{}, []byte(`username="alice",response=x`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		for _, m := range Mechanisms() {
			if m.Name == "PLAIN" || m.Name == "LOGIN" || m.Name == "ANONYMOUS" {
				continue
			}
			s := m.Server(alice(t, Exchange{}))
			for _, line := range [][]byte{nil, first, second} {
				_, done, err := s.Next(line)
				if done && !bytes.Contains(append(first, second...), []byte("alice")) {
					t.Errorf("%s: %q and %q log in", m.Name, first, second)
				}
				if err != nil {
					break
				}
			}
		}
	})
}
