package gate_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
)

// ask sends s and returns the next line from the server.
func (r *rig) ask(s string) string {
	r.t.Helper()
	r.conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(r.conn, s); err != nil {
		r.t.Fatal(err)
	}
	line, _ := r.br.ReadString('\n')
	return line
}

// script starts a rig and exchanges lines with it: each line that is sent is followed by the beginning of the answer.
// An empty answer means that nothing is read; "…" skips lines up to the one that begins with what follows.
func script(t *testing.T, o options, steps ...string) *rig {
	t.Helper()
	r := newRig(t, o)
	if o.tls {
		if err := r.startTLS(); err != nil {
			t.Fatal(err)
		}
	}
	r.ask("") // the greeting
	for i := 0; i+1 < len(steps); i += 2 {
		if steps[i+1] == "" {
			if _, err := io.WriteString(r.conn, steps[i]); err != nil {
				t.Fatal(err)
			}
			continue
		}
		got := r.ask(steps[i])
		want, skip := strings.CutPrefix(steps[i+1], "…")
		for skip && got != "" && !strings.HasPrefix(got, want) {
			got = r.ask("")
		}
		if !strings.HasPrefix(got, want) {
			t.Fatalf("%q: got %q, want %q", steps[i], got, want)
		}
	}
	return r
}

// on makes a rule for one command.
func on(command string, f fault.Fault) fault.Rule {
	return fault.Rule{Scenario: "test", Match: fault.Match{Command: []string{command}}, Fault: f}
}

// TestSteps checks that gate, engine and client agree on which bytes belong to which command.
func TestSteps(t *testing.T) {
	t.Parallel()
	slow := func(command string) func(context.Context, string) *fault.Plan {
		return func(context.Context, string) *fault.Plan {
			return fault.Compile([]string{"slow"}, []fault.Rule{on(command, &fault.DelayReply{Delay: 50 * time.Millisecond})})
		}
	}
	long := strings.Repeat("x", 60000)
	for _, tc := range []struct {
		name  string
		o     options
		steps []string
	}{
		{"a user's own delay doesn't swap pipelined POP3 commands", options{protocol: "pop3", port: 110, tls: true, plan: slow("USER")},
			[]string{"USER alice\r\nPASS secret\r\n", "+OK", "", "+OK", "STAT\r\n", "+OK"}},
		{"a user's own delay doesn't swap pipelined SMTP commands", options{protocol: "smtp", port: 25, plan: slow("MAIL")},
			[]string{"HELO x\r\n", "250", "MAIL FROM:<alice@example.test>\r\nRCPT TO:<bob@example.test>\r\n", "250", "", "250", "NOOP\r\n", "250"}},
		{"what becomes of a message ends with the message", options{protocol: "imap", port: 143, tls: true,
			rules: []fault.Rule{{Times: 1, Per: fault.PerConnection, Fault: &fault.CutMessage{After: 2, How: fault.EndClose}}}},
			[]string{"a1 LOGIN alice secret\r\n", "…a1 OK", "a2 APPEND INBOX (bogus {20+}\r\n01234567890123456789\r\n", "a2 BAD",
				"a3 CREATE {5+}\r\nboxes\r\n", "a3 OK", "a4 NOOP\r\n", "a4 OK"}},
		{"EHLO ends a transaction", options{protocol: "smtp", port: 25},
			[]string{"HELO x\r\n", "250", "MAIL FROM:<a@b.test>\r\n", "250", "RCPT TO:<a@b.test>\r\n", "250", "EHLO x\r\n", "…250 ",
				"BDAT 5\r\nhello", "50", "NOOP\r\n", "250"}},
		{"a line that is too long has its literal skipped", options{protocol: "imap", port: 143, tls: true},
			[]string{"a1 LOGIN alice secret\r\n", "…a1 OK", "a2 CREATE " + long + " {11+}\r\nz1 LOGOUT\r\n\r\n", "a2 BAD Command line too long", "a3 NOOP\r\n", "a3 OK"}},
		{"a long line has no tag if it may be a secret", options{protocol: "imap", port: 143, tls: true},
			[]string{long + "\r\n", "* BAD", "a1 AUTHENTICATE NOSUCH\r\n", "a1 NO", "Hunter2 " + long + "\r\n", "* BAD", "a3 NOOP " + long + "\r\n", "a3 BAD"}},
		{"a literal that is too large to be read is refused first", options{protocol: "imap", port: 143, tls: true},
			[]string{"a1 LOGIN alice secret\r\n", "…a1 OK", "a2 APPEND {5+}\r\nINBOX {999999999+}\r\n", "a2 NO [TOOBIG]", "", "* BYE"}},
		{"and so has the rest of a command", options{protocol: "imap", port: 143, tls: true},
			[]string{"a1 LOGIN alice secret\r\n", "…a1 OK", "a2 RENAME {1+}\r\na " + long + " {11+}\r\nz1 LOGOUT\r\n\r\n", "…a2 BAD", "a3 NOOP\r\n", "a3 OK"}},
		{"a reply has the tag as the client sent it", options{protocol: "imap", port: 143, tls: true,
			rules: []fault.Rule{on("LOGIN", &fault.Reply{Texts: fault.Texts{"imap": "NO x"}})}},
			[]string{"pass:7 LOGIN a b\r\n", "pass:7 NO x"}},
		{"a reply to IDLE has its tag, however it ends", options{protocol: "imap", port: 143, tls: true,
			rules: []fault.Rule{on("IDLE", &fault.ReplaceReply{Texts: fault.Texts{"imap": "NO x"}})}},
			[]string{"a1 LOGIN alice secret\r\n", "…a1 OK", "a2 IDLE\r\n", "+", "a9 NOOP\r\n", "a2 NO x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			script(t, tc.o, tc.steps...)
		})
	}
}

