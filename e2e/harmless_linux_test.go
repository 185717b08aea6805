package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// A situation is something harmless that happens on a machine that several people and programs share: a health check, a
// scanner, a pool's spare connection, a negative test. mailrig mustn't raise an error about it, nor a warning besides those in may.
type situation struct {
	name     string
	flags    []string // for mailrig serve
	programs []string // that it needs
	may      []string // ids of warnings that are true
	do       func(t *testing.T, r *rig)
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	for _, s := range slices.Concat(checks(), visitors(), connections(), askedFor(), sharing()) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			for _, program := range s.programs {
				if strings.HasPrefix(program, "check_") {
					plugin(t, program)
				} else {
					sbin(t, program)
				}
			}
			r := start(t, s.flags...)
			s.do(t, r)
			noBlame(t, append(r.findings(t), r.toldSoFar(t)...), s.may)
		})
	}
}

// noBlame fails the test if there is an error among findings, or a warning besides those in may, about anybody but the bystanders.
func noBlame(t *testing.T, findings []diagnose.Finding, may []string) {
	t.Helper()
	for _, f := range findings {
		if slices.Contains(bystanders, f.Client) {
			continue
		}
		if f.Severity == diagnose.Error || f.Severity == diagnose.Warning && !slices.Contains(may, f.ID) {
			t.Errorf("%s: %s (%s) %s", f.Severity, f.Title, f.ID, f.Explanation)
		}
	}
}

// toldSoFar returns what the rig itself has found. What it says of an open session it may take back when the session ends.
func (r *rig) toldSoFar(t *testing.T) []diagnose.Finding {
	t.Helper()
	var list struct{ Findings []diagnose.Finding }
	if err := json.Unmarshal(r.get(t, "/api/v1/findings"), &list); err != nil {
		t.Fatal(err)
	}
	return list.Findings
}

// plugin finds one of the monitoring plugins.
func plugin(t *testing.T, name string) string {
	t.Helper()
	path := "/usr/lib/nagios/plugins/" + name
	if _, err := os.Stat(path); err != nil {
		missing(t, "monitoring-plugins-basic isn't installed")
	}
	return path
}

// checks are health checks and monitoring.
func checks() (all []situation) {
	probe := func(name, program string, door int, args ...string) {
		all = append(all, situation{name: name, programs: []string{program}, do: func(t *testing.T, r *rig) {
			for range 6 { // a check comes again and again
				execute(t, invocation{program: plugin(t, program), args: append([]string{"-H", "127.0.0.1", "-p", r.port(door)}, args...)}).want(0)
			}
		}})
	}
	probe("check_tcp", "check_tcp", 25)
	probe("check_tcp that waits for the greeting", "check_tcp", 143, "-e", "* OK")
	probe("check_tcp inside TLS", "check_tcp", 993, "-S")
	all[len(all)-1].may = []string{"certificate-not-trusted"} // the first ones look like a client that doesn't trust it
	probe("check_tcp inside TLS at POP3", "check_tcp", 995, "-S", "-e", "+OK", "-q", "QUIT\r\n")
	probe("check_smtp", "check_smtp", 25)
	probe("check_smtp with STARTTLS", "check_smtp", 587, "-S")
	probe("check_smtp that looks at the certificate", "check_smtp", 587, "-S", "-D", "1")
	probe("check_imap", "check_imap", 143)
	probe("check_imap inside TLS", "check_imap", 993, "-S")
	probe("check_pop", "check_pop", 110)
	probe("check_pop inside TLS", "check_pop", 995, "-S")
	return append(all,
		// Until a check has come a few times, it may be a client that leaves.
		situation{name: "HAProxy's checks", programs: []string{"haproxy"}, may: []string{"certificate-not-trusted", "left-before-starttls"}, do: haproxyChecks},
		situation{name: "nginx in front", programs: []string{"nginx"}, may: []string{"mail-sent-in-clear"}, do: nginxInFront},
		situation{name: "nginx passes streams on", programs: []string{"nginx", "curl"}, do: nginxStreams},
		situation{name: "nginx passes streams on and does TLS", programs: []string{"nginx", "curl"}, may: []string{"certificate-not-trusted"}, do: nginxDoesTLS},
		situation{name: "a browser at the page", flags: []string{"--https", "127.0.0.1:0"}, do: browserAtThePage})
}

