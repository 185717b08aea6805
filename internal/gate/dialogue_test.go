package gate_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/certs"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/imapd"
	"github.com/mailrig/mailrig/internal/mailbox"
	"github.com/mailrig/mailrig/internal/popd"
	"github.com/mailrig/mailrig/internal/session"
	"github.com/mailrig/mailrig/internal/smtpd"
	"github.com/mailrig/mailrig/internal/transcript"
)

// rig is one gate with a real engine behind it, and a client's end in front.
type rig struct {
	t     testing.TB
	ca    *certs.CA
	store *mailbox.Store
	log   *transcript.Log
	rec   *transcript.Recorder
	g     *gate.Gate
	conn  net.Conn // the client's end
	br    *bufio.Reader
	over  chan struct{}
}

var sharedCA = sync.OnceValues(func() (*certs.CA, error) { return certs.NewCA(certs.Options{}) })

type options struct {
	protocol string
	port     int
	tls      bool
	rules    []fault.Rule
	edit     func(*gate.Config)
}

func newRig(t testing.TB, o options) *rig {
	t.Helper()
	ca, err := sharedCA()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, ca: ca, store: mailbox.New(mailbox.Options{MaxMessageBytes: 1 << 20}), log: transcript.NewLog(10, nil), over: make(chan struct{})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := ln.Accept(); err == nil {
			accepted <- c
		}
	}()
	r.conn, err = net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	raw := <-accepted
	plan := fault.Compile([]string{"test"}, o.rules)
	ctx, cancel := context.WithCancel(t.Context())
	ses := session.New(ctx, &session.Shared{
		Store: r.store, Authority: secretOnly{}, Mechanisms: identity.Mechanisms(), MaxMessageBytes: 1 << 20,
		Log: r.log, Tags: session.NewTags(), Logger: slog.New(slog.DiscardHandler),
	}, doorOf(o.port, o.tls), raw, plan)
	r.rec = ses.Recorder()
	cfg := gate.Config{
		Protocol: o.protocol, TLS: o.tls, StartTLS: !o.tls,
		Certificate: ca.Certificate,
		Engine: func(c *gate.Conn) {
			ses.Begin(c)
			switch o.protocol {
			case "smtp":
				smtpd.Serve(c, smtpd.Config{Session: ses, Store: r.store, Domain: "mail.example.test"})
			case "imap":
				phase := imapd.New(imapd.Config{Session: ses})
				c.Beside(phase.Beside())
				phase.Serve(c)
			default:
				e := popd.New(popd.Config{Session: ses}).Server()
				go e.ServeConn(c)
			}
		},
		Fault: ses.Plan(), Recorder: r.rec, Domain: "mail.example.test", MailDomain: "example.test", MaxMessageBytes: 1 << 20,
		OnDone: func() { cancel(); close(r.over) },
	}
	if o.edit != nil {
		o.edit(&cfg)
	}
	r.br = bufio.NewReader(r.conn)
	r.g = gate.New(raw, cfg)
	go r.g.Run()
	t.Cleanup(func() {
		r.conn.Close()
		select {
		case <-r.over:
		case <-time.After(10 * time.Second):
			t.Error("the connection's engine hasn't ended 10 s after its client left")
		}
		if t.Failed() {
			t.Log("transcript:\n" + r.rec.Session().Dialogue())
		}
	})
	return r
}

// secretOnly lets everybody in with the password "secret".
type secretOnly struct{ identity.Anyone }

func (secretOnly) Password(_ context.Context, _, password string) (bool, error) {
	return password == "secret", nil
}

// doorOf is the door of that number, or one in its place with TLS from the start.
func doorOf(port int, tls bool) door.Door {
	for _, d := range door.All() {
		if d.Port == port {
			if tls {
				d.Security = door.TLS
			}
			return d
		}
	}
	panic("no such door")
}

func (r *rig) startTLS() error {
	c := tls.Client(r.conn, &tls.Config{RootCAs: r.ca.Pool(), ServerName: "localhost"})
	c.SetDeadline(time.Now().Add(5 * time.Second))
	if err := c.Handshake(); err != nil {
		return err
	}
	r.conn = c
	r.br = bufio.NewReader(c)
	return nil
}

