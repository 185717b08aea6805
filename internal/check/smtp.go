package check

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// ehloName is an address literal (RFC 5321 section 4.1.3), which is correct for a client without a name of its own.
const ehloName = "[127.0.0.1]"

type smtpDialect struct{}

// smtpCode parses the code at the beginning of a reply line. last reports whether this is the reply's last line.
func smtpCode(line string) (code int, last, ok bool) {
	if len(line) < 3 {
		return 0, false, false
	}
	code, err := strconv.Atoi(line[:3])
	if err != nil || code < 200 || code > 599 {
		return 0, false, false
	}
	if len(line) == 3 {
		return code, true, true
	}
	return code, line[3] != '-', line[3] == '-' || line[3] == ' ' || line[3] == '\r' || line[3] == '\n'
}

func (smtpDialect) read(w *wire) (reply, error) {
	var r reply
	for range maxLines {
		line, err := w.line()
		if err != nil {
			return r, err
		}
		code, last, ok := smtpCode(line)
		if !ok {
			return reply{text: clean(line)}, errSyntax
		}
		r.lines = append(r.lines, line[min(4, len(line)):])
		if !last {
			continue
		}
		r.code = strconv.Itoa(code)
		r.ok, r.more = code/100 == 2, code/100 == 3
		texts := make([]string, 0, len(r.lines))
		for i, l := range r.lines {
			if enhanced, rest := cutEnhanced(l); enhanced != "" {
				r.enhanced = enhanced
				if i > 0 {
					l = rest
				}
			}
			texts = append(texts, l)
		}
		r.text = clean(r.code + " " + strings.Join(texts, " "))
		return r, nil
	}
	return r, errLongReply
}

// cutEnhanced splits an enhanced status code (RFC 3463) from the beginning of a text.
func cutEnhanced(s string) (code, rest string) {
	word, rest, _ := strings.Cut(s, " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 {
		return "", s
	}
	for _, p := range parts {
		if n, err := strconv.Atoi(p); err != nil || n < 0 || n > 999 {
			return "", s
		}
	}
	return word, rest
}

func (s smtpDialect) command(w *wire, line string) (reply, error) {
	if err := w.send(line); err != nil {
		return reply{}, err
	}
	return s.read(w)
}

func (s smtpDialect) greeting(w *wire) (reply, error) { return s.read(w) }

func (s smtpDialect) capabilities(w *wire) (*Capabilities, error) {
	c := &Capabilities{Names: []string{}, Mechanisms: []string{}}
	r, err := s.command(w, "EHLO "+ehloName)
	if err != nil {
		return nil, err
	}
	if !r.ok {
		c.NotAnswered = r.text
		if r.code != "500" && r.code != "502" { // those don't know EHLO
			c.refused = r.text
		}
		// A server from before 1995, or one that is configured to look like one.
		if _, err := s.command(w, "HELO "+ehloName); err != nil {
			return nil, err
		}
		return c, nil
	}
	for _, line := range r.lines[1:] {
		c.Names = append(c.Names, clean(line))
		word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		switch word = strings.ToUpper(word); {
		case word == "STARTTLS":
			c.starttls = true
		case word == "AUTH":
			c.Mechanisms = addOnce(c.Mechanisms, strings.Fields(clean(rest))...)
		case strings.HasPrefix(word, "AUTH="): // the form that old Outlooks expect
			c.Mechanisms = addOnce(c.Mechanisms, strings.Fields(clean(line)[len("AUTH="):])...)
		}
	}
	c.TakesLogin = len(c.Mechanisms) > 0
	return c, nil
}

func (s smtpDialect) starttls(w *wire) (reply, error) {
	r, err := s.command(w, "STARTTLS")
	r.ok = r.code == "220" // and nothing else (RFC 3207 section 4)
	return r, err
}

func (smtpDialect) usable(c *Capabilities) string { return firstOf(c.Mechanisms, "PLAIN", "LOGIN") }

func (s smtpDialect) login(w *wire, mechanism, user, password string) (reply, error) {
	r, err := s.command(w, "AUTH "+mechanism)
	if err != nil || !r.more {
		return r, err
	}
	for _, answer := range answers(mechanism, user, password) {
		if r, err = s.command(w, answer); err != nil || !r.more {
			return r, err
		}
	}
	return r, err
}

// answers returns what the client sends for a mechanism, one line after the other (RFC 4616; LOGIN was never
// standardized).
func answers(mechanism, user, password string) []string {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	if mechanism == "LOGIN" {
		return []string{b64(user), b64(password)}
	}
	return []string{b64("\x00" + user + "\x00" + password)}
}

func (smtpDialect) greets(first string) bool {
	_, _, ok := smtpCode(first)
	return ok
}

func (smtpDialect) openInbox(*wire) (reply, error) { return reply{ok: true}, nil }

func (s smtpDialect) quit(w *wire) { _, _ = s.command(w, "QUIT") }

func (smtpDialect) tour() string { return "EHLO " + ehloName + "\nNOOP\nRSET" }

func (s smtpDialect) ask(w *wire, line string) (reply, error) { return s.command(w, line) }