// visitors are programs that only look.
func visitors() []situation {
	// What is true of nmap: it waits where nobody speaks first, speaks HTTP, leaves out its name, and offers old ciphers.
	trueOfNmap := []string{"silent-on-tls-port", "http-on-mail-port", "malformed-command", "tls-cipher-refused", "tls-version-refused", "left-before-starttls", "certificate-not-trusted"}
	all := []situation{
		{name: "nmap -sV", programs: []string{"nmap"}, may: trueOfNmap, do: func(t *testing.T, r *rig) { nmap(t, r, "-sV", "--version-light") }},
		{name: "nmap's scripts", programs: []string{"nmap"}, may: trueOfNmap, do: func(t *testing.T, r *rig) {
			nmap(t, r, "--script", "banner,smtp-commands,imap-capabilities,pop3-capabilities,ssl-cert", "-sV", "--version-intensity", "0")
		}},
		{name: "a port scanner", programs: []string{"nmap"}, do: func(t *testing.T, r *rig) { nmap(t, r, "-sT") }},
		{name: "curl looks at the capabilities", programs: []string{"curl"}, do: func(t *testing.T, r *rig) {
			r.run("curl", r.curlArgs("-X", "CAPABILITY", "imaps://"+r.local(993))...)
			r.run("curl", r.curlArgs("-X", "NOOP", "smtp://"+r.local(25))...)
			r.run("curl", r.curlArgs("-X", "CAPA", "pop3s://"+r.local(995))...)
		}},
		{name: "mailrig check", do: func(t *testing.T, r *rig) {
			args := []string{"check", "127.0.0.1", "--ca", r.CAFile, "--user", r.User, "--send"}
			for _, d := range r.Doors {
				args = append(args, "--door", fmt.Sprintf("%d=%s", d.Port, d.Address))
			}
			execute(t, invocation{program: binary, args: args, env: []string{"MAILRIG_PASSWORD=secret"}}).want(0)
		}},
		{name: "msmtp --serverinfo", programs: []string{"msmtp"}, do: func(t *testing.T, r *rig) {
			r.run("msmtp", "--serverinfo", "--host=localhost", "--port="+r.port(587), "--tls=on", "--tls-trust-file="+r.CAFile).want(0)
			r.run("msmtp", "--serverinfo", "--host=localhost", "--port="+r.port(465), "--tls=on", "--tls-starttls=off", "--tls-trust-file="+r.CAFile).want(0)
		}},
	}
	for _, stage := range []string{"CONNECT", "BANNER", "EHLO", "TLS", "AUTH", "MAIL", "RCPT"} {
		var may []string
		if stage == "TLS" { // it leaves as Postfix does when it doesn't trust the certificate
			may = []string{"certificate-not-trusted"}
		}
		all = append(all, situation{name: "swaks --quit-after " + stage, programs: []string{"swaks"}, may: may, do: func(t *testing.T, r *rig) {
			r.run("swaks", "--server", r.local(587), "--tls", "--tls-ca-path", r.CAFile, "--auth", "PLAIN", "--auth-user", r.User, "--auth-password", "secret",
				"--from", r.User, "--to", "bob@example.test", "--quit-after", stage)
		}})
	}
	for door, starttls := range map[int]string{993: "", 465: "", 995: "", 587: "smtp", 143: "imap", 110: "pop3"} {
		all = append(all, situation{name: fmt.Sprintf("openssl s_client at %d", door), programs: []string{"openssl"}, do: func(t *testing.T, r *rig) {
			args := []string{"s_client", "-connect", r.local(door)}
			if starttls != "" {
				args = append(args, "-starttls", starttls)
			}
			for range 3 {
				execute(t, invocation{program: "openssl", args: args}) // standard input ends at once
			}
		}})
	}
	return all
}

