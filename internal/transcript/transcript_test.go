package transcript

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/testkit/golden"
)

// still removes the clock's times from a record, so that it can be compared with a file.
func still(r *event.Record) *event.Record {
	s := *r
	s.Start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if !s.End.IsZero() {
		s.End = s.Start.Add(time.Second)
	}
	s.Events = append([]event.Event{}, s.Events...)
	for i := range s.Events {
		s.Events[i].At = 0
	}
	s.Logins = append([]event.Login{}, s.Logins...)
	for i := range s.Logins {
		s.Logins[i].At = 0
	}
	s.Messages = append([]event.Stored{}, s.Messages...)
	for i := range s.Messages {
		s.Messages[i].At = 0
	}
	return &s
}

// show returns a session as people and programs see it.
func show(t *testing.T, s *Session) string {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, b, "", "  "); err != nil {
		t.Fatal(err)
	}
	return s.Dialogue() + out.String() + "\n"
}

func command(r *event.Recorder, line string) {
	r.Command(&event.Command{Line: line, Bytes: int64(len(line)) + 2})
}

func masked(r *event.Recorder, line string) {
	r.Command(&event.Command{Line: line, Bytes: int64(len(line)) + 2, Secret: true})
}

func body(r *event.Recorder, text string) { r.Body(event.Client, []byte(text)) }

func reply(r *event.Recorder, line string) { r.Reply([]byte(line+"\r\n"), "") }

var (
	hello       = event.Hello{ServerName: "mail.example.test", StartTLS: true}
	established = event.Handshake{
		StartTLS: true, Outcome: event.Established, Version: tls.VersionTLS13, Cipher: tls.TLS_AES_128_GCM_SHA256, Certificate: "expired", Bad: true,
	}
)

// submission records a session that sends a message, with STARTTLS and two logins.
func submission(j event.Journal) *event.Recorder {
	r := j.Begin(event.Info{
		Door: 587, Service: "submission", Protocol: "smtp", Security: "starttls-required",
		Client: "127.0.0.1:50000", Server: "127.0.0.1:10587", Scenarios: []string{"greylisting"},
	})
	reply(r, "220 mail.example.test ready")
	command(r, "EHLO me")
	reply(r, "250-mail.example.test")
	reply(r, "250 STARTTLS")
	command(r, "STARTTLS")
	reply(r, "220 2.0.0 Ready to start TLS")
	r.Add(&event.Setting{Name: event.SetCertificate, Text: "expired"}, "expired-certificate")
	hello, established := hello, established // the recorder keeps and shortens what it gets
	r.Add(&hello, "")
	r.Add(&established, "")
	command(r, "EHLO me")
	reply(r, "250 AUTH PLAIN")
	masked(r, "AUTH PLAIN ***")
	r.Login(event.Login{User: "alice@example.test", Mechanism: "PLAIN", Injected: "temporary-login-failure", Password: "0a1b2c3d"})
	r.Reply([]byte("454 4.7.0 Temporary authentication failure\r\n"), "temporary-login-failure")
	command(r, "AUTH LOGIN")
	reply(r, "334 VXNlcm5hbWU6")
	r.Answer([]byte("***\r\n"))
	reply(r, "334 UGFzc3dvcmQ6")
	r.Answer([]byte("***\r\n"))
	r.Login(event.Login{User: "alice@example.test", Mechanism: "LOGIN", OK: true, Password: "0a1b2c3d"})
	reply(r, "235 2.7.0 Authentication succeeded")
	command(r, "MAIL FROM:<alice@example.test>")
	r.Notice(event.Pipelined, "")
	reply(r, "250 2.0.0 ok")
	command(r, "RCPT TO:<bob@example.test>")
	r.Add(&event.Acted{Kind: "delay", Command: "RCPT"}, "slow-replies")
	r.Add(&event.Delayed{Of: event.DelayedReply, For: 1500 * time.Millisecond}, "slow-replies")
	reply(r, "250 2.0.0 ok")
	command(r, "DATA")
	reply(r, "354 go")
	body(r, "Message-ID: <1@example.test>\r\nSubject: caf\xe9\r\n\r\n")
	r.Notice(event.BareLF, "")
	body(r, "a\nb\r\n")
	body(r, strings.Repeat("0123456789\r\n", 30))
	body(r, ".\r\n")
	r.EndBody(event.Client, event.Lines{BareLF: 1})
	r.Stored(event.Stored{MessageID: "<1@example.test>", From: "alice@example.test", Recipients: []string{"bob@example.test"}, Bytes: 420, Sum: "01234567-1a4"})
	r.MessageIn()
	r.Add(&event.Delayed{Of: event.DelayedFinalReply, For: 2 * time.Second}, "slow-final-reply")
	reply(r, "250 2.0.0 queued")
	r.Add(&event.Bouncing{Recipient: "bob@example.test", Sender: "alice@example.test", After: 3 * time.Second}, "bounce")
	command(r, "QUIT")
	reply(r, "221 2.0.0 bye")
	r.Add(&event.CloseNotify{}, "")
	r.End(event.EndedByServer)
	return r
}

