package robot

import "strings"

// carelessPOP3 is the careless robot at the POP3 doors, across all its connections.
type carelessPOP3 struct {
	// begun are the messages whose download has begun. The robot deletes them on its next connection, whether or not
	// they came whole.
	begun map[string]bool
}

func (r *robot) carelessPOP3() error {
	c := &carelessPOP3{begun: map[string]bool{}}
	r.hurry(995, "pop3", fromTheStart, c.session)
	r.hurry(110, "pop3", bySTARTTLS, c.session)
	return nil
}

func (c *carelessPOP3) session(w *wire, m mode) (ok bool) {
	s := &blindPOP3{wire: w, carelessPOP3: c, mode: m, fine: true}
	return inOrder(s.asksForCapabilities, s.logsInWithOrWithoutTLS, s.deletesWhatItBegan, s.counts, s.fetches,
		s.turnsUTF8OnAfterwards, s.deletesTheFirst, s.quits) && s.fine
}

// blindPOP3 is one connection. Its methods are its habits. Each reports whether the connection is still alive.
type blindPOP3 struct {
	*wire
	*carelessPOP3
	mode mode
	fine bool // all commands have succeeded so far

	deletedBegun bool
	utf8         bool // advertised
	onlyCRAM     bool // CRAM-MD5 is the only mechanism that is advertised
}

func (s *blindPOP3) asksForCapabilities() bool {
	if _, err := s.line(); err != nil { // the greeting, whatever it says
		return false
	}
	return s.do("CAPA", true)
}

func (s *blindPOP3) logsInWithOrWithoutTLS() bool {
	if s.mode == bySTARTTLS {
		s.startTLS("STLS", func(string) {}, func(line string) bool { return strings.HasPrefix(line, "+OK") })
	}
	if s.secure && s.onlyCRAM && !s.triesCRAM() { // as the list from before TLS has it
		return false
	}
	return s.do("USER "+s.r.target.Second, false) && s.do("PASS "+s.r.target.Password, false)
}

// triesCRAM begins a login by CRAM-MD5, and gives it up when the server goes along.
func (s *blindPOP3) triesCRAM() (alive bool) {
	if s.send("AUTH CRAM-MD5") != nil {
		return false
	}
	line, err := s.line()
	if err == nil && strings.HasPrefix(line, "+ ") && s.send("*") == nil {
		_, err = s.line()
	}
	return err == nil
}

func (s *blindPOP3) deletesWhatItBegan() bool {
	s.deletedBegun = len(s.begun) > 0
	for n := range s.begun {
		if !s.do("DELE "+n, false) {
			return false
		}
	}
	return true
}

func (s *blindPOP3) counts() bool {
	return s.do("STAT", false) && s.do("LIST", true) && s.do("UIDL", true)
}

// fetches uses message numbers as if they were names, and sends TOP although it may not be advertised.
func (s *blindPOP3) fetches() bool {
	for _, n := range []string{"1", "2"} {
		s.begun[n] = true
		if !s.do("RETR "+n, true) {
			return false
		}
		delete(s.begun, n)
		if !s.do("TOP "+n+" 1", true) {
			return false
		}
	}
	return true
}

// turnsUTF8OnAfterwards sends UTF8 after the login, although it belongs before it (RFC 6856 section 2).
func (s *blindPOP3) turnsUTF8OnAfterwards() bool { return !s.utf8 || s.do("UTF8", false) }

func (s *blindPOP3) deletesTheFirst() bool { return s.deletedBegun || s.do("DELE 1", false) }

func (s *blindPOP3) quits() bool { return s.do("QUIT", false) }

// do sends a command, and repeats it when it is refused. It reports whether the connection is still alive.
func (s *blindPOP3) do(command string, multiline bool) (alive bool) {
	ok := false
	for i := 0; i < blindRepeats && !ok; i++ {
		if s.send(command) != nil {
			return false
		}
		line, err := s.line()
		if err != nil {
			return false
		}
		if ok = strings.HasPrefix(line, "+OK"); ok && multiline && !s.readLines() {
			return false
		}
	}
	s.fine = s.fine && ok
	return true
}

// readLines reads up to a dot. It takes every lone dot for the end.
func (s *blindPOP3) readLines() (alive bool) {
	for {
		line, err := s.line()
		if err != nil {
			return false
		}
		if line == "." {
			return true
		}
		s.utf8 = s.utf8 || line == "UTF8"
		s.onlyCRAM = s.onlyCRAM || line == "SASL CRAM-MD5"
	}
}