// dialogue is a file of testdata. Lines:
//
//	protocol: imap            first; also "port: 587", "tls", "rule: NAME"
//	C: line                   the client sends the line and CRLF
//	C+ line                   the same, in one segment with the line before
//	C- bytes                  the client sends the bytes, which are Go-quoted
//	S: line                   the server's next line; "…" at its end stands for anything
//	TLS                       the client does the handshake
//	CLOSED                    the server closes the connection; then the client does, and the engine ends
//	CLOSED12 text             the same, after text without a line end
//	MESSAGE: address line     a message of one line is delivered
//	LEAVE                     the client closes its side
//	OVER                      the engine has ended
//	MAIL: address n           so many messages are in the address's INBOX
//	LOG: text                 the transcript has this text
//	NOLOG: text               the transcript doesn't
type dialogue struct {
	protocol string
	port     int
	tls      bool
	rules    []fault.Rule
	steps    []step
}

type step struct {
	line int
	op   string
	text string
}

func parseDialogue(t *testing.T, file string) *dialogue {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := &dialogue{}
	for i, l := range strings.Split(string(data), "\n") {
		if l == "" || l[0] == '#' {
			continue
		}
		op, text, _ := strings.Cut(l, " ")
		switch op {
		case "protocol:":
			d.protocol = text
			d.port = map[string]int{"smtp": 25, "imap": 143, "pop3": 110}[text]
		case "port:":
			d.port, _ = strconv.Atoi(text)
		case "tls":
			d.tls = true
		case "rule:":
			r, ok := rules[text]
			if !ok {
				t.Fatalf("%s:%d: no rule %q", file, i+1, text)
			}
			r.Scenario = text
			d.rules = append(d.rules, r)
		default:
			d.steps = append(d.steps, step{i + 1, op, text})
		}
	}
	return d
}

