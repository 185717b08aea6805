package e2e

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mailrig/mailrig/certs"
)

// debian is a mail server made of Debian's own programs: Dovecot for receiving and Postfix for sending, at free ports
// of 127.0.0.1, with files of its own. Mail for alice goes into the maildir that Dovecot shows.
type debian struct {
	t    *testing.T
	dir  string
	ca   string // a file
	port map[int]int
}

// sbin finds a server's program. A person's PATH often has no sbin.
func sbin(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil && filepath.IsAbs(path) {
			return path
		}
	}
	missing(t, name+" isn't installed")
	return ""
}

func startDebian(t *testing.T) *debian {
	t.Helper()
	postfix := sbin(t, "postfix")
	d := startDovecot(t)
	d.chown("data", "postfix")
	d.write("conf/main.cf", mainCF)
	d.write("conf/master.cf", masterCF)
	d.run("queue/pid/master.pid", postfix, "-c", filepath.Join(d.dir, "conf"), "start-fg")
	d.await(25, 587, 465)
	return d
}

// startDovecot starts only Dovecot.
func startDovecot(t *testing.T) *debian {
	t.Helper()
	return startDovecotWith(t, dovecotConf)
}

// startDovecotWith starts only Dovecot, with another configuration.
func startDovecotWith(t *testing.T, conf string) *debian {
	t.Helper()
	dovecot := sbin(t, "dovecot")
	if os.Geteuid() != 0 {
		missing(t, "Dovecot wants to be started as root")
	}
	// t.TempDir is readable only by its owner, and the servers run as several users. The path is short because it
	// contains sockets.
	dir, err := os.MkdirTemp("", "mr")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	d := &debian{t: t, dir: dir, port: map[int]int{}}
	for _, door := range []int{25, 587, 465, 110, 995, 143, 993} {
		d.port[door] = freePort(t)
	}
	for _, sub := range []string{"", "mail", "conf", "queue", "data"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d.chown("mail", "nobody")
	d.certificate()
	d.write("dovecot.conf", conf)
	d.run("", dovecot, "-F", "-c", filepath.Join(dir, "dovecot.conf"))
	d.await(110, 995, 143, 993)
	return d
}

// freePort finds a port below those that the system gives to connections. Another test might take one of those before
// the server has bound it.
func freePort(t *testing.T) int {
	t.Helper()
	const first, many, tries = 20_000, 12_000, 100
	for range tries {
		port := first + rand.IntN(many)
		if ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			ln.Close()
			return port
		}
	}
	t.Fatalf("%d ports from %d on are taken", tries, first)
	return 0
}

func (d *debian) chown(name, user string) {
	d.t.Helper()
	out, err := exec.Command("chown", user, filepath.Join(d.dir, name)).CombinedOutput()
	if err != nil {
		d.t.Fatalf("chown %s: %v\n%s", user, err, out)
	}
}

