package gate_test

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/certs"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/imapd"
	"github.com/mailrig/mailrig/internal/popd"
	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
	"github.com/mailrig/mailrig/internal/session"
	"github.com/mailrig/mailrig/internal/smtpd"
	"github.com/mailrig/mailrig/internal/spool"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/kept"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/store/shared"
	"github.com/mailrig/mailrig/internal/testkit/dialogue"
	"github.com/mailrig/mailrig/internal/testkit/pgserver"
	"github.com/mailrig/mailrig/internal/transcript"
)

// hang is how long a test waits for something that should have happened. A test that passes never waits that long.
const hang = 2 * time.Minute

// rig is one gate with a real engine behind it and a client in front of it.
type rig struct {
	t     testing.TB
	ca    *certs.CA
	store store.Store
	rec   *event.Recorder
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
	commands []imapd.Command                           // beside the engine; nil means mailrig's own
	plan     func(context.Context, string) *fault.Plan // of one user alone
	edit     func(*gate.Config)
	store    store.Store // nil means an empty one
	maxBytes int64       // of a message; 0 means 1 MiB
	spool    spool.Room
}

func newRig(t testing.TB, o options) *rig {
	t.Helper()
	ca, err := sharedCA()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, ca: ca, store: o.store, over: make(chan struct{})}
	if r.store == nil {
		r.store = memory.New(memory.Options{MaxMessageBytes: 1 << 20})
	}
	maxBytes := cmp.Or(o.maxBytes, 1<<20)
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
	spoken := protocol.Find(all.Protocols(), o.protocol)
	ctx, cancel := context.WithCancel(t.Context())
	ses := session.New(ctx, &session.Shared{
		Store: r.store, Authority: secretOnly{}, Mechanisms: identity.Mechanisms(), MaxMessageBytes: maxBytes,
		Journal: event.NewRing(event.Options{Keep: 10}), Tags: session.NewTags(), Plan: o.plan, Logger: slog.New(slog.DiscardHandler),
	}, doorOf(o.port, o.tls), raw, plan)
	r.rec = ses.Recorder()
	cfg := gate.Config{
		Rig: &gate.Rig{
			Protocols: all.Protocols(), Masker: protocol.NewMasker(all.Protocols()), Certificate: ca.Certificate,
			Domain: "mail.example.test", MailDomain: "example.test", MaxMessageBytes: maxBytes, Spool: o.spool,
		},
		Protocol: spoken, TLS: o.tls, StartTLS: !o.tls,
		Engine: func(c *gate.Conn) {
			ses.Begin(c)
			switch o.protocol {
			case "smtp":
				smtpd.Serve(c, smtpd.Config{Session: ses, Store: r.store, Spool: o.spool, Domain: "mail.example.test"})
			case "imap":
				phase := imapd.New(imapd.Config{Store: r.store, Session: ses, Commands: o.commands})
				c.Beside(phase.Beside())
				phase.Serve(c)
			default:
				e := popd.New(popd.Config{Store: r.store, Session: ses}).Server()
				go e.ServeConn(c)
			}
		},
		Needs: ses, Fault: ses.Plan(), Recorder: r.rec,
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
		case <-time.After(hang):
			t.Error("the connection's engine hasn't ended long after its client left")
		}
		if t.Failed() {
			t.Log("transcript:\n" + r.dialogue())
		}
	})
	return r
}

// dialogue returns the transcript so far.
func (r *rig) dialogue() string { return transcript.Of(r.rec.Record()).Dialogue() }

// secretOnly lets everybody log in with the password "secret".
type secretOnly struct{ identity.Anyone }

func (secretOnly) Password(_ context.Context, _, password string) (bool, error) {
	return password == "secret", nil
}

// doorOf returns the door with this port. If tls is set, it returns one that begins TLS with the first byte.
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
	c.SetDeadline(time.Now().Add(hang))
	if err := c.Handshake(); err != nil {
		return err
	}
	r.conn = c
	r.br = bufio.NewReader(c)
	return nil
}

