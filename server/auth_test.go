package server_test

import (
	"bufio"
	"crypto/tls"
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// TestAuthChoosesWhatIsOffered checks what each protocol lists and takes, by --auth.
func TestAuthChoosesWhatIsOffered(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{
		Users: []server.User{{Name: "alice", Password: "secret"}},
		Auth:  []string{"strong", "2525:plain", "imap/tls:PLAIN"},
	})
	for _, tt := range []struct {
		port         int
		shows, hides string // in the dialogue
		steps        []string
	}{
		{25, "AUTH SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5\n", "AUTH PLAIN LOGIN", []string{"", "220 ", "EHLO x", "250 ", "AUTH PLAIN AGFsaWNlAHNlY3JldA==", "504 5.5.4"}},
		{2525, "AUTH PLAIN LOGIN\n", "SCRAM", []string{"", "220 ", "EHLO x", "250 ", "AUTH CRAM-MD5", "504 5.5.4", "AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235 "}},
		{143, "STARTTLS LOGINDISABLED]", "AUTH=PLAIN ", []string{"", "* OK", "a LOGIN alice secret", "a NO LOGIN is disabled", "b AUTHENTICATE PLAIN AGFsaWNlAHNlY3JldA==", "b NO", "c AUTHENTICATE CRAM-MD5", "+ P", "*", "c BAD", "d SELECT INBOX", "d BAD"}},
		{993, "AUTH=PLAIN ", "LOGINDISABLED", []string{"", "* OK", "a LOGIN alice secret", "a OK"}},
		{110, "@mail.example.test>\n", "USER\n", []string{"", "+OK", "CAPA", "+OK", "", ".", "USER alice", "-ERR USER is switched off", "APOP alice c4c9334bac560ecc979e58001b3e22fb", "-ERR [AUTH]", "APOP alice", "-ERR APOP takes"}},
	} {
		c := dial(t, s, tt.port)
		for i := 0; i < len(tt.steps); i += 2 {
			if err := c.say(tt.steps[i], tt.steps[i+1]); err != nil {
				t.Errorf("door %d: %v", tt.port, err)
				break
			}
		}
		c.Close()
		list := s.Sessions()
		if text := list[len(list)-1].Dialogue(); !strings.Contains(text, tt.shows) || strings.Contains(text, tt.hides) {
			t.Errorf("door %d should show %q and not %q:\n%s", tt.port, tt.shows, tt.hides, text)
		}
	}
}

// TestLoginThatTheClientCancels checks that nobody is logged in who cancels after the server has accepted the proof, because
// the server's own isn't right.
func TestLoginThatTheClientCancels(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Users: []server.User{{Name: "alice", Password: "secret"}}, Auth: []string{"CRAM-MD5", "DIGEST-MD5"}})
	c := dial(t, s, 465)
	defer c.Close()
	if err := talk(c, "", "220 ", "EHLO x", "250 ", "AUTH CRAM-MD5", "334 ", "*", "501 5.0.0", "MAIL FROM:<alice@example.test>", "530 5.7.0"); err != nil {
		t.Error(err)
	}
}

