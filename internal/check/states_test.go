package check

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// ehlo is what an SMTP server without STARTTLS says.
var ehlo = map[string]string{"EHLO": "250-fake\n250 AUTH PLAIN", "QUIT": "221 bye"}

func with(base map[string]string, more ...string) map[string]string {
	out := map[string]string{}
	for k, v := range base {
		out[k] = v
	}
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func TestStates(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	for name, c := range map[string]struct {
		port    int
		script  func(*line)
		state   State
		starttl Upgrade
		detail  string
		problem string
		waits   bool // until its patience ends
	}{
		"closed":         {587, func(*line) {}, StateClosed, "", "before it said anything", "port-closed", false},
		"reset":          {587, func(l *line) { _ = l.Conn.(*net.TCPConn).SetLinger(0) }, StateReset, "", "reset", "port-reset", false},
		"silent":         {143, (*line).hang, StateSilent, "", "said nothing within 1 s", "port-silent", true},
		"silent TLS":     {993, (*line).hang, StateSilent, "", "no answer to TLS within 1 s", "port-silent", true},
		"drips":          {587, func(l *line) { l.Write([]byte("220 fa")); l.hang() }, StateSlow, "", "began to speak SMTP", "port-slow", true},
		"portal":         {587, func(l *line) { l.say("HTTP/1.1 302 Found", "") }, StateHTTP, "", "a web server answers", "http-answers", false},
		"portal for TLS": {993, func(l *line) { l.say("HTTP/1.1 400 Bad Request", ""); l.hang() }, StateHTTP, "", "a web server answers", "http-answers", false},
		"web server": {25, func(l *line) {
			if b, _ := l.in.Peek(1); len(b) > 0 {
				l.say("HTTP/1.1 400 Bad Request", "")
			}
		}, StateHTTP, "", "a web server answers", "http-answers", true},
		"POP3 for IMAP": {143, func(l *line) { l.say("+OK pop"); l.hang() }, StateOtherProtocol, "", "POP3 answers here", "wrong-protocol", false},
		"SMTP for POP3": {110, func(l *line) { l.say("220-smtp", "220 x"); l.hang() }, StateOtherProtocol, "", "SMTP answers here", "wrong-protocol", false},
		"SSH":           {25, func(l *line) { l.say("SSH-2.0-x"); l.hang() }, StateOtherProtocol, "", "SSH answers here", "wrong-protocol", false},
		"nonsense":      {143, func(l *line) { l.say("hello there") }, StateUnknown, "", "isn't a mail server: hello there", "not-mail", false},
		"endless line":  {587, func(l *line) { l.say("220 " + strings.Repeat("x", 100_000)) }, StateBroken, "", "longer than 8 KiB", "port-broken", false},
		"endless reply": {587, func(l *line) { l.say(slices.Repeat([]string{"220-more"}, 5000)...) }, StateBroken, "", "doesn't end", "port-broken", false},
		"554":           {587, func(l *line) { l.say("554 5.7.1 no service"); l.hang() }, StateRejected, "", "554 5.7.1 no service", "greeting-refused", false},
		"BYE":           {143, func(l *line) { l.say("* BYE busy") }, StateRejected, "", "* BYE busy", "greeting-refused", false},
		"-ERR":          {110, func(l *line) { l.say("-ERR [SYS/TEMP] busy") }, StateRejected, "", "busy", "greeting-refused", false},
		"clear on 993":  {993, func(l *line) { l.say("* OK hello"); l.hang() }, StateSpeaksClear, "", "IMAP answers here without TLS", "no-tls", false},
		"clear on 465":  {465, func(l *line) { l.say("220 hello"); l.hang() }, StateSpeaksClear, "", "SMTP answers here without TLS", "no-tls", false},
		"TLS on 143": {143, secure(t, ca, "", func(l *line) { l.say("* OK in TLS"); l.hang() }),
			StateSpeaksTLS, "", "waits for TLS from the first byte", "tls-from-first-byte", true},
		"no STARTTLS": {587, func(l *line) { l.say("220 x"); l.talk(ehlo) }, StateOpen, UpgradeMissing, "", "starttls-missing", false},
		"refused": {587, func(l *line) {
			l.say("220 x")
			l.talk(with(ehlo, "EHLO", "250-x\n250 STARTTLS", "STARTTLS", "454 4.3.0 not now"))
		}, StateOpen, UpgradeRefused, "offered and then refused: 454 4.3.0 not now", "starttls-refused", false},
		"wrong success": {587, func(l *line) {
			l.say("220 x")
			l.talk(with(ehlo, "EHLO", "250-x\n250 STARTTLS", "STARTTLS", "250 fine"))
		}, StateOpen, UpgradeRefused, "250 fine", "starttls-refused", false},
		"injected": {587, func(l *line) {
			l.say("220 x")
			l.talk(with(ehlo, "EHLO", "250-x\n250 STARTTLS", "STARTTLS", "220 go\n250 AUTH EVIL"))
		}, StateOpen, UpgradeInjected, "250 AUTH EVIL", "starttls-injected", false},
		"fragment injected": {143, func(l *line) {
			l.say("* OK x")
			l.hear()
			l.say("* CAPABILITY IMAP4rev1 STARTTLS", "a1 OK done")
			l.hear()
			_, _ = l.Write([]byte("a1 OK go\r\n* CAPA"))
			l.hang()
		}, StateOpen, UpgradeInjected, "6 more bytes", "starttls-injected", false},
		"garbage": {110, func(l *line) {
			l.say("+OK x")
			l.hear()
			l.say("+OK", "STLS", ".")
			l.hear()
			l.say("+OK go")
			_, _ = l.in.Peek(1) // the ClientHello
			l.say("not TLS at all")
			l.hang()
		}, StateOpen, UpgradeFailed, "in place of TLS came: not TLS at all", "starttls-failed", false},
		"closes at STARTTLS": {587, func(l *line) {
			l.say("220 x")
			l.hear()
			l.say("250 STARTTLS-less")
			l.hear()
		}, StateOpen, UpgradeMissing, "", "starttls-missing", false},
		"PREAUTH": {143, func(l *line) {
			l.say("* PREAUTH hello")
			l.talk(map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1 STARTTLS\na1 OK", "LOGOUT": "a1 OK"})
		}, StateOpen, UpgradePreauth, "PREAUTH", "preauth", false},
		"masked": {25, func(l *line) { l.say("220 ***********"); l.talk(with(ehlo, "EHLO", "250-x\n250 XXXXXXXA")) },
			StateOpen, UpgradeMissing, "", "masked", false},
		"EHLO refused": {587, func(l *line) {
			l.say("220 x")
			l.talk(map[string]string{"EHLO": "501 5.5.2 invalid host name", "HELO": "501 5.5.2 invalid host name", "QUIT": "221 bye"})
		}, StateOpen, UpgradeMissing, "", "hello-refused", false},
		"breaks off": {587, func(l *line) { l.say("220 x"); l.hear() }, StateBroken, "", "asked for its capabilities", "port-broken", false},
		"HELO only":  {25, func(l *line) { l.say("220 x"); l.talk(map[string]string{"HELO": "250 hi", "QUIT": "221 bye"}) }, StateOpen, UpgradeMissing, "", "starttls-missing", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serve(t, c.script)
			r, d := look(t, c.port, f, func(o *Options) {
				if !c.waits {
					o.Timeout = time.Minute
				}
			})
			if d.State != c.state || d.STARTTLS != c.starttl || !strings.Contains(d.Detail, c.detail) {
				t.Errorf("state %q, STARTTLS %q, %q; want %q, %q, …%s…", d.State, d.STARTTLS, d.Detail, c.state, c.starttl, c.detail)
			}
			if d.Usable || r.Good {
				t.Errorf("usable %v, good %v", d.Usable, r.Good)
			}
			if p := problem(t, r, c.problem); p.Severity != Error || p.What == "" || p.Try == "" {
				t.Errorf("%+v", p)
			}
		})
	}
}

func TestRefusedPort(t *testing.T) {
	t.Parallel()
	f := serve(t, func(*line) {})
	_ = f.ln.Close()
	r, d := look(t, 465, f, nil)
	if d.State != StateRefused || !strings.Contains(problem(t, r, "port-refused").What, "nothing listens") {
		t.Errorf("%+v", d)
	}
}

// TestTellTales checks that the check says to a server only what it needs to: nothing to a stranger, and no secret to
// anybody.
func TestTellTales(t *testing.T) {
	t.Parallel()
	f := serve(t, func(l *line) { l.say("HTTP/1.1 302 Found"); l.hear() })
	look(t, 587, f, func(o *Options) { o.User, o.Password = "alice", "geheim123" })
	f.done()
	if said := f.heard(); len(said) > 0 && said[0] != "" {
		t.Errorf("a web server was told %q", said)
	}

	f = serve(t, func(l *line) { l.say("220 x"); l.talk(with(ehlo, "EHLO", "250-x\n250 AUTH PLAIN LOGIN")) })
	_, d := look(t, 587, f, func(o *Options) { o.User, o.Password = "alice", "geheim123" })
	for _, s := range f.heard() {
		if strings.HasPrefix(s, "AUTH") || strings.Contains(s, "alice") {
			t.Errorf("in clear: %q", s)
		}
	}
	if d.Login != nil {
		t.Errorf("a login was tried: %+v", d.Login)
	}
}

// done waits until a connection has come and gone.
func (f *fake) done() { _ = f.ln.Close(); f.wg.Wait() }

func TestTerminalIsSafe(t *testing.T) {
	t.Parallel()
	f := serve(t, func(l *line) {
		l.say("220 \x1b]0;owned\x07\u009b31m\u202e" + strings.Repeat("y", 1000))
		l.talk(with(ehlo, "EHLO", "250-x\n250-\x1b[2J\n250 AUTH \x1bPLAIN"))
	})
	r, d := look(t, 25, f, nil)
	all := d.Greeting + strings.Join(d.BeforeTLS.Names, "") + strings.Join(d.BeforeTLS.Mechanisms, "")
	for _, p := range r.Problems {
		all += p.What + p.Try
	}
	if strings.ContainsAny(all, "\x1b\x07\u009b\u202e") || len([]rune(d.Greeting)) > 310 {
		t.Errorf("%q", all)
	}
}

func TestFamilies(t *testing.T) {
	t.Parallel()
	ca := authority(t)
	f := serve(t, secure(t, ca, "", func(l *line) {
		l.say("* OK x")
		l.talk(map[string]string{"CAPABILITY": "* CAPABILITY IMAP4rev1 AUTH=PLAIN\na1 OK", "LOGOUT": "a1 OK"})
	}))
	six, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	_ = six.Close()
	r, d := look(t, 993, f, func(o *Options) {
		o.Host, o.Roots = "localhost", append(o.Roots, ca.Cert())
		o.Resolve = func(context.Context, string) ([]netip.Addr, error) {
			return []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()}, nil
		}
	})
	if len(d.Addresses) != 2 || d.Addresses[0].State != StateRefused || d.Addresses[1].State != StateOpen || !d.Usable {
		t.Errorf("%+v", d)
	}
	if p := problem(t, r, "one-family"); p.Severity != Note || !strings.Contains(p.What, "::1 refuses over IPv6") {
		t.Errorf("%+v", p)
	}
}

