package robot

import (
	"slices"
	"strings"
	"time"
)

// sayMail is one SMTP transaction, all at once.
func (w *wire) sayMail(l *letter) (ok, alive bool) {
	lines := []string{"MAIL FROM:<" + w.r.target.User + "> BODY=8BITMIME SMTPUTF8"}
	for _, to := range l.to {
		lines = append(lines, "RCPT TO:<"+to+">")
	}
	lines = append(lines, "DATA")
	if w.send(strings.Join(lines, "\r\n")) != nil {
		return false, false
	}
	ok = true
	for range lines {
		reply, err := w.smtpReply()
		if err != nil {
			return false, false
		}
		ok = ok && (strings.HasPrefix(reply, "2") || strings.HasPrefix(reply, "354"))
	}
	body := strings.ReplaceAll(string(l.body), "\n.", "\n..")
	if w.patience == 0 { // it makes the message anew each time
		body = strings.Replace(body, "@robot.", "."+itoa(int(w.r.made.Add(1)))+"@robot.", 1)
	}
	if w.write([]byte(body+".\r\n")) != nil {
		return false, false
	}
	reply, err := w.smtpReply()
	if err != nil {
		return false, false
	}
	return ok && strings.HasPrefix(reply, "2"), true
}

// lists tells if one of the last lines names an extension.
func (w *wire) lists(name string) bool {
	return slices.ContainsFunc(w.heard[max(0, len(w.heard)-20):], func(l string) bool { return strings.HasSuffix(l, name) && strings.HasPrefix(l, "250") })
}

func (w *wire) smtpReply() (string, error) {
	for range maxLines {
		line, err := w.line()
		w.heard = append(w.heard, line)
		if err != nil || len(line) < 4 || line[3] != '-' {
			return line, err
		}
	}
	return "", fail(never, "a reply without end")
}

func (r *robot) carelessSMTP() error {
	work := func(letters ...*letter) func(*wire, mode) bool {
		bare, tries := len(letters) > 1, 0
		return func(w *wire, m mode) bool {
			if _, err := w.smtpReply(); err != nil && !late(err) {
				return false
			}
			if w.send("EHLO robot.example.test") != nil {
				return false
			}
			if reply, err := w.smtpReply(); err != nil {
				return false
			} else if !strings.HasPrefix(reply, "250") {
				if w.send("HELO robot.example.test") != nil {
					return false
				}
				if _, err := w.smtpReply(); err != nil {
					return false
				}
			}
			say := func(l *letter) (ok, alive bool) {
				alive = true
				for i := 0; i < blindRepeats && !ok && alive; i++ {
					ok, alive = w.sayMail(l)
				}
				return ok, alive
			}
			first := true
			if m == inClear && bare { // it may do without a login
				ok, alive := say(letters[0])
				tries++
				if first, bare = ok, ok || tries < blindRepeats; !alive {
					return false
				}
			}
			if m == bySTARTTLS {
				w.startTLS("STARTTLS", func(string) {}, func(line string) bool { return strings.HasPrefix(line, "220") })
				if w.send("EHLO robot.example.test") != nil {
					return false
				}
				if _, err := w.smtpReply(); err != nil {
					return false
				}
			}
			if token := r.tokenMechanism(strings.Fields(strings.Join(w.heard, " "))); token != "" {
				if w.ask("AUTH "+token+" "+bearer(token, r.target.User, tokens[0]), "235") != nil {
					return false
				}
			} else if w.ask("AUTH PLAIN "+b64("\x00"+r.target.User+"\x00"+r.target.Password), "235") != nil {
				return false
			}
			all := first
			for i, l := range letters {
				if i == 0 && m == inClear && bare {
					continue // sent
				}
				ok, alive := say(l)
				if !alive {
					return false
				}
				all = all && ok
			}
			if m == bySTARTTLS && w.send("EHLO robot.example.test") == nil { // what can it do, by the way?
				w.heard = nil
				if _, _ = w.smtpReply(); w.lists("STARTTLS") {
					_ = w.send("STARTTLS")
					_, _ = w.smtpReply()
				}
			}
			if r.job.Connections > 1 {
				r.sleep(time.Second)
			}
			_ = w.send("QUIT")
			_, _ = w.smtpReply()
			return all
		}
	}
	batch := []*letter{newLetter("one", 0, "reader0@example.test", "reader1@example.test", "reader2@example.test",
		"reader3@example.test", "reader4@example.test", "reader5@example.test", "reader6@example.test"), newLetter("two", 0, "carol@example.test")}
	for i := range r.job.Letters {
		batch = append(batch, newLetter("more"+itoa(i), 0, "carol"+itoa(i)+"@example.test"))
	}
	if n := r.job.Connections; n > 1 {
		return together(n, func(i int) error {
			r.hurry(587, "smtp", bySTARTTLS, work(newLetter("parallel"+itoa(i), 100_000, "carol"+itoa(i)+"@example.test")))
			return nil
		})
	}
	r.hurry(25, "smtp", inClear, work(newLetter("three", 0, "erin@example.test", "unknown@example.test"), newLetter("four", 0, "frank@example.test")))
	r.hurry(587, "smtp", bySTARTTLS, work(batch...))
	r.hurry(465, "smtp", fromTheStart, work(newLetter("big", 120_000, "dave@example.test")))
	return nil
}

// ask says an SMTP line until the reply begins as wanted, or blindRepeats times.
func (w *wire) ask(line, want string) error {
	for range blindRepeats {
		if err := w.send(line); err != nil {
			return err
		}
		reply, err := w.smtpReply()
		if err != nil {
			return err
		}
		if strings.HasPrefix(reply, want) {
			return nil
		}
		if strings.HasPrefix(reply, "334") { // it has never heard of challenges
			if err := w.send(b64(w.r.target.Password)); err != nil {
				return err
			}
			if _, err := w.smtpReply(); err != nil {
				return err
			}
		}
	}
	return nil
}
