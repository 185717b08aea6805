package robot

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// imap is a connection of the careful robot.
type imap struct {
	*wire
	n       int
	caps    []string // in upper case
	greeted bool
	bye     bool
}

// imapReply is the reply to a command.
type imapReply struct {
	lines    []string // untagged, without literals
	literals [][]byte
	status   string // OK, NO, BAD
	text     string // after the status
	tagged   string
}

func (p *imapReply) ok() bool { return p.status == "OK" }

var (
	literalEnd = regexp.MustCompile(`\{(\d+)\}$`)
	capsIn     = regexp.MustCompile(`(?i)(?:^\* CAPABILITY |\[CAPABILITY )([^\]]*)`)
)

// entry reads a line with its literals.
func (c *imap) entry() (line string, literals [][]byte, err error) {
	for range maxLines {
		part, err := c.line()
		if err != nil {
			return line, literals, err
		}
		line += part
		m := literalEnd.FindStringSubmatch(part)
		if m == nil || strings.HasPrefix(line, "+") {
			return line, literals, nil
		}
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return line, literals, fail(never, "a literal of %s bytes", m[1])
		}
		b, err := c.bytes(n)
		if err != nil {
			return line, literals, err
		}
		literals = append(literals, b)
	}
	return line, literals, fail(unfit, "a line without end")
}

// learn reads a capability list in a line, if there is one.
func (c *imap) learn(line string) bool {
	m := capsIn.FindStringSubmatch(line)
	if m != nil {
		c.caps = strings.Fields(strings.ToUpper(m[1]))
	}
	return m != nil
}

func (c *imap) has(name string) bool { return slices.Contains(c.caps, name) }

// do sends a command and reads its reply. answers are the answers to continuation requests, in order. After the last
// one it answers "*".
func (c *imap) do(command string, answers ...string) (*imapReply, error) {
	c.n++
	tag := "r" + itoa(c.n)
	if err := c.send(tag + " " + command); err != nil {
		return nil, err
	}
	words := strings.Fields(command)
	verb := words[0]
	if verb == "UID" {
		verb = words[0] + " " + words[1]
	}
	p := &imapReply{}
	var shape []string
	for range maxLines {
		line, literals, err := c.entry()
		if err != nil {
			return p, err
		}
		shape = append(shape, line)
		p.literals = append(p.literals, literals...)
		rest, tagged := strings.CutPrefix(line, tag+" ")
		switch {
		case tagged:
			p.tagged = line
			p.status, p.text, _ = strings.Cut(rest, " ")
			p.status = strings.ToUpper(p.status)
			if verb != "CAPABILITY" && c.learn(line) {
				c.learn(line)
			}
			if err := c.usual(verb, shape); err != nil {
				return p, err
			}
			if p.status != "OK" && p.status != "NO" && p.status != "BAD" {
				return p, fail(unfit, "this isn't IMAP: %q", line)
			}
			return p, nil
		case strings.HasPrefix(line, "+"):
			if err := c.usual(verb+" continuation", shape[len(shape)-1:]); err != nil {
				return p, err
			}
			answer := "*"
			if len(answers) > 0 {
				answer, answers = answers[0], answers[1:]
			}
			if err := c.send(answer); err != nil {
				return p, err
			}
		case strings.HasPrefix(line, "* BYE") && verb != "LOGOUT":
			c.bye = true
			return p, fail(later, "%s: %s", verb, line)
		case strings.HasPrefix(line, "* "):
			c.learn(line)
			p.lines = append(p.lines, line)
		case verb == "STARTTLS" || !strings.Contains(line, " "):
			return p, fail(unfit, "this isn't IMAP: %q", line)
		}
	}
	return p, fail(unfit, "a reply without end")
}

var imapLater = []string{"UNAVAILABLE", "INUSE", "EXPUNGEISSUED", "THROTTLED"}

// refused turns a reply into a trouble.
func (p *imapReply) refused(verb string) *trouble {
	f := never
	code, _, _ := strings.Cut(strings.TrimPrefix(p.text, "["), "]")
	if strings.HasPrefix(p.text, "[") && slices.Contains(imapLater, strings.ToUpper(code)) {
		f = later
	}
	return fail(f, "%s: %s", verb, p.tagged)
}

