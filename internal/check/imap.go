package check

import (
	"fmt"
	"strconv"
	"strings"
)

// tag is the tag of every command. Commands come one after the other, so one tag is enough.
const tag = "a1"

type imapDialect struct{}

// line reads one response, including its literals.
func (imapDialect) line(w *wire) (string, error) {
	var all strings.Builder
	for range maxLines {
		part, err := w.line()
		if err != nil {
			return all.String() + part, err
		}
		all.WriteString(part)
		open := strings.LastIndexByte(part, '{')
		if open < 0 || !strings.HasSuffix(part, "}") {
			return all.String(), nil
		}
		n, err := strconv.Atoi(part[open+1 : len(part)-1])
		if err != nil {
			return all.String(), nil
		}
		literal, err := w.readBytes(n)
		if err != nil {
			return all.String(), err
		}
		if all.Len()+len(literal) > maxLiteral {
			return "", errLongReply
		}
		all.WriteString(literal)
	}
	return "", errLongReply
}

// status parses "OK [CODE] text".
func (imapDialect) status(s string) reply {
	word, rest, _ := strings.Cut(s, " ")
	r := reply{text: clean(s)}
	switch strings.ToUpper(word) {
	case "OK":
		r.ok = true
	case "PREAUTH":
		r.ok, r.preauth = true, true
	}
	if strings.HasPrefix(rest, "[") {
		if code, _, ok := strings.Cut(rest[1:], "]"); ok {
			word, _, _ := strings.Cut(code, " ")
			r.code = strings.ToUpper(word)
		}
	}
	return r
}

// read reads up to the tagged response, or up to a continuation request.
func (i imapDialect) read(w *wire) (reply, error) {
	var untagged []string
	for range maxLines {
		line, err := i.line(w)
		if err != nil {
			return reply{lines: untagged}, err
		}
		switch {
		case strings.HasPrefix(line, tag+" "):
			r := i.status(line[len(tag)+1:])
			r.lines = untagged
			return r, nil
		case strings.HasPrefix(line, "+"):
			return reply{more: true, text: clean(line), lines: untagged}, nil
		case strings.HasPrefix(line, "* "):
			untagged = append(untagged, line[2:])
		}
	}
	return reply{}, errLongReply
}

func (i imapDialect) command(w *wire, line string) (reply, error) {
	if err := w.send(tag + " " + line); err != nil {
		return reply{}, err
	}
	return i.read(w)
}

func (i imapDialect) greeting(w *wire) (reply, error) {
	line, err := i.line(w)
	if err != nil {
		return reply{}, err
	}
	rest, ok := strings.CutPrefix(line, "* ")
	if !ok {
		return reply{text: clean(line)}, errSyntax
	}
	r := i.status(rest)
	r.text = clean(line)
	return r, nil
}

func (i imapDialect) capabilities(w *wire) (*Capabilities, error) {
	r, err := i.command(w, "CAPABILITY")
	if err != nil {
		return nil, err
	}
	c := &Capabilities{Names: []string{}, Mechanisms: []string{}, userPass: true}
	if !r.ok {
		c.NotAnswered = r.text
	}
	for _, line := range r.lines {
		words := strings.Fields(cleanLong(line))
		if len(words) == 0 || !strings.EqualFold(words[0], "CAPABILITY") {
			continue
		}
		for _, word := range words[1:] {
			c.Names = append(c.Names, word)
			switch up := strings.ToUpper(word); {
			case up == "STARTTLS":
				c.starttls = true
			case up == "LOGINDISABLED":
				c.userPass = false
			case strings.HasPrefix(up, "AUTH="):
				c.Mechanisms = addOnce(c.Mechanisms, up[len("AUTH="):])
			}
		}
	}
	if c.userPass {
		c.Mechanisms = addOnce(c.Mechanisms, "LOGIN")
	}
	c.TakesLogin = c.userPass || len(c.Mechanisms) > 0
	return c, nil
}

func (i imapDialect) starttls(w *wire) (reply, error) { return i.command(w, "STARTTLS") }

func (imapDialect) usable(c *Capabilities) string {
	if m := firstOf(c.Mechanisms, "PLAIN"); m != "" {
		return m
	}
	if c.userPass {
		return "LOGIN" // the command, which every server must accept unless it forbids it
	}
	return ""
}

func (i imapDialect) login(w *wire, mechanism, user, password string) (reply, error) {
	if mechanism == "LOGIN" {
		return i.command(w, "LOGIN "+quoted(user)+" "+quoted(password))
	}
	r, err := i.command(w, "AUTHENTICATE "+mechanism)
	if err != nil || !r.more {
		return r, err
	}
	said := r.lines
	for _, answer := range answers(mechanism, user, password) {
		if err := w.send(answer); err != nil {
			return r, err
		}
		if r, err = i.read(w); err != nil || !r.more {
			r.lines = append(said, r.lines...)
			return r, err
		}
	}
	return r, err
}

// quoted returns a quoted string. Line ends can't occur in one; the check refuses them before it begins.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// examine opens INBOX read-only. A login that works must be able to do that.
func (i imapDialect) examine(w *wire, folder string) (reply, error) {
	return i.command(w, "EXAMINE "+quoted(folder))
}

// search looks for a message by its Message-ID, and returns how many there are.
func (i imapDialect) search(w *wire, id string) (int, error) {
	r, err := i.command(w, "UID SEARCH HEADER Message-ID "+quoted(id))
	if err != nil {
		return 0, err
	}
	if !r.ok {
		return 0, fmt.Errorf("the server refuses to search: %s", r.text)
	}
	n := 0
	for _, line := range r.lines {
		words := strings.Fields(line)
		if len(words) > 0 && strings.EqualFold(words[0], "SEARCH") {
			n += len(words) - 1
		}
	}
	return n, nil
}

// junk returns the folder into which the server puts spam, or "".
func (i imapDialect) junk(w *wire) (string, error) {
	r, err := i.command(w, `LIST "" "*"`)
	if err != nil {
		return "", err
	}
	for _, line := range r.lines {
		name := line[strings.LastIndexByte(line, ' ')+1:]
		if strings.HasSuffix(line, `"`) {
			trimmed := strings.TrimSuffix(line, `"`)
			name = trimmed[strings.LastIndexByte(trimmed, '"')+1:]
		}
		bare := strings.ToLower(name)
		if strings.Contains(strings.ToLower(line), `\junk`) || bare == "junk" || bare == "spam" {
			return name, nil
		}
	}
	return "", nil
}

func (imapDialect) greets(first string) bool {
	return beginsWith(first, "* OK", "* PREAUTH", "* BYE", "* NO", "* BAD")
}

func (i imapDialect) openInbox(w *wire) (reply, error) { return i.examine(w, "INBOX") }

func (i imapDialect) quit(w *wire) { _, _ = i.command(w, "LOGOUT") }

func (imapDialect) tour() string { return "CAPABILITY\nNAMESPACE\nLIST \"\" *\nNOOP" }

func (i imapDialect) ask(w *wire, line string) (reply, error) { return i.command(w, line) }
