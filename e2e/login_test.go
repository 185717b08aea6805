package e2e

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/transcript"
)

// everyMechanism is what TestMechanisms offers.
const everyMechanism = "all,SCRAM-SHA-512-PLUS,SCRAM-SHA-256-PLUS,SCRAM-SHA-1-PLUS,DIGEST-MD5,EXTERNAL,ANONYMOUS,NTLM"

// The parts that the commands of logins share. They are shell, with the rig's variables.
const (
	gsasl    = `gsasl --quiet --imap --connect localhost:$PORT_143 --starttls --hostname localhost --x509-ca-file $CA -a alice -p secret `
	gsaslOld = `gsasl --quiet --imap --connect localhost:$PORT_143 --starttls --priority NORMAL:-VERS-TLS1.3 --hostname localhost --x509-ca-file $CA -a alice -p secret `
	msmtp    = `printf 'Subject: x\n\nx\n' | msmtp --host=localhost --port=$PORT_465 --tls=on --tls-starttls=off --tls-trust-file=$CA --from=alice@example.test --passwordeval='echo secret' `
	swaks    = `swaks --server localhost:$PORT_465 --tlsc --tls-verify --tls-ca-path $CA --to bob@example.test --quit-after AUTH --auth-user alice --auth-password secret `
	mbsync   = `printf 'IMAPAccount a\nHost localhost\nPort %s\nUser alice\nPass secret\nSSLType IMAPS\nCertificateFile %s\nAuthMechs %s\n\nIMAPStore r\nAccount a\n\nMaildirStore l\nPath ./m/\nInbox ./m/I\n\nChannel c\nFar :r:\nNear :l:\nCreate Near\n' $PORT_993 $CA "$MECH" > rc && mkdir m && mbsync -c rc c`
	token    = `export TOKEN=$(curl -sS -d 'grant_type=client_credentials&client_id=x&client_secret=y&scope=mail' $HTTP/oauth2/token | sed 's/.*"access_token": *"\([^"]*\)".*/\1/'); `
	mpop     = `mkdir -p m/cur m/new m/tmp && mpop --host=localhost --port=$PORT_995 --tls=on --tls-starttls=off --tls-trust-file=$CA --user=alice --passwordeval='echo secret' --delivery=maildir,./m `
	mutt     = `printf 'set imap_user=alice imap_pass=secret imap_authenticators=%s certificate_file=%s ssl_force_tls=yes header_cache="" sleep_time=0 folder="~"\npush "<exit>"\n' $MECH $CA > rc && script -qec "stty cols 80 rows 24; mutt -n -F rc -f imaps://localhost:$PORT_993/INBOX" typescript`
	js       = `node $NODE/login.mjs `
	curl     = `curl -sS --cacert $CA -u alice:secret --login-options AUTH="$MECH" `
)