// certificate writes mailrig's own kind of certificate to the files.
func (d *debian) certificate() {
	d.t.Helper()
	ca, err := certs.NewCA(certs.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	cert, err := ca.Certificate(certs.Correct)
	if err != nil {
		d.t.Fatal(err)
	}
	var chain []byte
	for _, der := range cert.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		d.t.Fatal(err)
	}
	d.ca = write(d.t, d.dir, "ca.pem", ca.PEM())
	write(d.t, d.dir, "cert.pem", chain)
	write(d.t, d.dir, "key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
}

// write writes a configuration file from a template.
func (d *debian) write(name, template string) {
	d.t.Helper()
	pairs := []string{"DIR", d.dir}
	for door, port := range d.port {
		pairs = append(pairs, fmt.Sprintf("<%d>", door), strconv.Itoa(port))
	}
	write(d.t, filepath.Join(d.dir, filepath.Dir(name)), filepath.Base(name), []byte(strings.NewReplacer(pairs...).Replace(template)))
}

// run runs a server until the test ends. With a pid file, program is a script that waits for the server, which leads
// its own process group.
func (d *debian) run(pidFile, program string, args ...string) {
	d.t.Helper()
	d.runUntil(pidFile, program, args...)
}

// runUntil is run for a server that the test may stop earlier.
func (d *debian) runUntil(pidFile, program string, args ...string) (stop func()) {
	d.t.Helper()
	cmd := exec.Command(program, args...)
	out := &buffer{}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.WaitDelay = time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() { defer close(exited); _ = cmd.Wait() }()
	stop = sync.OnceFunc(func() {
		pid := cmd.Process.Pid
		if pidFile != "" {
			text, err := os.ReadFile(filepath.Join(d.dir, pidFile))
			n, err2 := strconv.Atoi(strings.TrimSpace(string(text)))
			if err != nil || err2 != nil || n <= 1 {
				d.t.Errorf("%s: no process in its pid file: %v %v", program, err, err2)
			} else {
				pid = n
			}
		}
		_ = syscall.Kill(pid, syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(patience):
			d.t.Errorf("%s doesn't stop", program)
			_ = syscall.Kill(-pid, syscall.SIGKILL)
			_ = cmd.Process.Kill()
		}
		<-exited
		if d.t.Failed() {
			for _, log := range []string{"dovecot.log", "postfix.log"} {
				text, _ := os.ReadFile(filepath.Join(d.dir, log))
				d.t.Logf("%s:\n%s", log, clip(string(text)))
			}
			d.t.Logf("%s said:\n%s", program, out)
		}
	})
	d.t.Cleanup(stop)
	return stop
}

// await waits until these doors accept connections.
func (d *debian) await(doors ...int) {
	d.t.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for _, door := range doors {
		for {
			conn, err := net.Dial("tcp", d.address(door))
			if err == nil {
				_ = conn.Close()
				break
			}
			if time.Now().After(deadline) {
				d.t.Fatalf("door %d isn't open after %v: %v", door, patience, err)
			}
			<-tick.C
		}
	}
}

func (d *debian) address(door int) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.port[door]))
}

// check runs mailrig check against it. instead says which doors are at other ports.
func (d *debian) check(t *testing.T, password string, instead map[int]int, args ...string) result {
	t.Helper()
	all := []string{"check", "localhost"}
	for door := range d.port {
		at := door
		if other, ok := instead[door]; ok {
			at = other
		}
		all = append(all, "--door", fmt.Sprintf("%d=%s", door, d.address(at)))
	}
	return execute(t, invocation{program: binary, args: append(all, args...), env: []string{"MAILRIG_PASSWORD=" + password}})
}

