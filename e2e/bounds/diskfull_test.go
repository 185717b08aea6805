package bounds

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

// TestDiskFull fills the disk under a mailrig that keeps its mail: a small tmpfs. Clients must get a temporary failure, whoever
// runs it must be told once, all that was acknowledged must be there and nothing else, and with room again all must go on.
func TestDiskFull(t *testing.T) {
	if *only != "" && !strings.Contains(*only, "kill") {
		t.Skip("not asked for")
	}
	if runtime.GOOS != "linux" || os.Getuid() != 0 {
		t.Skip("only root can mount a small file system, on Linux")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a small file system can't be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	program := compile(t)
	var log locked
	r := run(t, []string{program}, &log, "--data", dir)
	body := strings.Repeat(strings.Repeat("x", 70)+"\r\n", 700)
	accepted := 0
	send := func() string {
		t.Helper()
		c, err := r.open(25)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.play("EHLO x\r\n", "250 ", "MAIL FROM:<a@b.test>\r\n", "250 ", "RCPT TO:<u>\r\n", "250 ", "DATA\r\n", "354 "); err != nil {
			t.Fatal(err)
		}
		accepted++
		line, err := c.say(fmt.Sprintf("Subject: %d\r\n\r\n%s.\r\n", accepted, body), "250", "4", "5")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(line, "250") {
			accepted--
		}
		return line
	}
	fill := func() {
		t.Helper()
		for range 1000 {
			if line := send(); strings.HasPrefix(line, "250") {
				continue
			} else if !strings.HasPrefix(line, "452 4.3.1 ") {
				t.Fatalf("with a full disk a client hears %q", line)
			}
			return
		}
		t.Fatal("8 MiB never get full")
	}
	count := func() {
		t.Helper()
		c, err := r.open(143)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.play("a LOGIN u x\r\n", "a OK", "a SELECT INBOX\r\n", "a OK", "a FETCH 1:* BODY.PEEK[TEXT]\r\n", "a OK"); err != nil {
			t.Error(err)
		}
		if line, err := c.say("a STATUS INBOX (MESSAGES)\r\n", "* STATUS"); err != nil || !strings.Contains(line, fmt.Sprintf("(MESSAGES %d)", accepted)) {
			t.Errorf("%d messages were accepted: %q, %v", accepted, line, err)
		}
	}
	fill()
	send()
	count()
	if told := strings.Count(log.String(), "can't be kept in "+dir); told != 1 {
		t.Errorf("the full disk is told %d times:\n%s", told, log.String())
	}
	// Kill it while the disk is full.
	if err := r.kill(); err != nil {
		t.Fatal(err)
	}
	r = run(t, []string{program}, &log, "--data", dir, "--scenario", "pop3-autologout")
	count()
	if active := r.ask(t, "GET", "/api/v1/scenario", ""); !strings.Contains(active, "pop3-autologout") {
		t.Errorf("active is %s", active)
	}
	if out, err := exec.Command("mount", "-o", "remount,size=32m", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if line := send(); !strings.HasPrefix(line, "250") {
		t.Errorf("with room again a client hears %q", line)
	}
	count()
	if err := r.end(); err != nil {
		t.Error(err)
	}
}
