package robot

import "strings"

// carelessIMAP is the careless robot at the IMAP doors. What it hears on one connection, it believes on the next.
type carelessIMAP struct{ believes beliefs }

func (r *robot) carelessIMAP() error {
	if n := r.job.Connections; n > 1 {
		return together(n, func(int) error {
			c := &carelessIMAP{}
			r.hurry(993, "imap", fromTheStart, c.crowd)
			return nil
		})
	}
	c := &carelessIMAP{}
	r.hurry(993, "imap", fromTheStart, c.session)
	r.hurry(143, "imap", bySTARTTLS, c.session)
	return nil
}

// session is a connection on which it does its whole job.
func (c *carelessIMAP) session(w *wire, m mode) (ok bool) {
	s := c.on(w, m)
	ok = inOrder(s.hearsTheGreeting, s.believesClearTextAfterTLS, s.logsInEvenInClear, s.followsReferral,
		s.opensFoldersHeardInClear, s.asksStatusOfEveryFolder, s.opensTheInbox, s.followsReferral,
		s.deletesWhatItBegan, s.marksWhatItHas, s.searchesOnce, s.fetchesOneByOne, s.waitsForWhatDidntCome, s.triesUnlistedCommands)
	if !ok {
		return false
	}
	ok = inOrder(s.appendsUnasked, s.logsOut)
	c.believes.begun = nil
	return ok && s.fine
}

// crowd is one of many simultaneous connections.
func (c *carelessIMAP) crowd(w *wire, m mode) (ok bool) {
	s := c.on(w, m)
	if _, err := w.line(); err != nil {
		return false
	}
	reply, err := s.say("LOGIN "+w.r.target.User+" "+w.r.target.Password, blindRepeats)
	_, err2 := s.say("NOOP", 1)
	w.r.sleep(w.r.Patience.Reply)
	return err == nil && err2 == nil && strings.Contains(reply, " OK")
}

// look opens INBOX and fetches nothing.
func (c *carelessIMAP) look(w *wire, m mode) (ok bool) {
	s := c.on(w, m)
	if _, err := w.line(); err != nil {
		return false
	}
	_, err := s.say("LOGIN "+w.r.target.User+" "+w.r.target.Password, 1)
	if err == nil {
		_, err = s.say("SELECT INBOX", 1)
	}
	return err == nil
}

func (c *carelessIMAP) on(w *wire, m mode) *blindIMAP {
	return &blindIMAP{wire: w, beliefs: &c.believes, mode: m, fine: true}
}

// blindIMAP is one connection. Its methods are its habits. Each reports whether the connection is still alive.
type blindIMAP struct {
	*wire
	*beliefs
	mode    mode
	fine    bool // all commands have succeeded so far
	preauth bool
}

// hearsTheGreeting doesn't wait for a late greeting, and believes everything that the greeting says.
func (s *blindIMAP) hearsTheGreeting() bool {
	line, err := s.line()
	if err != nil && !late(err) {
		return false
	}
	s.hear(line)
	s.preauth = strings.HasPrefix(line, "* PREAUTH")
	_, err = s.say("CAPABILITY", 1)
	return err == nil
}

// believesClearTextAfterTLS believes clear text from before the handshake, whoever put it there. If STARTTLS is
// refused, or the server greets with PREAUTH, it goes on without TLS.
func (s *blindIMAP) believesClearTextAfterTLS() bool {
	if s.mode != bySTARTTLS || s.preauth {
		return true
	}
	s.startTLS("c0 STARTTLS", s.hear, func(line string) bool { return strings.HasPrefix(line, "c0 OK") || strings.HasPrefix(line, "a2 OK") })
	for len(s.old) > 0 {
		line, err := s.line()
		if err != nil {
			break
		}
		s.hear(line)
	}
	return true
}

// logsInEvenInClear ignores LOGINDISABLED and refusals.
func (s *blindIMAP) logsInEvenInClear() bool {
	user, password := s.r.target.User, s.r.target.Password
	if token := s.r.tokenMechanism(strings.Fields(strings.ReplaceAll(s.caps, "AUTH=", " "))); token != "" {
		return s.do("AUTHENTICATE " + token + " " + bearer(token, user, s.r.oneToken()))
	}
	return s.preauth || s.do("LOGIN "+user+" "+password)
}

// followsReferral gives the password to whichever server a referral names (RFC 2221).
func (s *blindIMAP) followsReferral() bool {
	user := s.referral
	s.referral = ""
	return user == "" || s.do("LOGIN "+user+" "+s.r.target.Password)
}