// imap records a session with literals, which join the lines after them, and with words that nobody answers.
func imap(j event.Journal) *event.Recorder {
	r := j.Begin(event.Info{Door: 143, Service: "imap", Protocol: "imap", Security: "starttls", Client: "127.0.0.1:50001", Server: "127.0.0.1:10143"})
	r.Add(&event.Setting{Name: event.SetUser, Text: "alice"}, "preauth")
	r.Add(&event.Setting{Name: event.SetFill, N: 5000}, "huge-inbox")
	r.Add(&event.Setting{Name: event.SetRenumber, N: 10}, "uids-moved")
	reply(r, "* PREAUTH hello")
	masked(r, "a1 LOGIN alice ***")
	reply(r, "a1 BAD no")
	command(r, "a2 LOGIN {5}")
	reply(r, "+ go on")
	r.Answer([]byte("***\r\n"))
	body(r, "{6}\r\n")
	reply(r, "+ go on")
	r.Answer([]byte("***\r\n"))
	body(r, "***\r\n")
	r.Login(event.Login{User: "alice", Mechanism: "LOGIN", OK: true})
	reply(r, "a2 OK")
	command(r, "a3 APPEND INBOX {12+}")
	body(r, "A: b\r\n\r\nhi\r\n")
	r.EndBody(event.Client, event.Lines{})
	body(r, "\r\n")
	r.MessageIn()
	r.Stored(event.Stored{Recipients: []string{"alice"}, Bytes: 12, Sum: "x-c"})
	reply(r, "a3 OK")
	command(r, "a4 SEARCH SUBJECT {2+}")
	body(r, "hi")
	r.EndBody(event.Client, event.Lines{})
	body(r, " FROM {3+}\r\n")
	r.Add(&event.Acted{}, "")
	body(r, "bob")
	r.Overheard(event.HeardLine{}, 2)
	reply(r, "* SEARCH")
	r.Add(&event.Waiting{For: "command"}, "")
	reply(r, "a4 OK")
	command(r, "a5 FETCH 1 BODY[]")
	r.Add(&event.Setting{Name: event.SetExpunge, Numbers: []uint32{1, 2}}, "expunge")
	r.Add(&event.Setting{Name: event.SetDeliver, N: 3}, "expunge")
	reply(r, "* 1 FETCH (BODY[] {4}")
	r.MessageOut()
	r.Body(event.Server, []byte("ab"))
	r.Body(event.Server, []byte("\r\n"))
	reply(r, ")")
	reply(r, "a5 OK")
	command(r, "a6 IDLE")
	r.Notice(event.MuteIdle, "mute-idle")
	reply(r, "+ idling")
	r.Finish([]byte("DONE\r\n"), 6)
	reply(r, "a6 OK")
	command(r, "a7 AUTHENTICATE XOAUTH2")
	reply(r, "+ eyJ9")
	r.Answer([]byte("\r\n"))
	r.Notice(event.Acknowledged, "token-expired")
	r.Reply([]byte("a7 NO\r\n"), "token-expired")
	r.Reply([]byte("* BYE\r\n"), "token-expired")
	r.Answer([]byte("*\r\n"))
	r.Notice(event.NotAcknowledged, "token-expired")
	command(r, "caf\xe9 \x00\x1b[31m")
	reply(r, "* LIST "+strings.Repeat("x", 3000))
	command(r, "a8 SEARCH "+strings.Repeat("y", 3000))
	r.Add(&event.Silenced{Moment: event.AtDialogue}, "mute")
	r.Overheard(event.HeardLine{Text: "a9 NOOP", Verb: "NOOP"}, 9)
	r.Overheard(event.HeardLine{Text: "***", Secret: true}, 5)
	r.Overheard(event.HeardLine{Text: "***", Secret: true}, 5)
	r.End(event.EndedByScenario)
	return r
}