// TestSecretsOutside checks lines that aren't part of a dialogue any more, and words that aren't commands. Either may be
// a password.
func TestSecretsOutside(t *testing.T) {
	t.Parallel()
	silent := func(command string) []fault.Rule {
		return []fault.Rule{on(command, &fault.EndConnection{How: fault.EndSilence})}
	}
	say := []fault.Rule{{Scenario: "test", Fault: &fault.Say{Texts: fault.Texts{"smtp": "250-hi", "pop3": "+OK hi"}}}}
	for _, tc := range []struct {
		name  string
		o     options
		steps []string
		shown string // a word of the dialogue that is still recorded
	}{
		{"silence after a BDAT that was given up", options{protocol: "smtp", port: 25, rules: silent("NOOP")},
			[]string{"HELO x\r\n", "250", "MAIL FROM:<a@b.test>\r\n", "250", "RCPT TO:<a@b.test>\r\n", "250", "BDAT 5\r\nhello", "250",
				"RSET\r\n", "250", "NOOP\r\nAUTH PLAIN Hunter2\r\n", ""}, "NOOP"},
		{"silence after an APPEND that was refused", options{protocol: "imap", port: 143, tls: true, rules: silent("NOOP")},
			[]string{"a1 LOGIN alice secret\r\n", "…a1 OK", "a2 APPEND INBOX {0+}\r\n\r\n", "a2 ",
				"a3 NOOP\r\na4 LOGIN bob Hunter2\r\n", ""}, "NOOP"},
		{"silence on a LOGIN with literals", options{protocol: "imap", port: 143, tls: true, rules: silent("LOGIN")},
			[]string{"a1 LOGIN {3+}\r\nbob {7+}\r\nHunter2\r\na2 LOGOUT\r\n", ""}, "LOGOUT"},
		{"a line after a failed AUTH", options{protocol: "smtp", port: 587, rules: say},
			[]string{"AUTH NOSUCH\r\n", "250-hi", "", "50", "Hunter2\r\n", "250-hi", "", "50"}, "AUTH"},
		{"a colon behind PASS", options{protocol: "pop3", port: 110, rules: say},
			[]string{"USER bob\r\n", "+OK hi", "", "+OK", "PASS:Hunter2\r\n", "+OK hi", "", "-ERR"}, "USER"},
		{"a tab behind PASS", options{protocol: "pop3", port: 110, rules: say},
			[]string{"USER bob\r\n", "+OK hi", "", "+OK", "PASS\tHunter2\r\n", "+OK hi", "", "-ERR"}, "USER"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := script(t, tc.o, tc.steps...)
			time.Sleep(100 * time.Millisecond)
			r.conn.Close()
			<-r.over
			record := r.rec.Record()
			whole := r.dialogue()
			for _, e := range record.Events {
				if a, ok := e.What.(*event.Acted); ok {
					whole += "\n" + a.Command
				}
			}
			if strings.Contains(strings.ToUpper(whole), "HUNTER2") {
				t.Error("the password is recorded:\n" + whole)
			}
			if !strings.Contains(whole, tc.shown) {
				t.Errorf("%s isn't recorded:\n%s", tc.shown, whole)
			}
		})
	}
}