func TestUnknownHost(t *testing.T) {
	t.Parallel()
	r := Run(t.Context(), Options{Host: "mail.example.test", Timeout: time.Second,
		Resolve: func(context.Context, string) ([]netip.Addr, error) {
			return nil, &net.DNSError{IsNotFound: true, Name: "mail.example.test"}
		}})
	p := problem(t, r, "no-address")
	if r.Good || len(r.Doors) != 8 || len(r.Problems) != 1 || !strings.Contains(p.What, "mail.example.test") || !strings.Contains(p.Try, "spelling") {
		t.Errorf("%+v", r.Problems)
	}
}

// TestBounded checks that eight doors that never answer take three waits, and that a stop takes none.
func TestBounded(t *testing.T) {
	t.Parallel()
	f := serve(t, (*line).hang)
	targets := Targets(0)
	for i := range targets {
		targets[i].At = f.port()
	}
	began := time.Now()
	const wait = 500 * time.Millisecond // all doors one after the other would take 24 of them
	r := Run(t.Context(), Options{Host: "127.0.0.1", Doors: targets, Timeout: wait})
	if took := time.Since(began); took < wait || took > 20*wait {
		t.Errorf("took %v", took)
	}
	for _, d := range r.Doors {
		if d.State != StateSilent {
			t.Errorf("%d is %q", d.Port, d.State)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	began = time.Now()
	time.AfterFunc(100*time.Millisecond, cancel)
	r = Run(ctx, Options{Host: "127.0.0.1", Doors: targets, Timeout: time.Hour})
	if took := time.Since(began); took > time.Minute || !r.Interrupted || r.Good {
		t.Errorf("took %v, %+v", took, r)
	}
	for _, d := range r.Doors {
		if d.State != StateInterrupted {
			t.Errorf("%d is %q", d.Port, d.State)
		}
	}
}