// remarks records a session with all other events.
func remarks(j event.Journal) *event.Recorder {
	r := j.Begin(event.Info{Door: 110, Service: "pop3", Protocol: "pop3", Security: "starttls", Client: "[::1]:50002", Server: "[::1]:10110"})
	r.Add(&event.Setting{Name: event.SetMessageLimit, N: 1000}, "small")
	r.Add(&event.Setting{Name: event.SetRecipientLimit, N: 2}, "small")
	r.Add(&event.Setting{Name: event.SetPace, N: 7, Each: 20 * time.Millisecond}, "dribble")
	r.Add(&event.Setting{Name: event.SetFirst, Text: "tls"}, "swapped")
	r.Add(&event.Delayed{Of: event.DelayedGreeting, For: 3 * time.Second}, "slow-greeting")
	r.Notice(event.SpokeEarly, "")
	r.Add(&event.Silenced{Moment: event.AtAccept, Instead: true}, "drop")
	r.Add(&event.Silenced{Moment: event.AtAccept}, "silent")
	r.Notice(event.CaptivePortal, "portal")
	r.Reply([]byte("HTTP/1.1 302 Found\r\nConnection: close\r\n\r\n"), "portal")
	r.Add(&event.Cut{Moment: event.AtAccept, How: "reset"}, "refuse")
	r.Add(&event.Cut{Moment: event.AtHandshake, How: "garbage"}, "garbage")
	r.Add(&event.Silenced{Moment: event.AtHandshake}, "stall")
	r.Add(&event.Cut{Moment: event.AtDialogue, How: "truncate"}, "cut")
	r.Add(&event.Waiting{For: event.AwaitsHello, Since: 3 * time.Second}, "")
	r.Add(&event.Handshake{Outcome: event.NoHandshake, Certificate: "correct"}, "")
	r.Add(&event.ClearOnTLS{StartTLS: true}, "")
	r.Add(&event.ClearOnTLS{Protocol: "HTTP"}, "")
	r.Add(&event.BehindSTARTTLS{Bytes: 12, Kept: true}, "injection")
	r.Add(&event.BehindSTARTTLS{Bytes: 12}, "")
	r.Notice(event.TookInjected, "")
	r.Notice(event.UnstuffedDot, "")
	r.Notice(event.LineTooLong, "")
	r.Notice(event.TurnedAway, "")
	r.Notice(event.TLSOnClearPort, "")
	r.Body(event.Server, []byte("x"))
	r.MessageOut()
	r.MessageOut()
	r.End(event.EndedByTimeout)
	return r
}