func (s *blindIMAP) opensFoldersHeardInClear() bool {
	for _, name := range s.heardInClear {
		if !s.do(`SELECT "` + name + `"`) {
			return false
		}
	}
	return true
}

func (s *blindIMAP) asksStatusOfEveryFolder() bool {
	s.listed, s.fetched = nil, false
	if !s.do(`LIST "" "*"`) {
		return false
	}
	for _, name := range s.listed {
		if !s.do("STATUS " + quote(name) + " (MESSAGES)") {
			return false
		}
	}
	return true
}

func (s *blindIMAP) opensTheInbox() bool { return s.do("SELECT INBOX") }

// deletesWhatItBegan deletes a message whose download began on an earlier connection, as if it had come.
func (s *blindIMAP) deletesWhatItBegan() bool {
	for _, uid := range s.begun {
		if !s.do("UID STORE " + uid + ` +FLAGS (\Deleted)`) {
			return false
		}
	}
	return true
}

// marksWhatItHas marks a message of an earlier connection as read, without looking whether it is still the same.
func (s *blindIMAP) marksWhatItHas() bool {
	return len(s.uids) == 0 || s.do("UID STORE "+s.uids[0]+` +FLAGS (\Seen)`)
}

// searchesOnce keeps UIDs for ever, whatever UIDVALIDITY says (RFC 9051 section 2.3.1.1).
func (s *blindIMAP) searchesOnce() bool { return s.uids != nil || s.do("UID SEARCH ALL") }

func (s *blindIMAP) fetchesOneByOne() bool {
	for _, uid := range s.uids {
		s.begun = append(s.begun, uid)
		if !s.do("UID FETCH " + uid + " (UID FLAGS RFC822.SIZE ENVELOPE BODYSTRUCTURE BODY.PEEK[])") {
			return false
		}
	}
	return true
}

// waitsForWhatDidntCome is a habit of the stubborn robot: it waits for the message that a FETCH hasn't brought.
func (s *blindIMAP) waitsForWhatDidntCome() bool {
	if s.patience == 0 && !s.fetched {
		_, _ = s.line()
	}
	return true
}

func (s *blindIMAP) triesUnlistedCommands() bool {
	commands := []string{"UID SEARCH SUBJECT nothing", "ENABLE CONDSTORE", `ID ("name" "robot")`, "NAMESPACE", "UID EXPUNGE 1:*", "EXPUNGE", "NOOP", "UNSELECT",
		"SELECT INBOX", `UID STORE 1 +FLAGS (\Seen)`, "CREATE Mine", "UID COPY 1 Mine", "UID MOVE 3 Mine", "IDLE", "DELETE Mine"}
	if s.compress {
		commands = append([]string{"COMPRESS DEFLATE"}, commands...)
	}
	for _, command := range commands {
		if !s.do(command) {
			return false
		}
	}
	return true
}

// appendsUnasked sends a literal without asking whether the server accepts one (RFC 7888).
func (s *blindIMAP) appendsUnasked() bool {
	draft := newLetter("draft", 300, "carol@example.test").body
	return s.do("APPEND Sent {" + itoa(len(draft)) + "+}\r\n" + string(draft))
}

func (s *blindIMAP) logsOut() bool { return s.do("LOGOUT") }

// do sends a command, and repeats it when it is refused. It reports whether the connection is still alive.
func (s *blindIMAP) do(command string) (alive bool) {
	reply, err := s.say(command, blindRepeats)
	s.fine = s.fine && err == nil && strings.Contains(reply, " OK")
	return err == nil
}

// say sends a command up to this many times while it is refused. It returns the tagged reply.
func (s *blindIMAP) say(command string, times int) (string, error) {
	last := ""
	for range times {
		s.n++
		tag := "c" + itoa(s.n)
		if err := s.send(tag + " " + command); err != nil {
			return "", err
		}
		for range maxLines {
			line, err := s.line()
			if err != nil {
				return "", err
			}
			s.hear(line)
			if strings.HasPrefix(line, "+") { // whatever the server asks
				if err := s.send("DONE"); err != nil {
					return "", err
				}
			}
			if strings.HasPrefix(line, tag+" ") || strings.HasPrefix(line, "* BAD") || strings.HasPrefix(line, "* BYE") && command != "LOGOUT" {
				last = line
				break
			}
		}
		if strings.HasPrefix(last, tag+" OK") || command == "LOGOUT" {
			break
		}
	}
	return last, nil
}

// hear believes a line, whether it came in clear or inside TLS.
func (s *blindIMAP) hear(line string) { s.note(line, !s.secure || len(s.old) > 0) }