// logins are clients that aren't ours, by the mechanism with which they log in.
var logins = []struct{ mechanism, needs, command string }{
	{"SCRAM-SHA-1", "gsasl", gsasl + "--no-cb -m SCRAM-SHA-1"},
	{"SCRAM-SHA-1", "msmtp", msmtp + "--auth=scram-sha-1 --user=alice bob@example.test"},
	{"SCRAM-SHA-1", "mbsync", mbsync},
	{"SCRAM-SHA-1", "mutt", mutt},
	{"SCRAM-SHA-256", "gsasl", gsasl + "--no-cb -m SCRAM-SHA-256"},
	{"SCRAM-SHA-256", "msmtp", msmtp + "--auth=scram-sha-256 --user=alice bob@example.test"},
	{"SCRAM-SHA-256", "mbsync", mbsync},
	{"SCRAM-SHA-256", "mutt", mutt},
	{"SCRAM-SHA-512", "mbsync", mbsync},
	{"SCRAM-SHA-1-PLUS", "gsasl", gsasl + "-m SCRAM-SHA-1-PLUS"},
	{"SCRAM-SHA-256-PLUS", "gsasl", gsasl + "-m SCRAM-SHA-256-PLUS"},
	{"SCRAM-SHA-256-PLUS", "gsasl", gsaslOld + "-m SCRAM-SHA-256-PLUS"},
	{"CRAM-MD5", "python3", `python3 -c 'import imaplib, os, ssl
i = imaplib.IMAP4_SSL("localhost", int(os.environ["PORT_993"]), ssl_context=ssl.create_default_context(cafile=os.environ["CA"]))
i.login_cram_md5("alice", "secret")
i.logout()'`},
	{"CRAM-MD5", "curl", curl + "imaps://localhost:$PORT_993/"},
	{"CRAM-MD5", "swaks", swaks + "--auth CRAM-MD5"},
	{"CRAM-MD5", "mpop", mpop + "--auth=cram-md5"},
	{"CRAM-MD5", "node", js + "nodemailer CRAM-MD5"},
	{"DIGEST-MD5", "swaks", swaks + "--auth DIGEST-MD5"},
	{"DIGEST-MD5", "msmtp", msmtp + "--auth=digest-md5 --user=alice bob@example.test"},
	{"DIGEST-MD5", "gsasl", gsasl + "-m DIGEST-MD5"},
	{"APOP", "curl", curl + "pop3s://localhost:$PORT_995/"},
	{"APOP", "python3", `python3 -c 'import poplib, os, ssl
p = poplib.POP3_SSL("localhost", int(os.environ["PORT_995"]), context=ssl.create_default_context(cafile=os.environ["CA"]))
p.apop("alice", "secret")
p.quit()'`},
	{"APOP", "mpop", mpop + "--auth=apop"},
	{"PLAIN", "node", js + "nodemailer PLAIN"},
	{"PLAIN", "node", js + "imapflow PLAIN"},
	{"PLAIN", "mpop", mpop + "--auth=plain"},
	{"LOGIN", "node", js + "nodemailer LOGIN"},
	{"LOGIN", "node", js + "imapflow LOGIN"},
	{"XOAUTH2", "node", token + js + "nodemailer XOAUTH2"},
	{"OAUTHBEARER", "node", token + js + "imapflow OAUTHBEARER"},
	{"XOAUTH2", "mpop", token + mpop + "--passwordeval='echo $TOKEN' --auth=xoauth2"},
	{"OAUTHBEARER", "mpop", token + mpop + "--passwordeval='echo $TOKEN' --auth=oauthbearer"},
	{"OAUTHBEARER", "curl", token + `curl -sS --cacert $CA -u alice: --oauth2-bearer $TOKEN imaps://localhost:$PORT_993/`},
	{"XOAUTH2", "msmtp", token + msmtp + "--passwordeval='echo $TOKEN' --auth=xoauth2 --user=alice bob@example.test"},
	{"OAUTHBEARER", "msmtp", token + msmtp + "--passwordeval='echo $TOKEN' --auth=oauthbearer --user=alice bob@example.test"},
	{"EXTERNAL", "msmtp", `$MAILRIG ca --http $HTTP --client alice > own.pem && ` + msmtp + "--tls-cert-file=own.pem --tls-key-file=own.pem --auth=external --user=alice bob@example.test"},
	{"EXTERNAL", "gsasl", `$MAILRIG ca --http $HTTP --client alice > own.pem && ` + gsasl + "--x509-cert-file own.pem --x509-key-file own.pem -z alice -m EXTERNAL"},
	{"EXTERNAL", "curl", `$MAILRIG ca --http $HTTP --client alice > own.pem && curl -sS --cacert $CA --cert own.pem -u alice: --login-options AUTH=EXTERNAL imaps://localhost:$PORT_993/`},
	{"ANONYMOUS", "gsasl", gsasl + "-n trace -m ANONYMOUS"},
	{"ANONYMOUS", "mbsync", mbsync},
	{"NTLM", "msmtp", "! { " + msmtp + "--auth=ntlm --user=alice bob@example.test; }"},
	{"NTLM", "curl", "! " + curl + "imaps://localhost:$PORT_993/"},
}

