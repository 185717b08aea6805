package check

import (
	"errors"
	"strconv"
	"strings"
)

type pop3Dialect struct{}

func (pop3Dialect) read(w *wire) (reply, error) {
	line, err := w.line()
	if err != nil {
		return reply{}, err
	}
	r := reply{text: clean(line)}
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case strings.EqualFold(word, "+OK"):
		r.ok = true
	case strings.EqualFold(word, "-ERR"):
	case strings.HasPrefix(line, "+"):
		r.more = true
	default:
		return r, errSyntax
	}
	if strings.HasPrefix(rest, "[") {
		if code, _, ok := strings.Cut(rest[1:], "]"); ok {
			r.code = strings.ToUpper(code)
		}
	}
	return r, nil
}

func (p pop3Dialect) command(w *wire, line string) (reply, error) {
	if err := w.send(line); err != nil {
		return reply{}, err
	}
	return p.read(w)
}

// multiline reads an answer that ends with a dot.
func (p pop3Dialect) multiline(w *wire, line string) (reply, error) {
	r, err := p.command(w, line)
	if err != nil || !r.ok {
		return r, err
	}
	for range 16 * maxLines { // the headers of messages can be long; less than this is kept
		line, err := w.line()
		if err != nil {
			return r, err
		}
		if line == "." {
			return r, nil
		}
		if len(r.lines) < maxLines {
			r.lines = append(r.lines, strings.TrimPrefix(line, "."))
		}
	}
	return r, errLongReply
}

func (p pop3Dialect) greeting(w *wire) (reply, error) {
	r, err := p.read(w)
	if r.more {
		return r, errSyntax
	}
	return r, err
}

func (p pop3Dialect) capabilities(w *wire) (*Capabilities, error) {
	r, err := p.multiline(w, "CAPA")
	if err != nil {
		return nil, err
	}
	c := &Capabilities{Names: []string{}, Mechanisms: []string{}}
	if !r.ok { // RFC 1939 alone: USER is the only way
		c.NotAnswered = r.text
		c.userPass, c.TakesLogin = true, true
		c.Mechanisms = []string{"USER"}
		return c, nil
	}
	for _, line := range r.lines {
		line = clean(line)
		c.Names = append(c.Names, line)
		word, rest, _ := strings.Cut(line, " ")
		switch strings.ToUpper(word) {
		case "STLS":
			c.starttls = true
		case "USER":
			c.userPass = true
			c.Mechanisms = addOnce(c.Mechanisms, "USER")
		case "SASL":
			c.Mechanisms = addOnce(c.Mechanisms, strings.Fields(rest)...)
		}
	}
	c.TakesLogin = len(c.Mechanisms) > 0
	return c, nil
}

func (p pop3Dialect) starttls(w *wire) (reply, error) { return p.command(w, "STLS") }

func (pop3Dialect) usable(c *Capabilities) string {
	return firstOf(c.Mechanisms, "PLAIN", "USER", "LOGIN")
}

func (p pop3Dialect) login(w *wire, mechanism, user, password string) (reply, error) {
	if mechanism == "USER" {
		r, err := p.command(w, "USER "+user)
		if err != nil || !r.ok {
			return r, err
		}
		return p.command(w, "PASS "+password)
	}
	r, err := p.command(w, "AUTH "+mechanism)
	if err != nil || !r.more {
		return r, err
	}
	for _, answer := range answers(mechanism, user, password) {
		if r, err = p.command(w, answer); err != nil || !r.more {
			return r, err
		}
	}
	return r, err
}

var errNoTop = errors.New("the server doesn't show the heads of messages (TOP)")

// find looks for a Message-ID in the newest messages.
func (p pop3Dialect) find(w *wire, id string) (bool, error) {
	r, err := p.command(w, "STAT")
	if err != nil {
		return false, err
	}
	words := strings.Fields(r.text)
	if !r.ok || len(words) < 2 {
		return false, errSyntax
	}
	count, err := strconv.Atoi(words[1])
	if err != nil {
		return false, errSyntax
	}
	const newest = 20
	for n := count; n > 0 && n > count-newest; n-- {
		r, err := p.multiline(w, "TOP "+strconv.Itoa(n)+" 0")
		if err != nil {
			return false, err
		}
		if !r.ok {
			return false, errNoTop
		}
		for _, line := range r.lines {
			if strings.Contains(line, id) {
				return true, nil
			}
		}
	}
	return false, nil
}

func (pop3Dialect) greets(first string) bool { return beginsWith(first, "+OK", "-ERR") }

func (p pop3Dialect) openInbox(w *wire) (reply, error) { return p.command(w, "STAT") }

func (p pop3Dialect) quit(w *wire) { _, _ = p.command(w, "QUIT") }

func (pop3Dialect) tour() string { return "CAPA\nNOOP" }

func (p pop3Dialect) ask(w *wire, line string) (reply, error) {
	if line == "CAPA" {
		return p.multiline(w, line)
	}
	return p.command(w, line)
}
