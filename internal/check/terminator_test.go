package check

import (
	"slices"
	"strings"
	"testing"
)

// TestTerminator looks at a server that doesn't know that something in front of it has ended TLS.
func TestTerminator(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	f := serve(t, secure(t, ca, "", func(l *line) {
		l.say("* OK x")
		l.talk(map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\na1 OK", "LOGOUT": "a1 OK"})
	}))
	r, _ := look(t, 993, f, func(*Options) {})
	i := slices.IndexFunc(r.Problems, func(p Problem) bool { return p.ID == "starttls-again" })
	if i < 0 || !strings.Contains(r.Problems[i].What, "something in front of the server ends TLS here") {
		t.Errorf("%+v", r.Problems)
	}
}

// TestHelloRefused checks that what a server doesn't tell, because it refuses EHLO, isn't said to be missing.
func TestHelloRefused(t *testing.T) {
	t.Parallel()
	f := serve(t, func(l *line) {
		l.say("220 x")
		l.talk(map[string]string{"EHLO": "550 5.7.1 who are you", "HELO": "250 hi", "QUIT": "221 bye"})
	})
	r, _ := look(t, 587, f, func(*Options) {})
	p := problem(t, r, "hello-refused")
	if !strings.Contains(p.What, "550 5.7.1 who are you") {
		t.Errorf("%+v", p)
	}
	for _, p := range r.Problems {
		if p.ID == "starttls-missing" || p.ID == "no-login" {
			t.Errorf("%+v", p)
		}
	}
}