// rules are the rules that a dialogue may name as "rule: NAME".
var rules = map[string]fault.Rule{
	"hide-starttls":  {Fault: &fault.Hide{"STARTTLS"}},
	"strip-starttls": {Fault: &fault.Strip{"STARTTLS"}},
	"hide-auth":      {Fault: &fault.Hide{"AUTH"}},
	"hide-chunking":  {Fault: &fault.Hide{"CHUNKING"}},
	"hide-8bit":      {Fault: &fault.Hide{"8BITMIME", "BINARYMIME", "SMTPUTF8"}},
	"hello-answered": {Match: fault.Match{Command: []string{"EHLO", "RSET"}}, Fault: &fault.Reply{Texts: fault.Texts{"smtp": "250 mail.example.test"}}},
	"bdat-once":      {Match: fault.Match{Command: []string{"BDAT"}}, Times: 1, Per: fault.PerConnection, Fault: &fault.Reply{Texts: fault.Texts{"smtp": "451 4.3.0 Not now"}}},
	"late":           {Fault: &fault.DelayFinalReply{Delay: time.Millisecond}},
	"hide-id":        {Fault: &fault.Hide{"ID", "IDLE"}},
	"greeting":       {Fault: &fault.Greeting{Texts: fault.Texts{"smtp": "220-smtp-out.isp.example\n220 ESMTP proxy", "imap": "OK [CAPABILITY IMAP4rev1] hello", "pop3": "+OK hello"}}},
	"starttls-refused": {Match: fault.Match{Command: []string{"STARTTLS"}},
		Fault: &fault.Reply{Texts: fault.Texts{"smtp": "454 4.7.0 TLS not available due to temporary reason", "imap": "NO not now", "pop3": "-ERR not now"}}},
	"greylisting": {Match: fault.Match{Command: []string{"RCPT"}}, Times: 1, Per: fault.PerEnvelope,
		Fault: &fault.Reply{Texts: fault.Texts{"smtp": "451 4.7.1 Greylisted"}}},
	"second-rcpt":    {Match: fault.Match{Command: []string{"RCPT"}}, Skip: 1, Times: 1, Per: fault.PerConnection, Fault: &fault.Reply{Texts: fault.Texts{"smtp": "550-5.1.1 No such\n550 5.1.1 user"}}},
	"421":            {Match: fault.Match{Command: []string{"NOOP"}}, Fault: &fault.Reply{Texts: fault.Texts{"smtp": "421 4.3.2 Service not available", "imap": "BYE Session expired"}}},
	"raw-noop":       {Match: fault.Match{Command: []string{"NOOP"}}, Fault: &fault.Reply{Raw: "* 1 EXISTS\r\n{tag} OK raw\r\n"}},
	"raw-starttls":   {Fault: &fault.StartTLS{Raw: "{tag} OK raw TLS\r\n"}},
	"sent-locked":    {Match: fault.Match{Mailbox: []string{"Sent*"}}, Fault: &fault.Reply{Texts: fault.Texts{"imap": "NO [INUSE] Sent is locked"}}},
	"read-only-box":  {Match: fault.Match{Command: []string{"STORE", "UID COPY"}, Mailbox: []string{"Entwürfe", "trash"}}, Fault: &fault.Reply{Texts: fault.Texts{"imap": "NO not here"}}},
	"append-full":    {Match: fault.Match{Command: []string{"APPEND", "COPY"}}, Fault: &fault.Reply{Texts: fault.Texts{"imap": "NO [OVERQUOTA] Quota exceeded"}}},
	"cut-close":      {Fault: &fault.CutMessage{After: 20, How: fault.EndClose}},
	"bad-login":      {Fault: &fault.Login{Texts: fault.Texts{"smtp": "534-5.7.9 Application-specific password required.\n534 5.7.9 https://example.test", "imap": "NO [ALERT] Application-specific password required", "pop3": "-ERR [AUTH] Application-specific password required"}}},
	"noop-closes":    {Match: fault.Match{Command: []string{"NOOP"}}, Fault: &fault.Reply{Texts: fault.Texts{"pop3": "-ERR gone"}, Then: fault.EndClose}},
	"only-alice":     {Match: fault.Match{User: []string{"alice*"}}, Fault: &fault.Login{Texts: fault.Texts{"imap": "NO alice may not"}}},
	"cut-reply":      {Fault: &fault.CutMessage{In: fault.InReply, How: fault.EndClose}},
	"cut-download":   {Fault: &fault.CutMessage{In: fault.InDownload, After: 12, How: fault.EndClose}},
	"end-on-noop":    {Match: fault.Match{Command: []string{"NOOP"}}, Fault: &fault.EndConnection{How: fault.EndClose}},
	"silence":        {Match: fault.Match{Command: []string{"NOOP"}}, Fault: &fault.EndConnection{How: fault.EndSilence}},
	"alert":          {Match: fault.Match{Command: []string{"NOOP", "LIST"}}, Fault: &fault.Say{Texts: fault.Texts{"imap": "* OK [ALERT] System shutdown\n* 3 EXISTS", "pop3": "+OK surprise"}}},
	"spam":           {Match: fault.Match{Command: []string{"DATA"}}, Fault: &fault.ReplaceReply{Texts: fault.Texts{"smtp": "554 5.7.1 Message rejected as spam", "pop3": "-ERR x"}}},
	"login-lies":     {Match: fault.Match{Command: []string{"LOGIN", "LIST", "EHLO"}}, Fault: &fault.ReplaceReply{Texts: fault.Texts{"imap": "NO [SERVERBUG] oops", "pop3": "-ERR [SYS/TEMP] oops", "smtp": "500 5.5.1 What"}}},
	"uidvalidity":    {Match: fault.Match{Command: []string{"SELECT"}}, Fault: edit(`UIDVALIDITY \d+`, "UIDVALIDITY 7")},
	"no-flags":       {Match: fault.Match{Command: []string{"SELECT"}}, Fault: edit(`^\* FLAGS.*`, "")},
	"uidl":           {Match: fault.Match{Command: []string{"UIDL"}}, Fault: edit(`^(\d+) .*`, "$1 same")},
	"add":            {Fault: &fault.Add{Lists: fault.Lists{"smtp": {"AUTH=PLAIN LOGIN"}, "imap": {"XYZZY"}, "pop3": {"LOGIN-DELAY 300"}}}},
	"imap4":          {Fault: &fault.Capabilities{Lists: fault.Lists{"imap": {"IMAP4"}, "smtp": {"8 BITMIME"}, "pop3": {"TOP"}}}},
	"inject":         {Fault: &fault.StartTLS{Texts: fault.Texts{"smtp": "250 AUTH LOGIN", "imap": "* CAPABILITY IMAP4rev1 AUTH=X\n{tag} OK done", "pop3": "+OK"}}},
	"vulnerable":     {Fault: &fault.StartTLS{Keep: true}},
	"greylist":       {Fault: &fault.Greylist{Wait: time.Hour, SMTP: "451 4.7.1 wait"}},
	"rate":           {Match: fault.Match{Command: []string{"MAIL"}}, Per: fault.PerConnection, Fault: &fault.RateLimit{Max: 2, Within: time.Hour, Texts: fault.Texts{"smtp": "450 4.2.1 slow down"}}},
	"only-login":     {Match: fault.Match{Mechanism: []string{"LOGIN"}}, Fault: &fault.Login{Texts: fault.Texts{"imap": "NO not that way"}}},
	"drip":           {Fault: &fault.Drip{Bytes: 3, Every: time.Millisecond}},
	"login-answered": {Match: fault.Match{Command: []string{"LOGIN"}}, Fault: &fault.Reply{Texts: fault.Texts{"imap": "NO [UNAVAILABLE] not now"}}},
	"challenge":      {Match: fault.Match{Command: []string{"AUTH"}}, Fault: &fault.Reply{Texts: fault.Texts{"smtp": "334 ???"}}},
	"bdat-refused":   {Match: fault.Match{Command: []string{"BDAT"}}, Fault: &fault.Reply{Texts: fault.Texts{"smtp": "451 4.3.0 Not now"}}},
}

