package server_test

import (
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

func TestMetrics(t *testing.T) {
	t.Parallel()
	list, err := scenarios.Load("auth-wrong-password")
	if err != nil {
		t.Fatal(err)
	}
	s := start(t, server.Config{HTTP: "127.0.0.1:0", Version: "v1", Scenarios: list})
	a := newAPI(t, s)
	deliver(t, s, "alice", "Subject: x\n\n")
	c := dial(t, s, 143)
	for _, step := range [][2]string{{"", "* OK"}, {"a LOGIN alice secret", "a NO"}, {"b LOGOUT", "* BYE"}} {
		if err := c.say(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	missing := ""
	for deadline := time.Now().Add(hang); time.Now().Before(deadline); {
		_, text := a.do(200, "GET", "/metrics", "", "")
		missing = ""
		for _, line := range []string{
			`mailrig_connections_total{door="143",ended_by="server",protocol="imap"} 1`, `mailrig_logins_total{door="143",mechanism="LOGIN",outcome="refused"} 1`,
			`mailrig_faults_total{kind="login"} 1`, `mailrig_findings_total{id="password-sent-in-clear",severity="error"} 1`, `mailrig_session_duration_seconds_count{protocol="imap"} 1`,
			`mailrig_store_messages 1`, `mailrig_store_accounts 1`, `mailrig_store_arrivals_total 1`, `mailrig_connections_open 0`, `mailrig_memory_reserved_bytes{part="mail"} `,
			`mailrig_memory_limit_bytes `, `mailrig_build_info{version="v1"} 1`, `mailrig_bytes_total{direction="in",door="143"} `,
		} {
			if !strings.Contains(text, "\n"+line) {
				missing += line + "\n" + text
			}
		}
		for _, line := range strings.Split(text, "\n") {
			if line != "" && !strings.HasPrefix(line, "#") && !strings.HasPrefix(line, "mailrig_") {
				t.Errorf("a foreign name: %s", line)
			}
		}
		if missing == "" {
			return
		}
	}
	t.Errorf("missing: %s", missing)
}
