package bounds

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestMixedLoad lets clients of all protocols work on the same mailboxes at once: some as they should, some that leave in
// the middle. Nothing that was accepted may be lost, no command that is right may be refused, and the process must end well.
// The long version takes five minutes, with a mailrig that has the race detector.
func TestMixedLoad(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("reads a process's memory as Linux shows it")
	}
	if *only != "" && !strings.Contains(*only, "mixed") {
		t.Skip("not asked for")
	}
	lasts, each, build := 2*time.Second, 1, []string(nil)
	if *long {
		lasts, each, build = 5*time.Minute, 4, []string{"-race", "-gcflags=modernc.org/sqlite/lib=-race=false"}
	}
	var log locked
	r := startBuilt(t, build, &log, "--max-memory", "1GiB")
	m := &mixed{rig: r, until: time.Now().Add(lasts)}
	roles := map[string]func(*mixed, *rand.Rand) error{
		"sends": sends, "sends and counts": sendsCounted, "breaks off sending": breaksOff, "reads by IMAP": readsIMAP, "changes by IMAP": changes, "idles": idles,
		"appends": appends, "leaves in the middle": leaves, "reads by POP3": readsPOP3, "looks at the page": looks,
	}
	counts := map[string]*atomic.Int64{}
	var group sync.WaitGroup
	for name, role := range roles {
		counts[name] = new(atomic.Int64)
		for i := range each {
			rng := rand.New(rand.NewPCG(uint64(i), uint64(len(name))))
			group.Go(func() {
				for time.Now().Before(m.until) {
					if err := role(m, rng); err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
					counts[name].Add(1)
				}
			})
		}
	}
	group.Wait()
	for name, n := range counts {
		if t.Logf("%s: %d times", name, n.Load()); n.Load() == 0 {
			t.Errorf("%s: never", name)
		}
	}
	if got, err := m.exists("counted"); err != nil || got != m.accepted.Load() {
		t.Errorf("%d messages were accepted for one mailbox, and %d are there (%v)", m.accepted.Load(), got, err)
	}
	t.Logf("accepted and there: %d; resident %d MiB, at most %d MiB", m.accepted.Load(), r.memory(t, "VmRSS")>>20, r.memory(t, "VmHWM")>>20)
	if err := r.end(); err != nil {
		t.Errorf("mailrig ended with %v", err)
	}
	for _, bad := range []string{"DATA RACE", "panic", "SERVERBUG"} {
		if text := log.String(); strings.Contains(text, bad) {
			t.Errorf("mailrig says %s:\n%.4000s", bad, text[strings.Index(text, bad):])
		}
	}
}

// mixed is what the clients share.
type mixed struct {
	*rig
	until    time.Time
	accepted atomic.Int64 // messages for the mailbox "counted", which nobody changes
}

// locked is a buffer for several goroutines.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// connect opens a connection to a door and, if there is TLS, begins it.
func (m *mixed) connect(port int) (*conn, error) {
	var c *conn
	var err error
	switch port {
	case 465, 993, 995:
		raw, dialErr := tls.Dial("tcp", m.doors[port], &tls.Config{InsecureSkipVerify: true}) // whose certificate it is doesn't matter here
		if dialErr != nil {
			return nil, dialErr
		}
		c = &conn{raw, newReader(raw)}
		_, err = c.r.ReadString('\n')
	default:
		c, err = m.open(port)
	}
	if err == nil {
		err = c.SetDeadline(time.Now().Add(2 * time.Minute))
	}
	return c, err
}

func account(rng *rand.Rand) string { return fmt.Sprintf("user%d", rng.IntN(6)) }

func letter(rng *rand.Rand) string {
	body := strings.Repeat("a line of some text\r\n", 1+rng.IntN(400))
	if rng.IntN(2) == 0 {
		return "From: a@example.test\r\nSubject: parts\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + body + "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\n" + body + "--b--\r\n"
	}
	return fmt.Sprintf("From: a@example.test\r\nTo: Group: b@example.test;\r\nSubject: n%d\r\nDate: Mon,3 Mar 2025 10:11:12 EST\r\n\r\n", rng.IntN(1000)) + body
}