func TestAsBefore(t *testing.T) {
	t.Parallel()
	for name, record := range map[string]func(event.Journal) *event.Recorder{
		"submission": submission,
		"imap":       imap,
		"remarks":    remarks,
		"refused-certificate": func(j event.Journal) *event.Recorder {
			r := j.Begin(event.Info{Door: 993, Service: "imaps", Protocol: "imap", Security: "tls", Client: "127.0.0.1:50003", Server: "127.0.0.1:10993"})
			r.Add(&event.Hello{ServerName: "localhost"}, "")
			r.Add(&event.Handshake{Outcome: event.Established, Version: tls.VersionTLS13, Cipher: tls.TLS_AES_128_GCM_SHA256, Certificate: "correct"}, "")
			reply(r, "* OK")
			r.Add(&event.Alert{From: event.Client, Number: 48, Detail: "in other words"}, "")
			r.End(event.EndedByClient)
			return r
		},
		"tls-on-clear-port": func(j event.Journal) *event.Recorder {
			r := j.Begin(event.Info{Door: 143, Service: "imap", Protocol: "imap", Security: "starttls", Client: "127.0.0.1:50004", Server: "127.0.0.1:10143"})
			reply(r, "* OK")
			r.Add(&event.Hello{}, "")
			r.Add(&event.Handshake{Outcome: event.TLSOnClearDoor}, "")
			r.Overheard(event.HeardLine{Text: event.Escape([]byte("\x16\x03\x01\x02\x00\x01\xff"))}, 7)
			r.Notice(event.TLSOnClearPort, "")
			r.End(event.EndedByServer)
			return r
		},
		"knocked": func(j event.Journal) *event.Recorder {
			r := j.Begin(event.Info{Door: 25, Service: "smtp", Protocol: "smtp", Security: "starttls", Client: "unknown", Server: "127.0.0.1:10025", Scenarios: []string{"dropped"}})
			r.Notice(event.Knocked, "dropped")
			r.End(event.EndedByScenario)
			return r
		},
		"open": func(j event.Journal) *event.Recorder {
			r := j.Begin(event.Info{Door: 465, Service: "submissions", Protocol: "smtp", Security: "tls", Client: "127.0.0.1:50005", Server: "127.0.0.1:10465"})
			r.Add(&event.Hello{ServerName: "localhost"}, "") // the handshake is still going on
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := record(event.NewRing(event.Options{Keep: 1})).Record()
			golden.Check(t, "testdata/"+name+".txt", show(t, Of(still(r))))
		})
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	for _, x := range []event.TLS{
		{Hello: true, Handshake: event.Handshake{Outcome: event.RefusedByClient, Alert: 42, AlertFrom: event.Client, Detail: "in other words"}},
		{Hello: true, Handshake: event.Handshake{Outcome: event.LeftByClient, StartTLS: true}},
		{Handshake: event.Handshake{Outcome: event.NoHandshake, Detail: "in other words"}},
		{Hello: true, Handshake: event.Handshake{Outcome: event.StalledHandshake}},
		{Hello: true, ServerName: "localhost", Handshake: event.Handshake{
			Outcome: event.NoVersion, Alert: 70, AlertFrom: event.Server, Detail: "tls: client offered only unsupported versions: [302 301]",
		}},
		{Hello: true, Handshake: event.Handshake{Outcome: event.NoCipher, Detail: "tls: no cipher suite supported by both client and server"}},
		{Hello: true, Handshake: event.Handshake{Outcome: event.NoServerName, Detail: "the client didn't say which name it wants"}},
		{Hello: true, Handshake: event.Handshake{Outcome: event.NoClientCert, Detail: "tls: client didn't provide a certificate"}},
		{Handshake: event.Handshake{Outcome: event.NotTLS, Detail: "tls: first record does not look like a TLS handshake"}},
		{Hello: true, Handshake: event.Handshake{Outcome: event.SpoiltByScenario, Certificate: "expired", Spoilt: "garbage"}},
		{Handshake: event.Handshake{Outcome: event.NoCertificate, Certificate: "x", Detail: `the certificate's profile "x" is unknown`}},
		{Hello: true, Handshake: event.Handshake{
			Outcome: event.Established, StartTLS: true, Version: tls.VersionTLS12, Cipher: tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		}},
	} {
		if x.Certificate == "" {
			x.Certificate = "correct"
		}
		s := Of(&event.Record{TLS: &x})
		b, err := json.Marshal(s.TLS)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString(s.Encryption() + "\n" + string(b) + "\n")
	}
	golden.Check(t, "testdata/tls.txt", out.String())
}

