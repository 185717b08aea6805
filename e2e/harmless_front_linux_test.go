package e2e

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
)

// This file lets what stands in front of mail servers, and a browser, do what they do at a rig without meaning harm.

// haproxyChecks lets HAProxy check each door in another way, until it has done so three times.
func haproxyChecks(t *testing.T, r *rig) {
	ways := map[int]string{
		25: "", 2525: "option tcp-check", 587: "option smtpchk EHLO haproxy.example", 143: "option tcp-check\n  tcp-check expect string *\\ OK",
		110: "option tcp-check\n  tcp-check expect string +OK\n  tcp-check send QUIT\\r\\n", 465: "", 993: "", 995: "",
	}
	conf := "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 1m\n  timeout server 1m\n"
	for door, way := range ways {
		tls := ""
		if r.door(door).Security == "tls" && door != 995 { // at 995 the check knows nothing of TLS
			tls = "check-ssl verify none"
		}
		conf += fmt.Sprintf("frontend f%[1]d\n  bind 127.0.0.1:%[2]d\n  default_backend b%[1]d\nbackend b%[1]d\n  %[3]s\n  server rig %[4]s check inter 500ms %[5]s\n",
			door, freePort(t), way, r.door(door).Address, tls)
	}
	d := &debian{t: t, dir: t.TempDir()}
	stop := d.runUntil("", sbin(t, "haproxy"), "-db", "-f", write(t, d.dir, "haproxy.cfg", []byte(conf)))
	delete(ways, 25) // a check that only connects gives up with an RST in place of the ACK: nobody is told of it
	delete(ways, 2525)
	delete(ways, 995)
	eventually(t, "three checks at each other door", func() bool {
		seen := map[int]int{}
		for _, s := range r.sessions() {
			seen[s.Door]++
		}
		for door := range ways {
			if seen[door] < 3 {
				return false
			}
		}
		return true
	})
	stop()
}

const nginxConf = `load_module /usr/lib/nginx/modules/ngx_mail_module.so;
daemon off; master_process off; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
events {}
http {
  access_log off;
  client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  server { listen 127.0.0.1:%[2]d; location / { add_header Auth-Status OK; add_header Auth-Server 127.0.0.1; add_header Auth-Port %[3]s; return 204; } }
}
mail {
  auth_http 127.0.0.1:%[2]d; server_name proxy.example.test;
  server { listen 127.0.0.1:%[4]d; protocol smtp; smtp_auth none; xclient off; }
}
`

// nginxInFront sends through nginx' mail proxy, which speaks to the rig in clear.
func nginxInFront(t *testing.T, r *rig) {
	need(t, "curl")
	if _, err := os.Stat("/usr/lib/nginx/modules/ngx_mail_module.so"); err != nil {
		missing(t, "nginx has no module for mail")
	}
	d := &debian{t: t, dir: t.TempDir()}
	auth, mail := freePort(t), freePort(t)
	conf := fmt.Sprintf(nginxConf, d.dir, auth, r.port(25), mail)
	stop := d.runUntil("", sbin(t, "nginx"), "-c", write(t, d.dir, "nginx.conf", []byte(conf)))
	file := write(t, t.TempDir(), "letter", crlf(letter))
	r.run("curl", r.curlArgs("--retry", "20", "--retry-connrefused", "--retry-delay", "1", "--mail-from", r.User, "--mail-rcpt", r.User,
		"--upload-file", file, fmt.Sprintf("smtp://127.0.0.1:%d/client.example.test", mail))...).want(0)
	stop()
}

// nginxStream lets nginx pass connections on, byte for byte. %[2]s are its servers.
const nginxStream = `load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; pid %[1]s/nginx.pid; error_log %[1]s/error.log;
events {}
stream { %[2]s }
`

// stream starts nginx with a front for each of some doors. more are further settings of each.
func stream(t *testing.T, r *rig, more string, doors ...int) (fronts map[int]int) {
	t.Helper()
	if _, err := os.Stat("/usr/lib/nginx/modules/ngx_stream_module.so"); err != nil {
		missing(t, "nginx has no module for streams")
	}
	d := &debian{t: t, dir: t.TempDir()}
	servers := ""
	fronts = map[int]int{}
	for _, door := range doors {
		fronts[door] = freePort(t)
		servers += fmt.Sprintf("server { listen 127.0.0.1:%d; proxy_pass %s; proxy_connect_timeout 5s; %s }\n", fronts[door], r.door(door).Address, more)
	}
	t.Cleanup(d.runUntil("", sbin(t, "nginx"), "-c", write(t, d.dir, "nginx.conf", []byte(fmt.Sprintf(nginxStream, d.dir, servers)))))
	for _, port := range fronts {
		eventually(t, "nginx listens", func() bool { return knock(port) == nil })
	}
	return fronts
}

// knock connects to a port of this machine and leaves, as a check of a balancer does.
func knock(port int) error {
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		c.Close()
	}
	return err
}

// nginxStreams sends and reads through nginx, which knows no more than streams, and lets something ask it whether it is there.
func nginxStreams(t *testing.T, r *rig) {
	fronts := stream(t, r, "", 465, 993)
	file := write(t, t.TempDir(), "letter", crlf(letter))
	for range 6 {
		_ = knock(fronts[465])
		_ = knock(fronts[993])
	}
	r.run("curl", r.curlArgs("--user", r.User+":secret", "--mail-from", r.User, "--mail-rcpt", r.User, "--upload-file", file, fmt.Sprintf("smtps://localhost:%d/client.example.test", fronts[465]))...).want(0)
	r.run("curl", r.curlArgs("--user", r.User+":secret", fmt.Sprintf("imaps://localhost:%d/INBOX", fronts[993]))...).want(0)
}

// nginxDoesTLS reads through nginx, which begins TLS for a client in clear, and lets something ask it whether it is there.
func nginxDoesTLS(t *testing.T, r *rig) {
	fronts := stream(t, r, "proxy_ssl on; proxy_ssl_server_name on; proxy_ssl_name localhost;", 993)
	for range 6 {
		_ = knock(fronts[993])
	}
	r.run("curl", r.curlArgs("--user", r.User+":secret", fmt.Sprintf("imap://localhost:%d/INBOX", fronts[993]))...).want(0)
}

// browserAtThePage opens the page with a browser, which opens spare connections too, and refuses the certificate of HTTPS until
// its user trusts it.
func browserAtThePage(t *testing.T, r *rig) {
	long(t)
	chromium := browser(t)
	r.greeted(t, 993).turns("a LOGIN alice secret → a OK", "b LOGOUT → b OK") // something to show
	for _, look := range [][]string{{r.HTTP}, {r.HTTPS}, {"--ignore-certificate-errors", r.HTTPS}} {
		dir := t.TempDir()
		args := append([]string{"--headless=new", "--no-sandbox", "--disable-gpu", "--user-data-dir=" + dir, "--timeout=5000", "--dump-dom"}, look...)
		res := execute(t, invocation{program: chromium, args: args, home: dir, limit: 4 * patience})
		if refused := look[0] == r.HTTPS; strings.Contains(res.out, "mailrig") == refused {
			t.Errorf("%q: status %d, %d bytes of the page", look, res.code, len(res.out))
		}
	}
}
