package check

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/refusal"
)

// roundTrip sends a message from the account to itself and waits until it arrives. It deletes nothing.
func (c *checker) roundTrip(ctx context.Context, r *Report, open map[door.Protocol]*loggedIn) {
	t := &RoundTrip{From: clean(c.Address)}
	r.RoundTrip = t
	out, in := open[door.SMTP], (*loggedIn)(nil)
	for _, p := range receiving() {
		if in == nil {
			in = open[p]
		}
	}
	switch {
	case out == nil:
		t.Words, t.Try = "the test message wasn't sent: no login for sending works", "make the login work first"
		return
	case in == nil:
		t.Words, t.Try = "the test message wasn't sent: no login for receiving works, so the check couldn't see it arrive", "make the login work first"
		return
	}
	t.MessageID = fmt.Sprintf("mailrig-check.%s@%s", strings.ToLower(rand.Text()), c.domain())
	began := time.Now()
	if err := c.submit(out, t.MessageID); err != nil {
		t.Words, t.Try = "the test message wasn't accepted: "+err.Error(), advice(err)
		return
	}
	t.SentBy = out.d.Port
	ctx, cancel := context.WithTimeout(ctx, c.SendTimeout)
	defer cancel()
	folder, err := c.await(ctx, in, t.MessageID)
	switch {
	case err != nil:
		t.Words = fmt.Sprintf("the server accepted the test message, but the check can't look for it: %s", c.redact(err.Error()))
		t.Try = "look for it with a client; its subject is " + subjectLine
	case folder == "":
		t.Words = fmt.Sprintf("the server accepted the test message, but it didn't arrive within %s", inWords(c.SendTimeout))
		t.Try = "it may come later (greylisting, queues): wait longer with --send-timeout, and look for a bounce"
	default:
		t.OK, t.FoundBy, t.Folder, t.Seconds = true, in.d.Port, clean(folder), time.Since(began).Seconds()
		t.Words = fmt.Sprintf("the test message came back in %.1f s; it stays in %s", t.Seconds, t.Folder)
	}
}

const subjectLine = "mailrig check: test message"

// domain returns what follows the @ in the address.
func (c *checker) domain() string {
	if at := strings.LastIndexByte(c.Address, '@'); at >= 0 {
		return c.Address[at+1:]
	}
	return c.Host
}

// refusedError is an SMTP command that the server refused.
type refusedError struct {
	command string
	r       reply
}

func (e *refusedError) Error() string { return fmt.Sprintf("%s was answered %s", e.command, e.r.text) }

func advice(err error) string {
	var refused *refusedError
	if !errors.As(err, &refused) {
		return "try again; if it fails again, try another port for sending"
	}
	means := func(m refusal.Meaning) bool {
		return refusal.Means(refusal.Reply{Protocol: string(door.SMTP), Code: refused.r.code, Text: refused.r.text}, m)
	}
	switch {
	case means(refusal.OAuthWanted):
		return "the provider takes no passwords for sending: choose OAuth2 in the client"
	case means(refusal.Temporary):
		return "this is temporary: try again in a few minutes"
	case refused.command == "MAIL":
		return "perhaps the account may send only from its own address: give that with --address"
	default:
		return "read why in the server's own words"
	}
}

func (c *checker) submit(l *loggedIn, id string) error {
	s := smtpDialect{}
	l.w.timeout = 3 * c.Timeout // content filters take their time
	defer func() { l.w.timeout = c.Timeout }()
	step := func(name, line string, ok func(reply) bool) error {
		r, err := s.command(l.w, line)
		if err != nil {
			_, words := c.brokeOff(err)
			return fmt.Errorf("after %s: %s", name, words)
		}
		if !ok(r) {
			return &refusedError{name, reply{text: c.redact(r.text), code: r.code}}
		}
		return nil
	}
	done := func(r reply) bool { return r.ok }
	if err := step("MAIL", "MAIL FROM:<"+c.Address+">", done); err != nil {
		return err
	}
	if err := step("RCPT", "RCPT TO:<"+c.Address+">", done); err != nil {
		return err
	}
	if err := step("DATA", "DATA", func(r reply) bool { return r.code == "354" }); err != nil {
		return err
	}
	text := strings.Join([]string{
		"From: <" + c.Address + ">",
		"To: <" + c.Address + ">",
		"Subject: " + subjectLine,
		"Date: " + time.Now().Format(time.RFC1123Z),
		"Message-ID: <" + id + ">",
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=us-ascii",
		"",
		"mailrig check sent this message to see whether it arrives. You may delete it.",
	}, "\r\n")
	return step("the message", text+"\r\n.", done)
}

// await returns the folder in which the message is. It returns "" if the message doesn't come in time.
func (c *checker) await(ctx context.Context, in *loggedIn, id string) (string, error) {
	if in.d.Protocol == door.POP3 {
		return c.awaitPOP3(ctx, in, id)
	}
	in.w.within(ctx)
	i := imapDialect{}
	wait := 100 * time.Millisecond
	for n := 1; ; n++ {
		folders := []string{"INBOX"}
		if n%5 == 0 {
			if junk, err := i.junk(in.w); err == nil && junk != "" && !strings.ContainsAny(junk, "\"\\\r\n") {
				folders = append(folders, junk)
			}
		}
		for _, folder := range folders {
			// Opened again each time, because some servers show new mail only then.
			r, err := i.examine(in.w, folder)
			if err == nil && r.ok {
				var found int
				if found, err = i.search(in.w, id); found > 0 {
					return folder, nil
				}
			}
			if over(ctx) {
				return "", nil
			}
			if err != nil {
				return "", err
			}
		}
		if !pause(ctx, wait) {
			return "", nil
		}
		wait = min(wait*2, 2*time.Second)
	}
}

// awaitPOP3 logs in again each time, because a POP3 session shows only what was there when it began (RFC 1939 section
// 4).
func (c *checker) awaitPOP3(ctx context.Context, in *loggedIn, id string) (string, error) {
	wait := 500 * time.Millisecond
	found, err := pop3Dialect{}.find(in.w, id)
	pop3Dialect{}.quit(in.w) // the session holds the mailbox's lock
	for {
		if over(ctx) {
			return "", nil
		}
		if found || err != nil {
			return map[bool]string{true: "the mailbox"}[found], err
		}
		if !pause(ctx, wait) {
			return "", nil
		}
		wait = min(wait*2, 10*time.Second)
		again := newDoor(c.target(in.d))
		again.TLS, again.Security = in.d.TLS, in.d.Security
		w := c.login(ctx, again)
		if w == nil {
			if over(ctx) {
				return "", nil
			}
			return "", errors.New(again.Login.Words)
		}
		found, err = pop3Dialect{}.find(w, id)
		(&loggedIn{in.d, w}).leave()
	}
}