// rules are what dialogues may have as "rule: NAME".
var rules = map[string]fault.Rule{
	"hide-starttls":  {Fault: &fault.Hide{"STARTTLS"}},
	"strip-starttls": {Fault: &fault.Strip{"STARTTLS"}},
	"hide-auth":      {Fault: &fault.Hide{"AUTH"}},
	"hide-chunking":  {Fault: &fault.Hide{"CHUNKING"}},
	"hide-id":        {Fault: &fault.Hide{"ID", "IDLE"}},
	"greeting": {Fault: &fault.Greeting{SMTP: "220-smtp-out.isp.example\n220 ESMTP proxy",
		IMAP: "OK [CAPABILITY IMAP4rev1] hello", POP3: "+OK hello"}},
	"starttls-refused": {Match: fault.Match{Command: []string{"STARTTLS"}},
		Fault: &fault.Reply{SMTP: "454 4.7.0 TLS not available due to temporary reason", IMAP: "NO not now", POP3: "-ERR not now"}},
	"greylisting": {Match: fault.Match{Command: []string{"RCPT"}}, Times: 1, Per: fault.PerEnvelope,
		Fault: &fault.Reply{SMTP: "451 4.7.1 Greylisted"}},
	"second-rcpt":    {Match: fault.Match{Command: []string{"RCPT"}}, Skip: 1, Times: 1, Per: fault.PerConnection, Fault: &fault.Reply{SMTP: "550-5.1.1 No such\n550 5.1.1 user"}},
	"421":            {Match: fault.Match{Command: []string{"NOOP"}}, Fault: &fault.Reply{SMTP: "421 4.3.2 Service not available", IMAP: "BYE Session expired"}},
	"raw-noop":       {Match: fault.Match{Command: []string{"NOOP"}}, Fault: &fault.Reply{Raw: "* 1 EXISTS\r\n{tag} OK raw\r\n"}},
	"raw-starttls":   {Fault: &fault.StartTLS{Raw: "{tag} OK raw TLS\r\n"}},
	"sent-locked":    {Match: fault.Match{Mailbox: []string{"Sent*"}}, Fault: &fault.Reply{IMAP: "NO [INUSE] Sent is locked"}},
	"read-only-box":  {Match: fault.Match{Command: []string{"STORE", "UID COPY"}, Mailbox: []string{"Entwürfe", "trash"}}, Fault: &fault.Reply{IMAP: "NO not here"}},
	"append-full":    {Match: fault.Match{Command: []string{"APPEND", "COPY"}}, Fault: &fault.Reply{IMAP: "NO [OVERQUOTA] Quota exceeded"}},
	"cut-close":      {Fault: &fault.CutMessage{After: 20, How: fault.EndClose}},
	"bad-login":      {Fault: &fault.Login{SMTP: "534-5.7.9 Application-specific password required.\n534 5.7.9 https://example.test", IMAP: "NO [ALERT] Application-specific password required", POP3: "-ERR [AUTH] Application-specific password required"}},
	"noop-closes":    {Match: fault.Match{Command: []string{"NOOP"}}, Fault: &fault.Reply{POP3: "-ERR gone", Then: fault.EndClose}},
	"only-alice":     {Match: fault.Match{User: []string{"alice*"}}, Fault: &fault.Login{IMAP: "NO alice may not"}},
	"cut-reply":      {Fault: &fault.CutMessage{In: fault.InReply, How: fault.EndClose}},
	"cut-download":   {Fault: &fault.CutMessage{In: fault.InDownload, After: 12, How: fault.EndClose}},
	"end-on-noop":    {Match: fault.Match{Command: []string{"NOOP"}}, Fault: &fault.EndConnection{How: fault.EndClose}},
	"silence":        {Match: fault.Match{Command: []string{"NOOP"}}, Fault: &fault.EndConnection{How: fault.EndSilence}},
	"alert":          {Match: fault.Match{Command: []string{"NOOP", "LIST"}}, Fault: &fault.Say{IMAP: "* OK [ALERT] System shutdown\n* 3 EXISTS", POP3: "+OK surprise"}},
	"spam":           {Match: fault.Match{Command: []string{"DATA"}}, Fault: &fault.ReplaceReply{SMTP: "554 5.7.1 Message rejected as spam", POP3: "-ERR x"}},
	"login-lies":     {Match: fault.Match{Command: []string{"LOGIN", "LIST", "EHLO"}}, Fault: &fault.ReplaceReply{IMAP: "NO [SERVERBUG] oops", POP3: "-ERR [SYS/TEMP] oops", SMTP: "500 5.5.1 What"}},
	"uidvalidity":    {Match: fault.Match{Command: []string{"SELECT"}}, Fault: edit(`UIDVALIDITY \d+`, "UIDVALIDITY 7")},
	"no-flags":       {Match: fault.Match{Command: []string{"SELECT"}}, Fault: edit(`^\* FLAGS.*`, "")},
	"uidl":           {Match: fault.Match{Command: []string{"UIDL"}}, Fault: edit(`^(\d+) .*`, "$1 same")},
	"add":            {Fault: &fault.Add{SMTP: []string{"AUTH=PLAIN LOGIN"}, IMAP: []string{"XYZZY"}, POP3: []string{"LOGIN-DELAY 300"}}},
	"imap4":          {Fault: &fault.Capabilities{IMAP: []string{"IMAP4"}, SMTP: []string{"8 BITMIME"}, POP3: []string{"TOP"}}},
	"inject":         {Fault: &fault.StartTLS{SMTP: "250 AUTH LOGIN", IMAP: "* CAPABILITY IMAP4rev1 AUTH=X\n{tag} OK done", POP3: "+OK"}},
	"vulnerable":     {Fault: &fault.StartTLS{Keep: true}},
	"greylist":       {Fault: &fault.Greylist{Wait: time.Hour, SMTP: "451 4.7.1 wait"}},
	"rate":           {Match: fault.Match{Command: []string{"MAIL"}}, Per: fault.PerConnection, Fault: &fault.RateLimit{Max: 2, Within: time.Hour, SMTP: "450 4.2.1 slow down"}},
	"only-login":     {Match: fault.Match{Mechanism: []string{"LOGIN"}}, Fault: &fault.Login{IMAP: "NO not that way"}},
	"drip":           {Fault: &fault.Drip{Bytes: 3, Every: time.Millisecond}},
	"login-answered": {Match: fault.Match{Command: []string{"LOGIN"}}, Fault: &fault.Reply{IMAP: "NO [UNAVAILABLE] not now"}},
	"challenge":      {Match: fault.Match{Command: []string{"AUTH"}}, Fault: &fault.Reply{SMTP: "334 ???"}},
	"bdat-refused":   {Match: fault.Match{Command: []string{"BDAT"}}, Fault: &fault.Reply{SMTP: "451 4.3.0 Not now"}},
}

func edit(find, put string) *fault.EditReply {
	e := &fault.EditReply{Find: find, Put: put}
	if err := e.Validate(); err != nil {
		panic(err)
	}
	return e
}

