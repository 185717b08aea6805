package e2e

import (
	"strings"
	"testing"
)

// sClient runs openssl s_client on a door, with the TLS that the door requires, sends the lines and returns what it
// printed. A certificate error ends it with status 1.
func (r *rig) sClient(door int, lines string, more ...string) result {
	r.t.Helper()
	args := []string{"s_client", "-connect", r.local(door), "-CAfile", r.CAFile, "-verify_return_error",
		"-verify_hostname", "localhost", "-servername", "localhost", "-crlf", "-quiet", "-ign_eof"}
	d := r.door(door)
	if d.Security != "tls" {
		args = append(args, "-starttls", d.Protocol)
	}
	return r.runIn(invocation{program: "openssl", args: append(args, more...), stdin: []byte(lines)})
}

func TestOpenSSL(t *testing.T) {
	t.Parallel()
	need(t, "openssl")
	r := start(t)
	r.blameless(t, "sent-commands-behind-hello") // s_client is given all commands at once
	dialogue := map[string]string{
		"smtp": "EHLO c.example.test\nNOOP\nQUIT\n",
		"imap": "a1 LOGIN alice secret\na2 SELECT INBOX\na3 LOGOUT\n",
		"pop3": "USER alice\nPASS secret\nSTAT\nQUIT\n",
	}
	end := map[string]string{"smtp": "221 2.0.0", "imap": "a3 OK", "pop3": "+OK 0 0"}
	for _, d := range r.Doors {
		for _, version := range []string{"-tls1_3", "-tls1_2"} {
			t.Run(doorName(d.Port)+version, func(t *testing.T) {
				t.Parallel()
				r := r.in(t)
				res := r.sClient(d.Port, dialogue[d.Protocol], version).want(0).says(end[d.Protocol])
				if strings.Contains(res.err, "verify error") {
					t.Errorf("openssl: %s", res.err)
				}
				if strings.Contains(res.out, "STARTTLS") || strings.Contains(res.out, "STLS") {
					t.Errorf("STARTTLS is offered inside TLS:\n%s", res.out)
				}
			})
		}
	}
}