func edit(find, put string) *fault.EditReply {
	e := &fault.EditReply{Find: find, Put: put}
	if err := e.Validate(); err != nil {
		panic(err)
	}
	return e
}

// TestDialogues plays testdata/*.txt; package dialogue explains the notation. These files also use:
//
//	protocol: imap            at the top, like "port: 587", "tls" and "rule: NAME" (see rules)
//	TLS                       the client does the handshake
//	MESSAGE: address line     delivers a message of one line
//	OVER                      the engine has ended; this must also hold after CLOSED
//	MAIL: address n           n messages are in the address's INBOX
//	LOG: text                 the transcript contains this text
//	NOLOG: text               the transcript doesn't contain it
func TestDialogues(t *testing.T) {
	t.Parallel()
	dialogue.Each(t, "testdata/*.txt", func(t *testing.T, file string) { playDialogue(t, file, nil) })
}

// TestKeptDialogues plays the same dialogues, of all three protocols, with the store in a directory.
func TestKeptDialogues(t *testing.T) {
	t.Parallel()
	dialogue.Each(t, "testdata/*.txt", func(t *testing.T, file string) {
		st, err := kept.Open(t.TempDir(), kept.Options{MaxMessageBytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := st.Close(); err != nil {
				t.Error(err)
			}
		})
		playDialogue(t, file, st)
	})
}