// submit sends one message by one of the four ways. It reports whether the message was accepted.
func (m *mixed) submit(rng *rand.Rand, to string, n int) error {
	port := []int{25, 2525, 587, 465}[rng.IntN(4)]
	c, err := m.connect(port)
	if err != nil {
		return err
	}
	defer c.Close()
	if port == 587 {
		if err := c.play("EHLO x\r\n", "250 ", "STARTTLS\r\n", "220 "); err != nil {
			return err
		}
		c.Conn = tls.Client(c.Conn, &tls.Config{InsecureSkipVerify: true})
		c.r = newReader(c.Conn)
	}
	steps := []string{"EHLO x\r\n", "250 "}
	if port == 587 || port == 465 {
		steps = append(steps, "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00a@example.test\x00x"))+"\r\n", "235 ")
	}
	for range n {
		text := letter(rng)
		steps = append(steps, "MAIL FROM:<a@example.test>\r\n", "250 ", "RCPT TO:<"+to+"@example.test>\r\n", "250 ")
		if rng.IntN(2) == 0 {
			half := len(text) / 2
			steps = append(steps, fmt.Sprintf("BDAT %d\r\n%s", half, text[:half]), "250 ", fmt.Sprintf("BDAT %d LAST\r\n%s", len(text)-half, text[half:]), "250 ")
		} else {
			steps = append(steps, "DATA\r\n", "354 ", text+".\r\n", "250 ")
		}
	}
	return c.play(append(steps, "QUIT\r\n", "221 ")...)
}

func sends(m *mixed, rng *rand.Rand) error { return m.submit(rng, account(rng), 1+rng.IntN(3)) }

func sendsCounted(m *mixed, rng *rand.Rand) error {
	err := m.submit(rng, "counted", 1)
	if err == nil {
		m.accepted.Add(1)
	}
	return err
}

// breaksOff leaves while it sends, or begins anew.
func breaksOff(m *mixed, rng *rand.Rand) error {
	c, err := m.connect([]int{25, 2525}[rng.IntN(2)])
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.play("EHLO x\r\n", "250 ", "MAIL FROM:<a@example.test>\r\n", "250 ", "RCPT TO:<user1@example.test>\r\n", "250 ", "RSET\r\n", "250 ", "MAIL FROM:<>\r\n", "250 ", "RCPT TO:<user2@example.test>\r\n", "250 ", "DATA\r\n", "354 "); err != nil {
		return err
	}
	_, _ = io.WriteString(c, letter(rng)) // and leaves
	return nil
}

// imap logs in and selects a mailbox. The error of a client whose mailbox is empty is nil too.
func (m *mixed) imap(rng *rand.Rand, mailbox string) (*conn, error) {
	c, err := m.connect([]int{143, 993}[rng.IntN(2)])
	if err != nil {
		return nil, err
	}
	return c, c.play("a LOGIN "+account(rng)+" x\r\n", "a OK", "a SELECT "+mailbox+"\r\n", "a OK")
}

func readsIMAP(m *mixed, rng *rand.Rand) error {
	c, err := m.imap(rng, "INBOX")
	if err != nil {
		return err
	}
	defer c.Close()
	return c.play("a UID FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY RFC822.SIZE)\r\n", "a OK", "a UID SEARCH OR TEXT inner SMALLER 4000 NOT SUBJECT n1\r\n", "a OK",
		"a UID FETCH 1:* (BODY.PEEK[1] BODY.PEEK[HEADER.FIELDS (Subject)])\r\n", "a OK", "a LIST (SUBSCRIBED) \"\" * RETURN (STATUS (MESSAGES UNSEEN SIZE))\r\n", "a OK", "a LOGOUT\r\n", "a OK")
}

func changes(m *mixed, rng *rand.Rand) error {
	c, err := m.imap(rng, []string{"INBOX", "Archive", "Trash"}[rng.IntN(3)])
	if err != nil {
		return err
	}
	defer c.Close()
	return c.play("a UID STORE 1:* +FLAGS (\\Seen k"+strconv.Itoa(rng.IntN(50))+")\r\n", "a OK", "a UID COPY 1:5 Archive\r\n", "a OK", "a UID MOVE *:6 Trash\r\n", "a OK",
		"a UID STORE 2:4000000000 FLAGS.SILENT (\\Deleted)\r\n", "a OK", "a UID SEARCH RETURN (SAVE) DELETED\r\n", "a OK", "a UID FETCH $ (FLAGS)\r\n", "a OK", "a EXPUNGE\r\n", "a OK", "a NOOP\r\n", "a OK", "a CLOSE\r\n", "a OK", "a LOGOUT\r\n", "a OK")
}