// TestMechanisms lets clients that aren't ours log in with each mechanism, and checks what the session says of it.
func TestMechanisms(t *testing.T) {
	t.Parallel()
	exposing := []string{"PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"}
	for _, tt := range logins {
		t.Run(tt.mechanism+" by "+tt.needs, func(t *testing.T) {
			t.Parallel()
			need(t, "sh", tt.needs)
			if tt.needs == "node" {
				needNode(t, "nodemailer", "imapflow")
			}
			if tt.needs == "mutt" {
				need(t, "script")
			}
			r := withAlice(t, "--auth", everyMechanism)
			r.shell(t, tt.command, "MECH="+map[bool]string{true: "+APOP", false: tt.mechanism}[tt.mechanism == "APOP" && tt.needs == "curl"]).want(0)
			list := r.ended(t)
			i := slices.IndexFunc(list, func(s *transcript.Session) bool { return len(s.Logins) > 0 })
			if i < 0 {
				t.Fatal("nobody logged in")
			}
			l := list[i].Logins[0]
			if l.Mechanism != tt.mechanism || l.OK != (tt.mechanism != "NTLM") || l.Exposed != slices.Contains(exposing, tt.mechanism) {
				t.Errorf("%+v", l)
			}
		})
	}
}

// withAlice starts a rig on which only Alice may log in.
func withAlice(t *testing.T, args ...string) *rig {
	return start(t, append([]string{"--user", "alice:secret"}, args...)...)
}

// shell runs a command line with the rig's addresses in variables.
func (r *rig) shell(t *testing.T, command string, env ...string) result {
	t.Helper()
	env = append(env, "CA="+r.CAFile, "HTTP="+r.HTTP, "MAILRIG="+binary, "NODE="+nodeScript(t))
	for _, d := range r.Doors {
		env = append(env, fmt.Sprintf("PORT_%d=%s", d.Port, r.port(d.Port)))
	}
	return execute(t, invocation{program: "sh", args: []string{"-c", command}, home: t.TempDir(), env: env})
}

// TestChannelBinding logs in by another implementation's SCRAM, also with the binding that gsasl can't do: the server's
// certificate (RFC 5929 section 4).
func TestChannelBinding(t *testing.T) {
	t.Parallel()
	r := withAlice(t, "--auth", everyMechanism)
	for mechanism, hash := range map[string]scram.HashGeneratorFcn{
		"SCRAM-SHA-1-PLUS": scram.SHA1, "SCRAM-SHA-256-PLUS": scram.SHA256, "SCRAM-SHA-512-PLUS": scram.SHA512,
	} {
		for _, kind := range []scram.ChannelBindingType{scram.ChannelBindingTLSServerEndpoint, scram.ChannelBindingTLSExporter} {
			t.Run(mechanism+" "+string(kind), func(t *testing.T) { bindChannel(t, r, mechanism, hash, kind) })
		}
	}
}

// bindChannel logs in with a mechanism that is bound to the TLS connection.
func bindChannel(t *testing.T, r *rig, mechanism string, hash scram.HashGeneratorFcn, kind scram.ChannelBindingType) {
	conn, err := tls.Dial("tcp", r.door(993).Address, r.tlsConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	state := conn.ConnectionState()
	sum := sha256.Sum256(state.PeerCertificates[0].Raw)
	bound := sum[:]
	if kind == scram.ChannelBindingTLSExporter { // RFC 9266
		if bound, err = state.ExportKeyingMaterial("EXPORTER-Channel-Binding", nil, 32); err != nil {
			t.Fatal(err)
		}
	}
	client, err := hash.NewClient("alice", "secret", "")
	if err != nil {
		t.Fatal(err)
	}
	talk := client.NewConversationWithChannelBinding(scram.ChannelBinding{Type: kind, Data: bound})
	in := bufio.NewReader(conn)
	if _, err := in.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	first, _ := talk.Step("")
	fmt.Fprintf(conn, "a AUTHENTICATE %s %s\r\n", mechanism, base64.StdEncoding.EncodeToString([]byte(first)))
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		challenge, more := strings.CutPrefix(strings.TrimSpace(line), "+ ")
		if !more {
			if !strings.HasPrefix(line, "a OK") || !talk.Valid() {
				t.Errorf("%s: %s", mechanism, line)
			}
			break
		}
		said, err := base64.StdEncoding.DecodeString(challenge)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := talk.Step(string(said))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "%s\r\n", base64.StdEncoding.EncodeToString([]byte(answer)))
	}
}