// TestCertificateIsAskedOnlyForEXTERNAL checks that TLS asks the client for a certificate where EXTERNAL is offered, and
// nowhere else.
func TestCertificateIsAskedOnlyForEXTERNAL(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Auth: []string{"993:EXTERNAL+PLAIN"}})
	pem, err := s.ClientCertificate("alice@example.test")
	if err != nil {
		t.Fatal(err)
	}
	own, err := tls.X509KeyPair(pem, pem)
	if err != nil {
		t.Fatal(err)
	}
	for port, want := range map[int]bool{993: true, 995: false} {
		asked := false
		cfg := s.ClientTLS()
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asked = true
			return &own, nil
		}
		conn, err := tls.Dial("tcp", addr(t, s, port), cfg)
		if err != nil {
			t.Fatal(err)
		}
		c := &client{conn, bufio.NewReader(conn)}
		greeting := "+OK"
		if port == 993 {
			greeting = "* OK"
		}
		if err := c.say("", greeting); err != nil {
			t.Error(err)
		}
		if asked != want {
			t.Errorf("port %d: asked for a certificate: %v", port, asked)
		}
		if port == 993 {
			for _, try := range [][2]string{{"a AUTHENTICATE EXTERNAL Ym9iQGV4YW1wbGUudGVzdA==", "a NO"}, {"b AUTHENTICATE EXTERNAL =", "b OK"}} {
				if err := c.say(try[0], try[1]); err != nil {
					t.Error(err)
				}
			}
		}
		conn.Close()
	}
	for _, session := range s.Sessions() {
		if text := session.Dialogue(); strings.Contains(text, "PRIVATE KEY") {
			t.Error(text)
		}
	}
}

// TestMethodsThatNobodyAskedFor checks that a finding names the ways to log in that the server has, though the client never
// asked for its list: those of the configuration, and those of a scenario that edits the list.
func TestMethodsThatNobodyAskedFor(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cfg     server.Config
		door    int
		turns   [][2]string
		lists   string
		silence bool // the scenario mustn't count as one that has acted before the client meets it
	}{
		"the configuration": {server.Config{Auth: []string{"XOAUTH2", "OAUTHBEARER"}}, 110, [][2]string{{"", "+OK"}, {"USER alice", "-ERR"}, {"QUIT", "+OK"}}, "XOAUTH2, OAUTHBEARER", false},
		"a scenario":        {server.Config{Scenarios: load(t, "auth-only-gssapi")}, 110, [][2]string{{"", "+OK"}, {"USER alice", "-ERR"}, {"QUIT", "+OK"}}, "GSSAPI", false},
		"nobody looks":      {server.Config{Scenarios: load(t, "auth-only-scram")}, 25, [][2]string{{"", "220"}, {"QUIT", "221"}}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, tc.cfg)
			c := dial(t, s, tc.door)
			for _, turn := range tc.turns {
				if err := c.say(turn[0], turn[1]); err != nil {
					t.Fatal(err)
				}
			}
			c.Close()
			until(t, "the session has ended", func() bool { x, ok := s.Session("1"); return ok && !x.End.IsZero() })
			if x, _ := s.Session("1"); tc.silence && len(x.Injected) > 0 {
				t.Errorf("%q has acted", x.Injected)
			}
			i := slices.IndexFunc(s.Conclude(), func(f server.Finding) bool { return f.ID == "login-method-refused" })
			if tc.lists == "" {
				if i >= 0 {
					t.Errorf("%+v", s.Conclude()[i])
				}
				return
			}
			if i < 0 || !strings.Contains(s.Conclude()[i].Advice, "The server lists: "+tc.lists+".") {
				t.Errorf("finds %+v", s.Conclude())
			}
		})
	}
}

// TestPasswordThatIsRightElsewhere checks that a password which one protocol takes and another refuses isn't called wrong.
func TestPasswordThatIsRightElsewhere(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{Scenarios: []*scenarios.Scenario{parse(t, "no-sending", `
- match: {protocol: smtp}
  login: {smtp: "535 5.7.8 Authentication failed"}
`)}})
	login(t, s, 993).Close()
	c := dial(t, s, 465)
	if err := talk(c, "", "220 ", "EHLO x", "250 ", "AUTH PLAIN AGFsaWNlAHNlY3JldA==", "535", "QUIT", "221"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	until(t, "the sessions have ended", func() bool {
		return !slices.ContainsFunc(s.Sessions(), func(x *server.Session) bool { return x.End.IsZero() })
	})
	found := s.Conclude()
	if i := slices.IndexFunc(found, func(f server.Finding) bool { return f.ID == "login-refused" }); i < 0 || !strings.Contains(found[i].Title, "The password is right") {
		t.Errorf("finds %+v", found)
	}
}