func idles(m *mixed, rng *rand.Rand) error {
	c, err := m.imap(rng, "INBOX")
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.play("a IDLE\r\n", "+ "); err != nil {
		return err
	}
	_ = c.SetReadDeadline(time.Now().Add(200 * time.Millisecond)) // for what may come
	_, err = c.r.ReadString('\n')
	var timeout interface{ Timeout() bool }
	if err != nil && !(errors.As(err, &timeout) && timeout.Timeout()) {
		return err
	}
	_ = c.SetReadDeadline(time.Now().Add(2 * time.Minute))
	return c.play("DONE\r\n", "a OK", "a LOGOUT\r\n", "a OK")
}

func appends(m *mixed, rng *rand.Rand) error {
	c, err := m.imap(rng, "Drafts")
	if err != nil {
		return err
	}
	defer c.Close()
	text := letter(rng)
	return c.play(fmt.Sprintf("a APPEND Drafts (\\Draft) {%d}\r\n", len(text)), "+ ", text+"\r\n", "a OK", fmt.Sprintf("a APPEND Sent {%d+}\r\n%s\r\n", len(text), text), "a OK",
		"a UID STORE 1:* FLAGS (\\Deleted)\r\n", "a OK", "a EXPUNGE\r\n", "a OK", "a LOGOUT\r\n", "a OK")
}

// leaves asks for much and doesn't wait for it.
func leaves(m *mixed, rng *rand.Rand) error {
	c, err := m.imap(rng, "INBOX")
	if err != nil {
		return err
	}
	defer c.Close()
	which := rng.IntN(4)
	_, _ = io.WriteString(c, []string{"a APPEND INBOX {100000+}\r\nSubject: x\r\n", "a FETCH 1:* BODY[]\r\n", "a SEARCH TEXT nowhere\r\n", "a IDLE\r\n"}[which])
	if which > 0 && rng.IntN(2) == 0 {
		_, _ = c.r.ReadString('\n')
	}
	return nil
}

func readsPOP3(m *mixed, rng *rand.Rand) error {
	c, err := m.connect([]int{110, 995}[rng.IntN(2)])
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.play("USER "+account(rng)+"\r\n", "+OK"); err != nil {
		return err
	}
	line, err := c.say("PASS x\r\n", "+OK", "-ERR")
	if err != nil || strings.HasPrefix(line, "-ERR [IN-USE]") {
		return err
	}
	if !strings.HasPrefix(line, "+OK") {
		return fmt.Errorf("PASS: %s", line)
	}
	line, err = c.say("STAT\r\n", "+OK")
	if err != nil {
		return err
	}
	if _, err := c.say("UIDL\r\n", ".\r\n"); err != nil {
		return err
	}
	var steps []string
	if words := strings.Fields(line); len(words) > 1 && words[1] != "0" {
		steps = append(steps, "LIST 1\r\n", "+OK")
	}
	return c.play(append(steps, "QUIT\r\n", "+OK")...)
}

func looks(m *mixed, _ *rand.Rand) error {
	for _, path := range []string{"/api/v1/sessions?limit=20", "/api/v1/findings", "/"} {
		response, err := http.Get(m.http + path)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s, %w", path, response.Status, err)
		}
	}
	return nil
}

// exists returns how many messages are in a user's INBOX.
func (m *mixed) exists(user string) (n int64, err error) {
	c, err := m.connect(143)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	if err := c.play("a LOGIN "+user+" x\r\n", "a OK"); err != nil {
		return 0, err
	}
	line, err := c.say("a STATUS INBOX (MESSAGES)\r\n", "* STATUS")
	if err != nil {
		return 0, err
	}
	_, err = fmt.Sscanf(line[strings.Index(line, "("):], "(MESSAGES %d)", &n)
	return n, err
}