// open connects and logs in.
func (c *imap) open(door int) error {
	if door == 993 {
		if err := c.handshake(); err != nil {
			return err
		}
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	if err := c.usual("greeting", []string{line}); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(line, "* BYE"):
		return fail(later, "greeting: %s", line)
	case strings.HasPrefix(line, "* PREAUTH") && !c.secure:
		return fail(unfit, "logged in before TLS: %s", line)
	case !strings.HasPrefix(line, "* OK") && !strings.HasPrefix(line, "* PREAUTH"):
		return fail(unfit, "this isn't IMAP: %q", line)
	}
	c.greeted = true
	if err := c.capability(); err != nil {
		return err
	}
	if !c.secure {
		if !c.has("STARTTLS") {
			return fail(unfit, "door %d offers no STARTTLS", door)
		}
		p, err := c.do("STARTTLS")
		if err != nil {
			return err
		}
		if !p.ok() {
			t := p.refused("STARTTLS")
			if t.fate == never {
				t.fate = unfit
			}
			return t
		}
		c.caps, c.greeted = nil, false
		if err := c.handshake(); err != nil {
			return err
		}
		c.greeted = true
		if err := c.capability(); err != nil {
			return err
		}
	}
	if strings.HasPrefix(line, "* PREAUTH") {
		return nil
	}
	return c.login()
}

func (c *imap) capability() error {
	c.caps = nil
	p, err := c.do("CAPABILITY")
	if err != nil {
		return err
	}
	if !p.ok() {
		t := p.refused("CAPABILITY")
		t.fate = unfit
		return t
	}
	return nil
}

func (c *imap) login() error {
	user, password := c.r.target.User, c.r.target.Password
	plain := b64("\x00" + user + "\x00" + password)
	var p *imapReply
	var err error
	var listed []string
	for _, name := range c.caps {
		if m, ok := strings.CutPrefix(name, "AUTH="); ok {
			listed = append(listed, m)
		}
	}
	token := c.r.tokenMechanism(listed)
	switch {
	case token != "":
		none := c.r.eachToken(func(t string) bool {
			answers := []string{acknowledgement(token)}
			command := "AUTHENTICATE " + token
			if c.has("SASL-IR") {
				command += " " + bearer(token, user, t)
			} else {
				answers = slices.Insert(answers, 0, bearer(token, user, t))
			}
			p, err = c.do(command, answers...)
			return err != nil || p.ok()
		})
		if none != nil {
			c.r.refuseLogin("imap")
			return none
		}
	case c.has("AUTH=PLAIN") && c.has("SASL-IR"):
		p, err = c.do("AUTHENTICATE PLAIN " + plain)
	case c.has("AUTH=PLAIN"):
		p, err = c.do("AUTHENTICATE PLAIN", plain)
	case c.has("AUTH=LOGIN"):
		p, err = c.do("AUTHENTICATE LOGIN", b64(user), b64(password))
	case !c.has("LOGINDISABLED"):
		p, err = c.do("LOGIN " + quote(user) + " " + quote(password))
	default:
		return fail(unfit, "no mechanism in common: %v", c.caps)
	}
	if err != nil {
		return inside(err)
	}
	if !p.ok() {
		t := p.refused("login")
		t.in = true
		if t.fate == never {
			c.r.refuseLogin("imap")
		}
		return t
	}
	if !slices.ContainsFunc(p.lines, func(l string) bool { return capsIn.MatchString(l) }) && !capsIn.MatchString(p.tagged) {
		return c.capability()
	}
	return nil
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

func (r *robot) fetchIMAP() error {
	work := func(name string, doors ...int) *task {
		m := newMailbox(name)
		return &task{doors: doors, do: func(door int) (bool, error) { return r.imapAt(door, m) }}
	}
	if r.job.Connections > 1 {
		return together(r.job.Connections, func(i int) error { return r.rounds([]*task{work(fmt.Sprintf("Kept%d", i), 993, 143)}) })
	}
	return r.rounds([]*task{work("Kept", 993, 143), work("Held", 143, 993)})
}

// imapAt does at one door what is left to do in a mailbox.
func (r *robot) imapAt(door int, m *mailbox) (progress bool, err error) {
	if r.loginRefused("imap") {
		return false, fail(never, "the login was refused")
	}
	w, err := r.dial(door, "imap")
	if err != nil {
		return false, err
	}
	defer w.close()
	c := &imap{wire: w}
	if err := c.open(door); err != nil {
		if c.greeted && fateOf(err) != lost && !c.bye {
			_, _ = c.do("LOGOUT")
		}
		return false, err
	}
	progress, err = c.work(m, door)
	if err != nil && (c.bye || fateOf(err) == lost) {
		return progress, inside(err)
	}
	if _, e := c.do("LOGOUT"); e != nil && r.Known != nil {
		return progress, e
	}
	if err != nil {
		return progress, inside(err)
	}
	return progress, m.err
}
