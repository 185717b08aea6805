package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// TestSwitch keeps connections open during a switch. They keep what they began with, new ones get the new scenario, and
// the way back works the same.
func TestSwitch(t *testing.T) {
	t.Parallel()
	need(t, "curl", "swaks")
	r := start(t)
	refusedRCPT := func(k *talk) bool {
		k.say("MAIL FROM:<bob@example.test>", "250 ")
		k.send("RCPT TO:<alice@example.test>")
		l := k.line()
		k.say("RSET", "250 ")
		return l[:3] == "452"
	}
	greeted := func() *talk {
		k := r.dial(t, 25)
		k.expect("220 ")
		k.say("EHLO c.example.test", "250 ")
		return k
	}
	imapIdle := r.imapClient(t, way{993, "tls"}, "alice", nil)
	before := greeted()

	r.use("mailbox-full")
	during := greeted()
	if refusedRCPT(before) {
		t.Error("a connection from before the switch has the new scenario")
	}
	if !refusedRCPT(during) {
		t.Error("a connection after the switch has the old scenario")
	}
	r.swaks(way{465, "tls"}, "b@example.test").want(24).says("452 4.2.2")

	r.use("auth-wrong-password", "starttls-not-offered") // two at the same time
	r.curlIMAP(way{143, "clear"}, "alice", "/").want(67)
	r.curlIMAP(way{143, "starttls"}, "alice", "/").want(64)
	r.use("cert-expired")
	r.curlIMAP(way{993, "tls"}, "alice", "/").want(60)
	r.use("port-25-refused")
	r.curl(r.curlURL(way{25, "clear"}, "/")...).want(7)

	r.use()
	after := greeted()
	if refusedRCPT(before) || refusedRCPT(after) {
		t.Error("back to correct, and a connection that should work doesn't")
	}
	if !refusedRCPT(during) {
		t.Error("a connection lost the scenario that it began with")
	}
	if err := imapIdle.Noop().Wait(); err != nil {
		t.Errorf("a connection from the beginning: %v", err)
	}
	r.curlIMAP(way{993, "tls"}, "alice", "/").want(0)
	r.sends(way{25, "starttls"})

	res := r.run(binary, "use", "--http", r.HTTP, "mailbox-ful").want(2)
	res.says("mailbox-full")
}

// put switches scenarios by HTTP.
func (r *rig) put(c *http.Client, names ...string) error {
	if names == nil {
		names = []string{}
	}
	body, err := json.Marshal(map[string]any{"scenarios": names})
	if err != nil {
		return err
	}
	req, err := http.NewRequest(http.MethodPut, r.HTTP+"/api/v1/scenario", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("PUT %s: %s: %s", body, resp.Status, answer)
	}
	return err
}

// TestThousandSwitches switches a thousand times. Door 25 is refused, dropped, cut and correct in turn, while clients
// work at the doors that no scenario touches. None of them may lose a connection.
func TestThousandSwitches(t *testing.T) {
	t.Parallel()
	switches := 1000
	if testing.Short() {
		switches = 100
	}
	r := start(t)
	list := [][]string{{"port-25-refused"}, {}, {"port-25-intercepted"}, {"port-25-blocked"}, {"receive-but-not-send", "port-25-intercepted"}}
	done := make(chan struct{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	rounds := map[string]int{}
	work := func(name string, round func() error) {
		wg.Go(func() {
			n := 0
			for {
				select {
				case <-done:
					mu.Lock()
					rounds[name] += n
					mu.Unlock()
					return
				default:
				}
				if err := round(); err != nil {
					t.Errorf("%s, after %d good rounds: %v", name, n, err)
					return
				}
				n++
			}
		})
	}
	long := r.imapClient(t, way{143, "starttls"}, "long@example.test", nil)
	work("one long IMAP connection at 143", func() error { return long.Noop().Wait() })
	old := r.dial(t, 25) // keeps the scenario that it began with: none
	old.expect("220 ")
	work("one long SMTP connection at 25", func() error {
		_ = old.SetDeadline(time.Now().Add(patience))
		if _, err := old.Write([]byte("NOOP\r\n")); err != nil {
			return err
		}
		l, err := old.r.ReadString('\n')
		if err == nil && l[:3] != "250" {
			err = fmt.Errorf("NOOP: %q", l)
		}
		return err
	})
	work("IMAP connections at 993", func() error {
		c, err := r.tryIMAP(way{993, "tls"}, "short@example.test", nil)
		if err != nil {
			return err
		}
		defer c.Close()
		return c.Logout().Wait()
	})
	work("messages at 2525", func() error { return r.sendQuick(2525, "load@example.test") })
	work("POP3 connections at 110", func() error { return r.popQuick(110) })

	c := &http.Client{Timeout: patience}
	began := time.Now()
	for i := range switches {
		if err := r.put(c, list[i%len(list)]...); err != nil {
			t.Errorf("switch %d: %v", i, err)
			break
		}
	}
	took := time.Since(began)
	close(done)
	wg.Wait()
	t.Logf("%d switches in %v, meanwhile %v", switches, took.Round(time.Millisecond), rounds)
	for name, n := range rounds {
		if n == 0 {
			t.Errorf("%s: not a single round; the test showed nothing", name)
		}
	}
	if err := r.put(c); err != nil {
		t.Fatal(err)
	}
	if n := len(r.messages("load@example.test")); n != rounds["messages at 2525"] {
		t.Errorf("%d messages were accepted and %d are there", rounds["messages at 2525"], n)
	}
	if err := r.sendQuick(25, "end@example.test"); err != nil {
		t.Errorf("door 25, back to correct: %v", err)
	}
}