func nmap(t *testing.T, r *rig, args ...string) {
	t.Helper()
	if slices.Contains(args, "-sV") {
		long(t) // it waits for many seconds at doors that say nothing
	}
	var ports []string
	for _, d := range r.Doors {
		ports = append(ports, r.port(d.Port))
	}
	execute(t, invocation{program: sbin(t, "nmap"), args: append(args, "-Pn", "-n", "-T5", "-p", strings.Join(ports, ","), "127.0.0.1"), limit: 2 * patience}).want(0)
}

// connections are connections without a purpose of their own.
func connections() []situation {
	return []situation{
		{name: "opened and closed", do: func(t *testing.T, r *rig) {
			for _, d := range r.Doors {
				for range 3 {
					r.dial(t, d.Port).Close()
				}
			}
		}},
		{name: "opened and reset", do: func(t *testing.T, r *rig) {
			for _, d := range r.Doors {
				k := r.dial(t, d.Port)
				_ = k.Conn.(*net.TCPConn).SetLinger(0)
				k.Close()
			}
		}},
		{name: "a pool's spare connections", do: func(t *testing.T, r *rig) {
			var spare []*talk
			for range 3 {
				spare = append(spare, r.greeted(t, 993).turns("a LOGIN alice secret → a OK"))
			}
			for range 3 {
				spare = append(spare, r.dialTLS(t, 465))
			}
			spare[0].turns("b SELECT INBOX → b OK", "c LOGOUT → c OK")
			for _, k := range spare {
				k.Close()
			}
		}},
		{name: "a client that idles", do: func(t *testing.T, r *rig) {
			k := r.greeted(t, 993).turns("a LOGIN alice secret → a OK", "b SELECT INBOX → b OK", "c IDLE → +")
			silence(t, r)
			k.turns("DONE → c OK", "d LOGOUT → d OK")
		}},
		{name: "a question to the user", do: func(t *testing.T, r *rig) { // the client waits for an answer about the certificate, or for a password
			reads, sends := r.greeted(t, 993), r.greeted(t, 465).turns("EHLO client.example.test → 250 ")
			silence(t, r)
			reads.turns("a LOGIN alice secret → a OK", "b LOGOUT → b OK")
			sends.turns("QUIT → 221")
		}},
		{name: "NOOP keeps connections alive", do: func(t *testing.T, r *rig) {
			imap := r.greeted(t, 993).turns("a LOGIN alice secret → a OK", "a SELECT INBOX → a OK")
			smtp := r.greeted(t, 465).turns("EHLO client.example.test → 250 ")
			pop := r.greeted(t, 995).turns("USER alice → +OK", "PASS secret → +OK")
			for range 30 {
				imap.turns("a NOOP → a OK")
				smtp.turns("NOOP → 250")
				pop.turns("NOOP → +OK")
			}
			imap.turns("a LOGOUT → a OK")
			smtp.turns("QUIT → 221")
			pop.turns("QUIT → +OK")
		}},
		{name: "a person with telnet", do: func(t *testing.T, r *rig) {
			r.greeted(t, 25).turns("HELP → 502", "EHLO me.example.test → 250 ", "QUIT → 221")
		}},
		{name: "a setup wizard", may: []string{"left-before-starttls"}, do: func(t *testing.T, r *rig) {
			for _, door := range []int{993, 143} {
				r.greeted(t, door).turns("a CAPABILITY → a OK", "b LOGOUT → b OK")
			}
			for _, door := range []int{995, 110} {
				r.greeted(t, door).turns("CAPA → +OK → .", "QUIT → +OK")
			}
			for _, door := range []int{587, 465, 25} {
				r.greeted(t, door).turns("EHLO wizard.example.test → 250 ", "QUIT → 221")
			}
		}},
		{name: "a wizard tries names for the server", do: func(t *testing.T, r *rig) { // and plain doors in vain
			for range 3 {
				r.dial(t, 993).Close()
				r.greeted(t, 993).turns("a LOGOUT → a OK")
			}
		}},
	}
}

