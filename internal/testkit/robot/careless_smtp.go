package robot

import (
	"slices"
	"strings"
	"time"
)

// carelessSMTP is the careless robot at one SMTP door, across all its connections. It sends the same letters on each
// connection until all have succeeded on one.
type carelessSMTP struct {
	letters []*letter
	// withoutLogin says that sending the first letter without a login may still succeed.
	withoutLogin bool
	tried        int // attempts without a login
}

func (r *robot) carelessSMTP() error {
	if n := r.job.Connections; n > 1 {
		return together(n, func(i int) error {
			r.sendHurriedly(587, bySTARTTLS, newLetter("parallel"+itoa(i), 100_000, "carol"+itoa(i)+"@example.test"))
			return nil
		})
	}
	batch := []*letter{newLetter("one", 0, "reader0@example.test", "reader1@example.test", "reader2@example.test",
		"reader3@example.test", "reader4@example.test", "reader5@example.test", "reader6@example.test"), newLetter("two", 0, "carol@example.test")}
	for i := range r.job.Letters {
		batch = append(batch, newLetter("more"+itoa(i), 0, "carol"+itoa(i)+"@example.test"))
	}
	r.sendHurriedly(25, inClear, newLetter("three", 0, "erin@example.test", "unknown@example.test"), newLetter("four", 0, "frank@example.test"))
	r.sendHurriedly(587, bySTARTTLS, batch...)
	r.sendHurriedly(465, fromTheStart, newLetter("big", 120_000, "dave@example.test"))
	return nil
}

func (r *robot) sendHurriedly(door int, m mode, letters ...*letter) {
	c := &carelessSMTP{letters: letters, withoutLogin: len(letters) > 1}
	r.hurry(door, "smtp", m, c.session)
}

func (c *carelessSMTP) session(w *wire, m mode) (ok bool) {
	s := &blindSMTP{wire: w, carelessSMTP: c, mode: m, sentFirst: true}
	return inOrder(s.greetsWhateverTheGreeting, s.sendsWithoutLogin, s.goesOnWithOrWithoutTLS, s.logsInAgainAndAgain,
		s.sendsAll, s.asksForTLSInTLS, s.staysForAMoment, s.quits) && s.sentAll
}

// blindSMTP is one connection. Its methods are its habits. Each reports whether the connection is still alive.
type blindSMTP struct {
	*wire
	*carelessSMTP
	mode mode

	sentFirst bool // not false: the first letter's transaction without a login didn't fail
	sentAll   bool
}

// greetsWhateverTheGreeting ignores a greeting that is late or that refuses the client.
func (s *blindSMTP) greetsWhateverTheGreeting() bool {
	if _, err := s.smtpReply(); err != nil && !late(err) {
		return false
	}
	reply, alive := s.hello("EHLO")
	if alive && !strings.HasPrefix(reply, "250") {
		_, alive = s.hello("HELO")
	}
	return alive
}

// carelessName is the name by which the careless robot calls itself: a host name has no underscore (RFC 1123 section
// 2.1).
const carelessName = "robot_1.example.test"

func (s *blindSMTP) hello(verb string) (reply string, alive bool) {
	if s.send(verb+" "+carelessName) != nil {
		return "", false
	}
	reply, err := s.smtpReply()
	return reply, err == nil
}

func (s *blindSMTP) sendsWithoutLogin() bool {
	if s.mode != inClear || !s.withoutLogin {
		return true
	}
	ok, alive := s.mailAgainAndAgain(s.letters[0])
	s.tried++
	s.sentFirst, s.withoutLogin = ok, ok || s.tried < blindRepeats
	return alive
}

func (s *blindSMTP) goesOnWithOrWithoutTLS() bool {
	if s.mode != bySTARTTLS {
		return true
	}
	s.startTLS("STARTTLS", func(string) {}, func(line string) bool { return strings.HasPrefix(line, "220") })
	_, alive := s.hello("EHLO")
	return alive
}

// logsInAgainAndAgain uses the first mechanism that it thinks of, even in clear.
func (s *blindSMTP) logsInAgainAndAgain() bool {
	user, password := s.r.target.User, s.r.target.Password
	if strings.Contains(strings.Join(s.heard, " "), "AUTH SCRAM-SHA-256") {
		return s.trustsTheServer(user, password)
	}
	if token := s.r.tokenMechanism(strings.Fields(strings.Join(s.heard, " "))); token != "" {
		return s.ask("AUTH "+token+" "+bearer(token, user, s.r.oneToken()), "235") == nil
	}
	return s.ask("AUTH PLAIN "+b64("\x00"+user+"\x00"+password), "235") == nil
}

func (s *blindSMTP) sendsAll() bool {
	s.sentAll = s.sentFirst
	for i, l := range s.letters {
		if i == 0 && s.mode == inClear && s.withoutLogin {
			continue // already sent
		}
		ok, alive := s.mailAgainAndAgain(l)
		if !alive {
			return false
		}
		s.sentAll = s.sentAll && ok
	}
	return true
}

// asksForTLSInTLS asks for the capabilities again, and sends a second STARTTLS if the server lists it (RFC 3207 section
// 4.2 forbids this).
func (s *blindSMTP) asksForTLSInTLS() bool {
	if s.mode == bySTARTTLS && s.send("EHLO "+carelessName) == nil {
		s.heard = nil
		if _, _ = s.smtpReply(); s.lists("STARTTLS") {
			_ = s.send("STARTTLS")
			_, _ = s.smtpReply()
		}
	}
	return true
}

// staysForAMoment keeps parallel connections open at the same time.
func (s *blindSMTP) staysForAMoment() bool {
	if s.r.job.Connections > 1 {
		s.r.sleep(time.Second)
	}
	return true
}

func (s *blindSMTP) quits() bool {
	_ = s.send("QUIT")
	_, _ = s.smtpReply()
	return true
}

func (s *blindSMTP) mailAgainAndAgain(l *letter) (ok, alive bool) {
	alive = true
	for i := 0; i < blindRepeats && !ok && alive; i++ {
		ok, alive = s.pipelinesUnasked(l)
	}
	return ok, alive
}

// pipelinesUnasked sends a whole transaction at once, with parameters that the server may not know. It sends the
// message even if nobody will receive it.
func (w *wire) pipelinesUnasked(l *letter) (ok, alive bool) {
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
	body := unfolded + strings.ReplaceAll(string(l.body), "\n.", "\n..")
	if w.patience == 0 { // the stubborn robot makes the message again each time
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

// unfolded is a header field that the careless robot doesn't fold: a line may have 998 bytes (RFC 5322 section 2.1.1).
var unfolded = "References:" + strings.Repeat(" <an-earlier-letter@letters.invalid>", 40) + "\r\n"

// lists reports whether one of the last lines names an extension.
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

// ask sends an SMTP line until the reply begins with want, at most blindRepeats times. It knows nothing about
// challenges: it answers every one with the password.
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
		if strings.HasPrefix(reply, "334") {
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

// trustsTheServer logs in by SCRAM-SHA-256, whatever the server's nonce and proof are.
func (s *blindSMTP) trustsTheServer(user, password string) bool {
	say := func(line string) (string, bool) {
		if s.send(line) != nil {
			return "", false
		}
		reply, err := s.smtpReply()
		return strings.TrimPrefix(reply, "334 "), err == nil
	}
	challenge, alive := say("AUTH SCRAM-SHA-256 " + scramFirst(user))
	final, _, _, err := scramFinal(user, password, challenge)
	if !alive || err != nil {
		return alive
	}
	if _, alive = say(final); alive {
		_, alive = say("")
	}
	return alive
}
