package bounds

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// ask sends a request to the rig's API and reads the answer.
func (r *rig) ask(t *testing.T, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.http+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s %s: %s %s, %v", method, path, resp.Status, text, err)
	}
	return string(text)
}

// active shows what is active for everybody and for bob.
func (r *rig) active(t *testing.T) string {
	t.Helper()
	return r.ask(t, "GET", "/api/v1/scenario", "") + r.ask(t, "GET", "/api/v1/scenario?user=bob", "")
}

// inbox counts the messages in a user's INBOX.
func (r *rig) inbox(t *testing.T, user string) int {
	t.Helper()
	c, err := r.open(143)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.play("a LOGIN "+user+" x\r\n", "a OK"); err != nil {
		t.Fatal(err)
	}
	line, err := c.say("a STATUS INBOX (MESSAGES)\r\n", "* STATUS")
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if _, err := fmt.Sscanf(line[strings.LastIndex(line, "("):], "(MESSAGES %d)", &n); err != nil {
		t.Fatal(line, err)
	}
	return n
}

// TestKillState kills a mailrig (kill -9) as soon as it has answered a switch of scenarios, a message that is to arrive later, one
// that is to bounce, and a change of tags: all of it is there afterwards, what was due comes once, and no session's id comes
// again.
func TestKillState(t *testing.T) {
	if *only != "" && !strings.Contains(*only, "kill") {
		t.Skip("not asked for")
	}
	program, dir := compile(t), t.TempDir()
	const later = `{"inline":[{"file":"later.yaml","yaml":"name: later\ntitle: t\nstory: s\nrules:\n  - {match: {recipient: \"gone@*\"}, bounce: {after: 2s}}\n  - {match: {recipient: \"late@*\"}, delivery: {after: 2s}}\n"}]}`
	ids := map[string]bool{}
	latest := 0
	const rounds = 3
	for round := range rounds {
		r := run(t, []string{program}, io.Discard, "--data", dir)
		r.ask(t, "PUT", "/api/v1/scenario", later)
		r.ask(t, "PUT", "/api/v1/scenario?user=bob", `{"scenarios":["mailbox-full"]}`)
		r.ask(t, "PUT", "/api/v1/scenario?user=bob&next=7", `{"scenarios":["greylisting"]}`)
		want := r.active(t)
		c, err := r.open(25)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.play("EHLO x\r\n", "250 ", "MAIL FROM:<alice@example.test>\r\n", "250 ", "RCPT TO:<gone@example.test>\r\n", "250 ", "RCPT TO:<late@example.test>\r\n", "250 ",
			"DATA\r\n", "354 ", "Subject: x\r\n\r\nx\r\n.\r\n", "250 "); err != nil {
			t.Fatal(err)
		}
		tag := fmt.Sprint("round ", round)
		var list struct{ Messages []struct{ ID string } }
		if err := json.Unmarshal([]byte(r.ask(t, "GET", "/api/v1/messages", "")), &list); err != nil || len(list.Messages) == 0 {
			t.Fatal(list, err)
		}
		r.ask(t, "PUT", "/api/v1/tags", fmt.Sprintf(`{"IDs":[%q],"Tags":[%q]}`, list.Messages[0].ID, tag))
		var seen struct{ Sessions []struct{ ID string } }
		if err := json.Unmarshal([]byte(r.ask(t, "GET", "/api/v1/sessions", "")), &seen); err != nil || len(seen.Sessions) == 0 {
			t.Fatal(seen, err)
		}
		if err := r.kill(); err != nil {
			t.Fatal(err)
		}
		for _, s := range seen.Sessions {
			n, err := strconv.Atoi(s.ID)
			if err != nil || n <= latest && !ids[s.ID] {
				t.Errorf("session %q comes after %d", s.ID, latest)
			}
			ids[s.ID], latest = true, max(latest, n)
		}

		r = run(t, []string{program}, io.Discard, "--data", dir)
		if got := r.active(t); got != want {
			t.Errorf("active was %s and is %s", want, got)
		}
		if got := r.ask(t, "GET", "/api/v1/tags", ""); !strings.Contains(got, tag) {
			t.Errorf("the tags are %s", got)
		}
		deadline := time.After(time.Minute)
		for r.inbox(t, "alice") <= round || r.inbox(t, "late") <= round {
			select {
			case <-deadline:
				t.Fatalf("%d reports and %d late messages have come in round %d", r.inbox(t, "alice"), r.inbox(t, "late"), round)
			case <-time.After(50 * time.Millisecond):
			}
		}
		if err := r.kill(); err != nil {
			t.Fatal(err)
		}
	}
	r := run(t, []string{program}, io.Discard, "--data", dir)
	for user, want := range map[string]int{"alice": rounds, "late": rounds, "gone": rounds} {
		if n := r.inbox(t, user); n != want {
			t.Errorf("%s has %d messages, want %d", user, n, want)
		}
	}
	if err := r.end(); err != nil {
		t.Error(err)
	}
	if out, err := exec.Command(program, "data", "check", dir).CombinedOutput(); err != nil {
		t.Errorf("mailrig data check: %v: %s", err, out)
	}
}