// TestRefusedMailKeepsSender checks that rules match on the transaction that the engine has, not on a MAIL that was
// refused.
func TestRefusedMailKeepsSender(t *testing.T) {
	t.Parallel()
	refuse := fault.Rule{Scenario: "test", Match: fault.Match{Command: []string{"MAIL"}, Sender: []string{"eve@b.test"}},
		Fault: &fault.Reply{Texts: fault.Texts{"smtp": "550 5.7.1 Not you"}}}
	mark := fault.Rule{Scenario: "test", Match: fault.Match{Command: []string{"RCPT"}, Sender: []string{"eve@b.test"}},
		Fault: &fault.Reply{Texts: fault.Texts{"smtp": "551 5.7.1 Eve's"}}}
	begin := []string{"HELO x\r\n", "250", "MAIL FROM:<a@b.test>\r\n", "250", "RCPT TO:<a@b.test>\r\n", "250"}
	t.Run("by a scenario", func(t *testing.T) {
		t.Parallel()
		script(t, options{protocol: "smtp", port: 25, rules: []fault.Rule{refuse, mark}}, append(begin,
			"MAIL FROM:<eve@b.test>\r\n", "550", "RCPT TO:<c@b.test>\r\n", "250")...)
	})
	t.Run("between chunks", func(t *testing.T) {
		t.Parallel()
		late := fault.Rule{Scenario: "test", Match: fault.Match{Command: []string{"NOOP"}, Sender: []string{"eve@b.test"}},
			Fault: &fault.Reply{Texts: fault.Texts{"smtp": "551 5.7.1 Eve's"}}}
		script(t, options{protocol: "smtp", port: 25, rules: []fault.Rule{late}}, append(begin,
			"BDAT 5\r\nhello", "250", "MAIL FROM:<eve@b.test>\r\n", "503", "NOOP\r\n", "250")...)
	})
}

// TestEarly checks which commands are recorded as sent before the reply to the previous one.
func TestEarly(t *testing.T) {
	t.Parallel()
	delayed := on("HELO", &fault.DelayReply{Delay: 300 * time.Millisecond})
	delayed.Scenario = "test"
	r := script(t, options{protocol: "smtp", port: 25, rules: []fault.Rule{delayed}}, "HELO x\r\n", "")
	r.until("the delay is in the record", event.Has[*event.Delayed])
	io.WriteString(r.conn, "NOOP\r\n") // during the delay
	r.ask("")
	r.ask("")
	r.ask("RSET\r\n")
	r.conn.Close()
	<-r.over
	early := map[string]bool{}
	for _, e := range r.rec.Record().Events {
		if c, ok := e.What.(*event.Command); ok {
			early[c.Verb] = c.Early
		}
	}
	if early["HELO"] || !early["NOOP"] || early["RSET"] || len(early) != 3 {
		t.Errorf("early: %v", early)
	}
}

// TestPipelinedBehindInjection checks that the wait for a client's belief doesn't make it one that pipelines.
func TestPipelinedBehindInjection(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{protocol: "smtp", port: 25, rules: []fault.Rule{{Scenario: "test", Fault: &fault.StartTLS{Texts: fault.Texts{"smtp": "250 OK INJECTED"}}}}})
	r.ask("")
	r.ask("STARTTLS\r\n")
	r.ask("") // the injected line
	if err := r.startTLS(); err != nil {
		t.Fatal(err)
	}
	io.WriteString(r.conn, "HELO x\r\n")
	r.until("both commands are in the record", func(record *event.Record) bool { return record.Counts.Commands >= 2 })
	io.WriteString(r.conn, "NOOP\r\n")
	r.ask("")
	r.ask("")
	if record := r.rec.Record(); !record.Noticed(event.TookInjected) || record.Noticed(event.Pipelined) {
		t.Error("noticed:\n" + r.dialogue())
	}
}