// bystanders are the addresses of clients that do wrong, beside a situation that doesn't.
var bystanders = []string{"127.0.0.9", "127.0.0.10"}

// silence lasts until mailrig has spoken of two other clients, which say nothing one after the other. Each takes the three seconds
// after which a session counts as silent. So the situation's own sessions have been silent for that long and more, and have been
// examined meanwhile, which open sessions are once a second. Of these, mailrig must have said nothing.
func silence(t *testing.T, r *rig) {
	t.Helper()
	for _, address := range bystanders {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}, Timeout: patience}
		c, err := d.DialContext(t.Context(), "tcp", r.door(993).Address)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "mailrig speaks of a client that is silent", func() bool {
			return slices.ContainsFunc(r.toldSoFar(t), func(f diagnose.Finding) bool { return f.ID == "silent-on-tls-port" && f.Client == address })
		})
		c.Close()
	}
	noBlame(t, r.toldSoFar(t), nil)
}

// askedFor are refusals that somebody asked for, and clients that cope with them.
func askedFor() []situation {
	login := authPlain("alice@example.test")
	const hello = "EHLO client.example.test → 250 "
	plays := func(door int, turns ...string) func(*testing.T, *rig) {
		return func(t *testing.T, r *rig) { r.greeted(t, door).turns(turns...) }
	}
	submit := func(turn string) func(*testing.T, *rig) {
		return plays(465, hello, login, "MAIL FROM:<alice@example.test> → 250", turn, "RSET → 250", "QUIT → 221")
	}
	return []situation{
		{name: "a negative test with reply+550", do: submit("RCPT TO:<reply+550+5.1.1@example.test> → 550")},
		{name: "a negative test with reply+451", do: submit("RCPT TO:<reply+451+4.7.1@example.test> → 451")},
		{name: "a negative test with login+wrong-password",
			do: plays(993, "a LOGIN login+wrong-password@example.test secret → a NO", "b LOGOUT → b OK")},
		{name: "an active scenario refuses the recipient", flags: []string{"--scenario", "smtp-unknown-recipient"},
			do: submit("RCPT TO:<bob@example.test> → 550")},
		{name: "an active scenario refuses the login", flags: []string{"--scenario", "auth-wrong-password"},
			do: plays(995, "USER alice → +OK", "PASS secret → -ERR", "QUIT → +OK")},
		{name: "an active scenario opens no folder", flags: []string{"--scenario", "imap-no-permission"},
			do: plays(993, "a LOGIN alice secret → a OK", "b SELECT INBOX → b ", "c LOGOUT → c OK")},
		{name: "the second mechanism after the first", flags: []string{"--scenario", "auth-strong-mechanisms-fail"},
			do: plays(465, hello, "AUTH CRAM-MD5 → 334", base64.StdEncoding.EncodeToString([]byte("alice 0123456789abcdef0123456789abcdef"))+" → 535", login, "QUIT → 221")},
		{name: "a login is called off",
			do: plays(465, hello, "AUTH LOGIN → 334", "* → 501", login, "QUIT → 221")},
		{name: "mailbox names are tried",
			do: plays(993, "a LOGIN alice secret → a OK", `b STATUS "Sent Items" (MESSAGES) → b NO`, "c CREATE Trash → c ", "d LOGOUT → d OK")},
		{name: "behind a balancer that says so", flags: []string{"--proxy-protocol", "127.0.0.1"}, do: func(t *testing.T, r *rig) {
			r.dial(t, 143).turns("PROXY TCP4 198.51.100.7 192.0.2.1 40000 143 → * OK", "a LOGOUT → a OK")
			local := r.dial(t, 143) // a check of the balancer's own, by version 2: LOCAL
			if _, err := local.Write([]byte("\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00")); err != nil {
				t.Fatal(err)
			}
			local.expect("* OK")
			local.Close()
		}},
	}
}

