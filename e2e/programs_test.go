package e2e

import (
	"crypto/x509"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/testkit/mailclient"
)

// setting is what a person chooses on a settings screen.
type setting struct {
	way
	protocol string // what the account is for, whatever the door speaks
	trust    string // "ca": the client trusts the rig's CA; "none": it doesn't; "insecure": it accepts anything
}

func (s setting) String() string { return s.protocol + "-" + s.way.String() }

// program is a real client with one account. It logs in and sends, or looks for mail. It gives up by itself, or the
// test stops it some seconds after the three seconds after which the rig reports silence.
type program struct {
	name   string
	speaks []string
	needs  []string
	modes  []string // clear, starttls, tls; nil means all
	trusts []string // nil means ca, none and insecure
	run    func(t *testing.T, r *rig, s setting)
}

func (p *program) can(s setting) bool {
	return slices.Contains(p.speaks, s.protocol) && (p.modes == nil || slices.Contains(p.modes, s.mode)) &&
		(p.trusts == nil || slices.Contains(p.trusts, s.trust))
}

// chosen reports whether go test -short runs this program with every setting. The others run only in CI.
func (p *program) chosen() bool { return !testing.Short() || p.name == "curl" || p.name == "go" }

// bounded runs a program to its end, or stops it. The rig sees how it ended.
func (r *rig) bounded(t *testing.T, home string, stdin []byte, words ...string) {
	t.Helper()
	need(t, "timeout", words[0])
	limit := "6"
	if words[0] == "python3" || words[0] == "node" {
		limit = "20" // on a busy machine an interpreter takes seconds to start, and the scripts have time-outs of their own
	}
	res := execute(t, invocation{program: "timeout", home: home, stdin: stdin, args: append([]string{"--kill-after=2", limit}, words...)})
	t.Logf("%s\nended with %d after %v\n%s\n%s", res.line, res.code, res.took.Round(time.Millisecond), clip(res.out), clip(res.err))
}

const letter = "From: alice@example.test\nTo: bob@example.test\nSubject: hello\n\nhello\n"

var programs = []program{
	{name: "curl", speaks: []string{"smtp", "imap", "pop3"}, needs: []string{"curl"}, run: curlAccount},
	{name: "swaks", speaks: []string{"smtp"}, needs: []string{"swaks"}, run: swaksAccount},
	{name: "msmtp", speaks: []string{"smtp"}, needs: []string{"msmtp"}, run: msmtpAccount},
	{name: "mbsync", speaks: []string{"imap"}, needs: []string{"mbsync"}, trusts: []string{"ca", "none"}, run: mbsyncAccount},
	{name: "fetchmail", speaks: []string{"imap", "pop3"}, needs: []string{"fetchmail"}, run: fetchmailAccount},
	{name: "neomutt", speaks: []string{"smtp"}, needs: []string{"neomutt"}, trusts: []string{"ca"}, run: neomuttAccount},
	{name: "openssl", speaks: []string{"smtp", "imap", "pop3"}, needs: []string{"openssl"}, modes: []string{"starttls", "tls"}, run: opensslAccount},
	{name: "python", speaks: []string{"smtp", "imap", "pop3"}, needs: []string{"python3"}, run: pythonAccount},
	{name: "node", speaks: []string{"smtp", "imap"}, needs: []string{"node"}, run: nodeAccount},
	{name: "go", speaks: []string{"smtp", "imap"}, run: goAccount},
}

func curlAccount(t *testing.T, r *rig, s setting) {
	args := []string{"curl", "--silent", "--show-error", "--max-time", "5", "--user", r.User + ":secret"}
	switch s.trust {
	case "ca":
		args = append(args, "--cacert", r.CAFile)
	case "insecure":
		args = append(args, "--insecure")
	}
	scheme := s.protocol
	if s.mode == "tls" {
		scheme += "s"
	} else if s.mode == "starttls" {
		args = append(args, "--ssl-reqd")
	}
	url := scheme + "://" + r.local(s.door)
	if s.protocol == "smtp" {
		file := write(t, t.TempDir(), "letter", crlf(letter))
		args = append(args, url+"/client.example.test", "--mail-from", r.User, "--mail-rcpt", "bob@example.test", "--upload-file", file)
	} else {
		args = append(args, url+"/")
	}
	r.bounded(t, t.TempDir(), nil, args...)
}

func swaksAccount(t *testing.T, r *rig, s setting) {
	args := []string{"swaks", "--server", "localhost", "--port", r.port(s.door), "--from", r.User, "--to", "bob@example.test", "--ehlo", "client.example.test",
		"--timeout", "5", "--auth", "PLAIN", "--auth-user", r.User, "--auth-password", "secret"}
	switch s.mode {
	case "starttls":
		args = append(args, "--tls")
	case "tls":
		args = append(args, "--tls-on-connect")
	}
	if s.mode != "clear" && s.trust != "insecure" {
		args = append(args, "--tls-verify", "--tls-sni", "localhost")
		if s.trust == "ca" {
			args = append(args, "--tls-ca-path", r.CAFile)
		}
	}
	r.bounded(t, t.TempDir(), nil, args...)
}

func msmtpAccount(t *testing.T, r *rig, s setting) {
	on := map[bool]string{true: "on", false: "off"}
	trust := map[string]string{"ca": "tls_trust_file " + r.CAFile, "none": "tls_trust_file system", "insecure": "tls_certcheck off"}[s.trust]
	home := t.TempDir()
	rc := write(t, home, ".msmtprc", fmt.Appendf(nil, `account default
host localhost
port %s
from %s
domain client.example.test
timeout 5
tls %s
tls_starttls %s
%s
auth plain
user %s
password secret
`, r.port(s.door), r.User, on[s.mode != "clear"], on[s.mode == "starttls"], trust, r.User))
	r.bounded(t, home, []byte(letter), "msmtp", "-C", rc, "bob@example.test")
}