// TestCheckDebian checks Debian's Dovecot and Postfix.
func TestCheckDebian(t *testing.T) {
	t.Parallel()
	long(t)
	d := startDebian(t)
	const alice = "alice@example.test"

	t.Run("all is right", func(t *testing.T) {
		c := d.check(t, "secret", nil, "--ca", d.ca, "--user", alice, "--send", "--json").want(0).silent().checked()
		var got []string
		for _, s := range c.Settings {
			got = append(got, fmt.Sprintf("%s %d %s", s.Protocol, s.Door, s.Encryption))
		}
		want := []string{"imap 993 SSL/TLS", "imap 143 STARTTLS", "pop3 995 SSL/TLS", "pop3 110 STARTTLS", "smtp 587 STARTTLS", "smtp 465 SSL/TLS"}
		if !c.Good || !slices.Equal(got, want) {
			t.Errorf("good %v, settings %q, want %q", c.Good, got, want)
		}
		if c.RoundTrip == nil || !c.RoundTrip.OK || c.RoundTrip.Seconds <= 0 {
			t.Errorf("round trip %+v", c.RoundTrip)
		}
		logins := map[int]string{}
		for _, door := range c.Doors {
			if door.Login != nil {
				logins[door.Port] = door.Login.State
			}
		}
		if len(logins) != 3 || logins[993] != "ok" || logins[995] != "ok" || logins[587] != "ok" {
			t.Errorf("logins %v", logins)
		}
	})
	t.Run("every login", func(t *testing.T) {
		c := d.check(t, "secret", nil, "--ca", d.ca, "--user", alice, "--all-logins", "--json").checked()
		for _, door := range c.Doors {
			// Port 25 is for other servers and accepts no login.
			if want := map[bool]string{true: "ok", false: "no-mechanism"}[door.Port != 25]; door.State == "open" && (door.Login == nil || door.Login.State != want) {
				t.Errorf("door %d: %+v, want %s", door.Port, door.Login, want)
			}
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		res := d.check(t, "wrong", nil, "--ca", d.ca, "--user", alice).want(1)
		res.says("Port 993: login: the user name or the password is wrong (NO [AUTHENTICATIONFAILED]", "not tried, because port 993 refused the same password")
	})
	t.Run("unknown CA", func(t *testing.T) {
		res := d.check(t, "secret", nil, "--user", alice).want(1)
		res.says("isn't trusted here", "give its certificate with --ca FILE", "not tried: the certificate doesn't verify")
	})
	t.Run("for another name", func(t *testing.T) {
		res := execute(t, invocation{program: binary, args: []string{"check", "mail.corp.invalid", "--ca", d.ca, "--smtp", "off", "--pop3", "off", "--imap", "tls", "--door", "993=" + d.address(993)}}).want(1)
		res.says("the certificate isn't for mail.corp.invalid, but for localhost")
	})
	t.Run("ports mixed up", func(t *testing.T) {
		res := d.check(t, "", map[int]int{993: 143, 465: 587, 143: 995, 110: 143, 25: 110}, "--ca", d.ca, "--timeout", "2s").want(0)
		res.says(
			"Port 993: IMAP answers here without TLS",
			"Port 465: SMTP answers here without TLS",
			"Port 143: it waits for TLS from the first byte, where STARTTLS is usual; and then: POP3 answers here",
			"Port 110: IMAP answers here",
			"Port 25: POP3 answers here",
			"IMAP can't be used",
			fmt.Sprintf("use port %d with STARTTLS", d.port[587]),
		)
	})
}

const dovecotConf = `
base_dir = DIR/run
state_dir = DIR/state
log_path = DIR/dovecot.log
protocols = imap pop3
listen = 127.0.0.1
mail_location = maildir:DIR/mail/%u
first_valid_uid = 1
ssl = yes
ssl_cert = <DIR/cert.pem
ssl_key = <DIR/key.pem
auth_mechanisms = plain login
passdb {
  driver = static
  args = password=secret
}
userdb {
  driver = static
  args = uid=nobody gid=nogroup home=DIR/mail/%u
}
service imap-login {
  inet_listener imap {
    port = <143>
  }
  inet_listener imaps {
    port = <993>
    ssl = yes
  }
}
service pop3-login {
  inet_listener pop3 {
    port = <110>
  }
  inet_listener pop3s {
    port = <995>
    ssl = yes
  }
}
service auth {
  unix_listener sasl {
    mode = 0666
  }
}
`

const mainCF = `
compatibility_level = 3.6
queue_directory = DIR/queue
data_directory = DIR/data
maillog_file = DIR/postfix.log
maillog_file_prefixes = DIR
myhostname = mail.example.test
mydestination =
alias_maps =
alias_database =
virtual_mailbox_domains = example.test
virtual_mailbox_base = DIR/mail
virtual_mailbox_maps = static:alice@example.test/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
smtpd_tls_cert_file = DIR/cert.pem
smtpd_tls_key_file = DIR/key.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = DIR/run/sasl
`

const masterCF = `
127.0.0.1:<25>  inet n - n - - smtpd
127.0.0.1:<587> inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
  -o smtpd_sasl_auth_enable=yes
127.0.0.1:<465> inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_sasl_auth_enable=yes
cleanup   unix  n - n -     0 cleanup
qmgr      unix  n - n 300   1 qmgr
tlsmgr    unix  - - n 1000? 1 tlsmgr
rewrite   unix  - - n -     - trivial-rewrite
bounce    unix  - - n -     0 bounce
defer     unix  - - n -     0 bounce
trace     unix  - - n -     0 bounce
proxymap  unix  - - n -     - proxymap
virtual   unix  - n n -     - virtual
error     unix  - - n -     - error
retry     unix  - - n -     - error
anvil     unix  - - n -     1 anvil
postlog   unix-dgram n - n - 1 postlogd
`