// TestSharedDialogues plays the same dialogues, of all three protocols, with the store in a database.
func TestSharedDialogues(t *testing.T) {
	t.Parallel()
	var db pgserver.Server
	t.Cleanup(db.Stop)
	dialogue.Each(t, "testdata/*.txt", func(t *testing.T, file string) {
		playDialogue(t, file, sharedStore(t, db.Database(t), shared.Options{MaxMessageBytes: 1 << 20}))
	})
}

// sharedStore returns the store in a database.
func sharedStore(t testing.TB, url string, o shared.Options) store.Store {
	db, err := postgres.Open(t.Context(), url, postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	st, err := shared.Open(t.Context(), db, o)
	if err != nil {
		t.Fatal(errors.Join(err, db.Close()))
	}
	t.Cleanup(func() {
		if err := errors.Join(st.Close(), db.Close()); err != nil {
			t.Error(err)
		}
	})
	return st
}

func playDialogue(t *testing.T, file string, st store.Store) {
	o := options{store: st}
	var r *rig
	p := &dialogue.Player{T: t}
	handshake := func(l *dialogue.Line) {
		if err := r.startTLS(); err != nil {
			t.Fatalf("%s: %v", l.Where(), err)
		}
		p.Use("", r.conn)
	}
	open := func() *rig { p.Open(""); return r }
	p.Dial = func(string) net.Conn {
		r = newRig(t, o)
		if o.tls {
			if err := r.startTLS(); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
		return r.conn
	}
	p.Ended = func(l *dialogue.Line) { r.awaitEnd(l.Where()) }
	logged := func(l *dialogue.Line) {
		if text := r.dialogue(); strings.Contains(text, l.Text) != (l.Word == "LOG:") {
			t.Errorf("%s: %s %q\n%s", l.Where(), l.Word, l.Text, text)
		}
	}
	p.Words = map[string]func(*dialogue.Line){
		"protocol:": func(l *dialogue.Line) {
			o.protocol, o.port = l.Text, map[string]int{"smtp": 25, "imap": 143, "pop3": 110}[l.Text]
		},
		"port:": func(l *dialogue.Line) { o.port, _ = strconv.Atoi(l.Text) },
		"tls":   func(*dialogue.Line) { o.tls = true },
		"rule:": func(l *dialogue.Line) {
			rule, ok := rules[l.Text]
			if !ok {
				t.Fatalf("%s: no rule %q", l.Where(), l.Text)
			}
			rule.Scenario = l.Text
			o.rules = append(o.rules, rule)
		},
		"TLS":      handshake,
		"MESSAGE:": func(l *dialogue.Line) { open().deliver(l) },
		"OVER":     func(l *dialogue.Line) { r.awaitEnd(l.Where()) },
		"MAIL:":    func(l *dialogue.Line) { r.countMail(l) },
		"LOG:":     logged,
		"NOLOG:":   logged,
	}
	p.Play(file)
}

func (r *rig) deliver(l *dialogue.Line) {
	r.t.Helper()
	to, body, _ := strings.Cut(l.Text, " ")
	in := store.Incoming{Content: store.Bytes(body + "\r\n")}
	if _, err := r.store.Deliver(r.t.Context(), []string{to}, in); err != nil {
		r.t.Fatalf("%s: %v", l.Where(), err)
	}
}

func (r *rig) countMail(l *dialogue.Line) {
	r.t.Helper()
	address, want, _ := strings.Cut(l.Text, " ")
	box, err := r.store.Mailbox(r.t.Context(), address, "INBOX")
	if err != nil {
		r.t.Fatalf("%s: %v", l.Where(), err)
	}
	st, err := r.store.Status(r.t.Context(), box.ID)
	if err != nil {
		r.t.Fatalf("%s: %v", l.Where(), err)
	}
	if got := strconv.Itoa(int(st.Messages)); got != want {
		r.t.Errorf("%s: %s messages for %s, want %s", l.Where(), got, address, want)
	}
}

func (r *rig) awaitEnd(where string) {
	r.t.Helper()
	select {
	case <-r.over:
	case <-time.After(hang):
		r.t.Fatalf("%s: the engine doesn't end", where)
	}
}

// until waits until something has been recorded.
func (r *rig) until(what string, ok func(*event.Record) bool) {
	r.t.Helper()
	deadline := time.After(hang)
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	for !ok(r.rec.Record()) {
		select {
		case <-again.C:
		case <-deadline:
			r.t.Fatalf("still not after %v: %s", hang, what)
		}
	}
}