func mbsyncAccount(t *testing.T, r *rig, s setting) {
	home := t.TempDir()
	write(t, home, "Mail/kept", nil) // it makes no folder for the store itself
	word := "SSLType"
	if v := r.run("mbsync", "--version").want(0).out; !strings.HasPrefix(v, "isync 1.4") && !strings.HasPrefix(v, "isync 1.3") {
		word = "TLSType"
	}
	kind := map[string]string{"clear": "None", "starttls": "STARTTLS", "tls": "IMAPS"}[s.mode]
	trust := map[string]string{"ca": "CertificateFile " + r.CAFile, "none": "SystemCertificates yes"}[s.trust]
	rc := write(t, home, "rc", fmt.Appendf(nil, `IMAPAccount rig
Host localhost
Port %s
User %s
Pass secret
%s %s
%s
AuthMechs PLAIN LOGIN
Timeout 5

IMAPStore far
Account rig

MaildirStore near
SubFolders Verbatim
Path %s/Mail/
Inbox %s/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Create Near
SyncState *
`, r.port(s.door), r.User, word, kind, trust, home, home))
	r.bounded(t, home, nil, "mbsync", "--config", rc, "--all")
}

func fetchmailAccount(t *testing.T, r *rig, s setting) {
	home := t.TempDir()
	check := map[string]string{"ca": fmt.Sprintf("sslcertck sslcertfile %q", r.CAFile), "none": "sslcertck", "insecure": "no sslcertck"}[s.trust]
	words := map[string]string{"clear": `sslproto ""`, "starttls": `sslproto "auto" ` + check, "tls": "ssl " + check}[s.mode]
	rc := write(t, home, "rc", fmt.Appendf(nil, `set no bouncemail
set pidfile %q
set idfile %q
poll localhost protocol %s port %s timeout 5 auth password:
  user %q password "secret" %s keep fetchall mda "cat"
`, filepath.Join(home, "pid"), filepath.Join(home, "ids"), s.protocol, r.port(s.door), r.User, words))
	r.bounded(t, home, nil, "fetchmail", "-f", rc, "--nodetach", "--nosyslog")
}

func neomuttAccount(t *testing.T, r *rig, s setting) {
	home := t.TempDir()
	scheme := map[string]string{"tls": "smtps"}[s.mode]
	if scheme == "" {
		scheme = "smtp"
	}
	yes := map[bool]string{true: "yes", false: "no"}
	rc := write(t, home, "rc", fmt.Appendf(nil, `set realname="Neo" from="%s" use_from=yes copy=no hostname="client.example.test"
set smtp_url="%s://%s@localhost:%s/" smtp_pass="secret"
set ssl_starttls=%s ssl_force_tls=%s certificate_file="%s" connect_timeout=5
`, r.User, scheme, strings.ReplaceAll(r.User, "@", "%40"), r.port(s.door), yes[s.mode == "starttls"], yes[s.mode != "clear"], r.CAFile))
	r.bounded(t, home, []byte("hello\n"), "neomutt", "-n", "-F", rc, "-s", "hello", "--", "bob@example.test")
}

func opensslAccount(t *testing.T, r *rig, s setting) {
	args := []string{"openssl", "s_client", "-connect", r.local(s.door), "-servername", "localhost", "-crlf", "-quiet", "-ign_eof"}
	if s.trust != "insecure" {
		args = append(args, "-verify_return_error", "-verify_hostname", "localhost")
	}
	if s.trust == "ca" {
		args = append(args, "-CAfile", r.CAFile)
	}
	if s.mode == "starttls" {
		args = append(args, "-starttls", s.protocol)
	}
	lines := map[string]string{
		"smtp": "EHLO client.example.test\nNOOP\nQUIT\n",
		"imap": "a1 CAPABILITY\na2 LOGIN alice secret\na3 SELECT INBOX\na4 LOGOUT\n",
		"pop3": "CAPA\nUSER alice\nPASS secret\nSTAT\nQUIT\n",
	}[s.protocol]
	r.bounded(t, t.TempDir(), []byte(lines), args...)
}

// trusted returns a setting's trust in the form that the scripts take.
func (s setting) trusted(r *rig) string {
	if s.trust == "ca" {
		return r.CAFile
	}
	return s.trust
}

func pythonAccount(t *testing.T, r *rig, s setting) {
	path, err := filepath.Abs("testdata/python/settings.py")
	if err != nil {
		t.Fatal(err)
	}
	r.bounded(t, t.TempDir(), nil, "python3", path, r.port(s.door), s.mode, s.protocol, s.trusted(r))
}

func nodeAccount(t *testing.T, r *rig, s setting) {
	needNode(t, "nodemailer", "imapflow")
	path, err := filepath.Abs("node/settings.mjs")
	if err != nil {
		t.Fatal(err)
	}
	r.bounded(t, t.TempDir(), nil, "node", path, r.port(s.door), s.mode, s.protocol, s.trusted(r))
}

func goAccount(t *testing.T, r *rig, s setting) {
	config := r.tlsConfig()
	switch s.trust {
	case "none":
		config.RootCAs = x509.NewCertPool()
	case "insecure":
		config.InsecureSkipVerify = true
	}
	c, err := net.Dial("tcp", r.door(s.door).Address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(5 * time.Second))
	account := mailclient.Account{User: r.User, Password: "secret", Security: s.mode, TLS: config}
	if s.protocol == "smtp" {
		err = account.Send(c, r.User, "bob@example.test", crlf(letter))
	} else {
		err = account.Visit(c)
	}
	t.Logf("Go: %v", err)
}