func TestDialogues(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob("testdata/*.txt")
	if len(files) == 0 {
		t.Fatal("no dialogues in testdata")
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			d := parseDialogue(t, file)
			r := newRig(t, options{protocol: d.protocol, port: d.port, tls: d.tls, rules: d.rules})
			if d.tls {
				if err := r.startTLS(); err != nil {
					t.Fatal(err)
				}
			}
			r.play(file, d.steps)
		})
	}
}

func (r *rig) play(file string, steps []step) {
	r.t.Helper()
	for i := 0; i < len(steps); i++ {
		st := steps[i]
		where := fmt.Sprintf("%s:%d", file, st.line)
		r.conn.SetDeadline(time.Now().Add(10 * time.Second))
		switch st.op {
		case "C:", "C-":
			out := r.clientBytes(where, st)
			for i+1 < len(steps) && steps[i+1].op == "C+" {
				i++
				out += r.clientBytes(where, steps[i])
			}
			if _, err := r.conn.Write([]byte(out)); err != nil {
				r.t.Fatalf("%s: write: %v", where, err)
			}
		case "S:":
			line, err := r.br.ReadString('\n')
			if err != nil {
				r.t.Fatalf("%s: want %q, got %q, %v", where, st.text, line, err)
			}
			got := strings.TrimRight(line, "\r\n")
			if prefix, ok := strings.CutSuffix(st.text, "…"); ok {
				if !strings.HasPrefix(got, prefix) {
					r.t.Fatalf("%s:\n got %q\nwant %q", where, got, st.text)
				}
			} else if got != st.text {
				r.t.Fatalf("%s:\n got %q\nwant %q", where, got, st.text)
			}
		case "TLS":
			if err := r.startTLS(); err != nil {
				r.t.Fatalf("%s: %v", where, err)
			}
		case "CLOSED":
			if b, err := r.br.ReadByte(); err == nil {
				rest, _ := r.br.ReadString('\n')
				r.t.Fatalf("%s: the server says %q instead of closing", where, string(b)+rest)
			} else if os.IsTimeout(err) {
				r.t.Fatalf("%s: the server doesn't close", where)
			}
			r.conn.Close()
			r.awaitEnd(where)
		case "CLOSED12": // twelve bytes more, and no line end
			rest, err := io.ReadAll(r.br)
			if err != nil || string(rest) != st.text {
				r.t.Fatalf("%s: got %q, %v; want %q", where, rest, err, st.text)
			}
			r.conn.Close()
			r.awaitEnd(where)
		case "MESSAGE:":
			to, body, _ := strings.Cut(st.text, " ")
			if _, err := r.store.Deliver(to, mailbox.NewMessage([]byte(body+"\r\n"), time.Now(), mailbox.Envelope{})); err != nil {
				r.t.Fatal(err)
			}
		case "LEAVE":
			if err := r.conn.(*net.TCPConn).CloseWrite(); err != nil {
				r.t.Fatalf("%s: %v", where, err)
			}
		case "OVER":
			r.awaitEnd(where)
		case "MAIL:":
			var address string
			var n int
			fmt.Sscan(st.text, &address, &n)
			box, err := r.store.Account(address).Mailbox("INBOX")
			if err != nil {
				r.t.Fatal(err)
			}
			if got := len(box.Entries()); got != n {
				r.t.Errorf("%s: %d messages for %s, want %d", where, got, address, n)
			}
		case "LOG:", "NOLOG:":
			text := r.rec.Session().Dialogue()
			if strings.Contains(text, st.text) != (st.op == "LOG:") {
				r.t.Errorf("%s: %s %q\n%s", where, st.op, st.text, text)
			}
		default:
			r.t.Fatalf("%s: unknown step %q", where, st.op)
		}
	}
}

func (r *rig) awaitEnd(where string) {
	r.t.Helper()
	select {
	case <-r.over:
	case <-time.After(10 * time.Second):
		r.t.Fatalf("%s: the engine doesn't end", where)
	}
}

func (r *rig) clientBytes(where string, st step) string {
	if st.op != "C-" {
		return st.text + "\r\n"
	}
	out, err := strconv.Unquote(`"` + st.text + `"`)
	if err != nil {
		r.t.Fatalf("%s: %v", where, err)
	}
	return out
}