// TestWrongServerProof checks that gsasl, msmtp, mutt and mbsync notice a server that doesn't know the password, and that mailrig says so of each.
// mbsync says so, and then hangs without another word to the server.
func TestWrongServerProof(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"nonce", "signature"} {
		file := write(t, t.TempDir(), "spoil.yaml", []byte("name: spoil\ntitle: x\nstory: x\nrules:\n  - spoil-proof: "+part+"\n"))
		for client, command := range map[string]string{
			"gsasl":  gsasl + "--no-cb -m SCRAM-SHA-256",
			"msmtp":  msmtp + "--auth=scram-sha-256 --user=alice bob@example.test",
			"mutt":   mutt + " && ! grep 'SASL authentication failed' typescript", // its status is 0
			"mbsync": strings.Replace(mbsync, "mbsync -c", "timeout --kill-after=2 8 mbsync -c", 1),
		} {
			t.Run(part+" by "+client, func(t *testing.T) {
				t.Parallel()
				need(t, "sh", "timeout", client)
				r := withAlice(t, "--auth", "strong", "--scenario", file)
				if res := r.shell(t, command, "MECH=SCRAM-SHA-256"); res.code == 0 {
					t.Errorf("%s goes on:\n%s\n%s", client, res.out, res.err)
				}
				for _, s := range r.ended(t) {
					if text := s.Dialogue(); strings.Contains(text, "as if the server") || len(s.Logins) > 0 && s.Logins[0].OK {
						t.Errorf("%s trusts the server", client)
					}
				}
				if !r.finds(t, "server-proof-checked") || r.finds(t, "server-proof-not-checked") {
					t.Errorf("mailrig doesn't say that %s has checked the server", client)
				}
			})
		}
	}
}

// TestNoMechanismLeaks checks that what clients send to log in, and what could help to guess the password, is in no session.
func TestNoMechanismLeaks(t *testing.T) {
	t.Parallel()
	need(t, "sh", "gsasl", "msmtp", "curl")
	r := withAlice(t, "--auth", everyMechanism)
	for _, l := range logins {
		if l.needs == "gsasl" || l.needs == "msmtp" || l.needs == "curl" {
			r.shell(t, l.command, "MECH="+map[bool]string{true: "+APOP", false: l.mechanism}[l.mechanism == "APOP"])
		}
	}
	for _, s := range r.ended(t) {
		text := s.Dialogue()
		for _, word := range []string{"secret", "dj0", base64.StdEncoding.EncodeToString([]byte("rspauth="))[:9], "auth=Bearer", "PRIVATE KEY"} {
			if strings.Contains(text, word) {
				t.Errorf("%q is in the session:\n%s", word, text)
			}
		}
	}
	if strings.Contains(r.err.String(), "secret") {
		t.Error(r.err.String())
	}
}

// TestDowngrade checks that a client which sends its password where it had proved it before is told of.
func TestDowngrade(t *testing.T) {
	t.Parallel()
	need(t, "sh", "msmtp")
	file := write(t, t.TempDir(), "downgrade.yaml", []byte("name: downgrade\ntitle: x\nstory: x\nrules:\n"+
		"  - match: {protocol: smtp, connection: 1}\n    auth: [SCRAM-SHA-256]\n  - match: {protocol: smtp}\n    auth: [PLAIN]\n"))
	r := withAlice(t, "--scenario", file)
	for range 2 {
		r.shell(t, msmtp+"--auth=on --user=alice bob@example.test").want(0)
	}
	found := r.findings(t)
	if !slices.ContainsFunc(found, func(f diagnose.Finding) bool { return f.ID == "password-sent-after-downgrade" }) {
		t.Errorf("%+v", found)
	}
}