// authPlain is the turn of a login.
func authPlain(user string) string {
	return "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00secret")) + " → 235"
}

// sharing are several users and programs at one address, and clients that fetch much.
func sharing() []situation {
	fetch := func(t *testing.T, r *rig, user string, turns ...string) {
		r.greeted(t, 993).turns("a LOGIN "+user+" secret → a OK", "a SELECT INBOX → a OK").turns(turns...).turns("a LOGOUT → a OK")
	}
	pop := func(t *testing.T, r *rig, user string, turns ...string) {
		r.greeted(t, 995).turns("USER "+user+" → +OK", "PASS secret → +OK").turns(turns...).turns("QUIT → +OK")
	}
	seed := []string{"--seed", "testdata/seed"}
	return []situation{
		{name: "messages are fetched in pieces", do: func(t *testing.T, r *rig) {
			deliver(t, r, "alice@example.test", 3)
			fetch(t, r, "alice", "a FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE) → a OK", "a FETCH 1:* (BODY.PEEK[HEADER]) → a OK",
				"a FETCH 1 (BODY.PEEK[]<0.40>) → a OK", "a FETCH 1 (BODY.PEEK[]<40.40>) → a OK",
				"a FETCH 1 (BODY.PEEK[]<80.4000>) → a OK", "a FETCH 2:3 (BODY.PEEK[TEXT]) → a OK")
		}},
		{name: "headers again at each poll", do: func(t *testing.T, r *rig) {
			deliver(t, r, "alice@example.test", 2)
			for range 3 {
				pop(t, r, "alice", "STAT → +OK", "UIDL → +OK → .", "TOP 1 0 → +OK → .", "TOP 2 0 → +OK → .")
			}
		}},
		{name: "two programs on one account", flags: seed, do: func(t *testing.T, r *rig) {
			deliver(t, r, "alice@example.test", 1)
			fetch(t, r, "alice", "a FETCH 1 (BODY.PEEK[]) → a OK")
			pop(t, r, "alice", "UIDL → +OK → .", "RETR 1 → +OK → .")
		}},
		{name: "two users at once", do: func(t *testing.T, r *rig) {
			deliver(t, r, "alice@example.test", 1)
			deliver(t, r, "bob@example.test", 1)
			fetch(t, r, "alice", "a FETCH 1 (BODY[]) → a OK")
			fetch(t, r, "bob", "a FETCH 1 (BODY[]) → a OK")
			pop(t, r, "bob", "RETR 1 → +OK → .", "DELE 1 → +OK")
		}},
		{name: "polled often", do: func(t *testing.T, r *rig) {
			for range 6 {
				fetch(t, r, "alice", "a NOOP → a OK")
			}
		}},
	}
}

// deliver submits messages to a user, all in one session.
func deliver(t *testing.T, r *rig, to string, n int) {
	t.Helper()
	k := r.greeted(t, 465).turns("EHLO client.example.test → 250 ", authPlain("carol@example.test"))
	for i := range n {
		letter := fmt.Sprintf("From: carol@example.test\r\nTo: %s\r\nDate: Thu, 26 Nov 2026 10:00:00 +0000\r\nMessage-ID: <%d.%s>\r\nSubject: hello\r\n\r\nhello\r\n.", to, i, to)
		k.turns("MAIL FROM:<carol@example.test> → 250", "RCPT TO:<"+to+"> → 250", "DATA → 354", letter+" → 250")
	}
	k.turns("QUIT → 221")
}