// TestElided checks that the unit after the gap is known, and that nothing joins across the gap.
func TestElided(t *testing.T) {
	t.Parallel()
	heard := func() event.Event { return event.Event{What: &event.Body{From: event.Client, Head: "x", Bytes: 1}} }
	invisible := event.Event{What: &event.Acted{}}
	s := Of(&event.Record{Events: []event.Event{invisible, heard(), heard(), heard(), heard()}, Elided: 7, ElidedAt: 3})
	if len(s.Units) != 2 || s.ElidedAt != 1 || s.Elided != 7 || s.Units[0].Text != "xx" || s.Units[1].Bytes != 2 {
		t.Errorf("%+v", s)
	}
	if !strings.Contains(s.Dialogue(), "(7 units left out in the middle)") {
		t.Error(s.Dialogue())
	}
}

// TestOtherWords checks that other sentences can be used, and that only the sentences change.
func TestOtherWords(t *testing.T) {
	t.Parallel()
	upside := func(s string) string {
		b := []rune(s)
		for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
		return string(b)
	}
	down := Renderer{
		Words:   func(e *event.Event) Remark { r := Words(e); r.Text = upside(r.Text); return r },
		Failure: func(t *event.TLS) string { return upside(Failure(t)) },
	}
	j := event.NewRing(event.Options{Keep: 9})
	for _, record := range []func(event.Journal) *event.Recorder{submission, imap, remarks} {
		r := record(j)
		got, want := down.Of(r.Record()), Of(r.Record())
		changed := 0
		for i := range want.Units {
			if want.Units[i].From == FromRig {
				want.Units[i].Text = upside(want.Units[i].Text)
				changed++
			}
		}
		if want.TLS != nil {
			want.TLS.Error = upside(want.TLS.Error)
		}
		if changed == 0 || !reflect.DeepEqual(got, want) {
			t.Errorf("%d sentences; got\n%s\nwant\n%s", changed, got.Dialogue(), want.Dialogue())
		}
	}
}

func TestRecordsOf(t *testing.T) {
	t.Parallel()
	j := event.NewRing(event.Options{Keep: 9})
	submission(j)
	imap(j)
	records := j.Records()
	if got := Records(All(records)); !reflect.DeepEqual(got, records) || got[0] != records[0] {
		t.Errorf("%d of %d records", len(got), len(records))
	}
	var read Session
	b, err := json.Marshal(Of(records[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &read); err != nil {
		t.Fatal(err)
	}
	if Record(&read) != nil || read.Summary() != Of(records[0]).Summary() {
		t.Error("what was read from JSON")
	}
}

// TestEverySignHasWords fails if a sign, a setting or a delay has been added to package event without a sentence here.
func TestEverySignHasWords(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "../event/notice.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	said := map[string]bool{}
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			c := spec.(*ast.ValueSpec)
			if c.Type == nil {
				continue
			}
			value, err := strconv.Unquote(c.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			var what event.What
			switch typ := c.Type.(*ast.Ident).Name; typ {
			case "Sign":
				what = &event.Noticed{Sign: event.Sign(value)}
			case "SettingName":
				what = &event.Setting{Name: event.SettingName(value), Text: "x"}
			case "Delay":
				what = &event.Delayed{Of: event.Delay(value)}
			default:
				continue
			}
			text := Words(&event.Event{What: what}).Text
			if text == "" || strings.HasPrefix(text, " ") || said[text] {
				t.Errorf("%s: %q", c.Names[0].Name, text)
			}
			said[text] = true
		}
	}
	if len(said) < 20 {
		t.Errorf("%d sentences found", len(said))
	}
}
