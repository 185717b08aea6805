package robot

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// letter is a message in the outbox.
type letter struct {
	id   string
	to   []string // recipients who haven't received it yet
	body []byte
	err  error // a recipient was refused permanently
	done bool
}

func newLetter(id string, size int, to ...string) *letter {
	head := "From: <alice@example.test>\r\nTo: <" + to[0] + ">\r\nSubject: " + id + "\r\nMessage-ID: <" + id + "@robot.example.test>\r\n\r\n"
	const line = "The quick brown fox jumps over the lazy dog, again and again.\r\n"
	return &letter{id: id, to: to, body: []byte(head + ".A dot begins this line.\r\n" + strings.Repeat(line, 3+size/len(line)))}
}

// outbox returns what there is to send, grouped by the door that is tried first.
func (r *robot) outbox() []*task {
	var many []string
	for i := range 8 {
		many = append(many, "reader"+itoa(i)+"@example.test")
	}
	batch := []*letter{newLetter("one", 0, many...), newLetter("two", 0, "carol@example.test")}
	for i := range r.job.Letters {
		batch = append(batch, newLetter("more"+itoa(i), 0, "carol"+itoa(i)+"@example.test"))
	}
	tasks := []*task{
		r.sendTask([]int{587, 465, 2525}, batch),
		r.sendTask([]int{465, 587, 2525}, []*letter{newLetter("big", 120_000, "dave@example.test")}),
		r.sendTask([]int{25, 587, 465, 2525}, []*letter{newLetter("three", 0, "erin@example.test", "unknown@example.test")}),
	}
	return tasks
}

func (r *robot) sendTask(doors []int, letters []*letter) *task {
	return &task{doors: doors, do: func(door int) (bool, error) { return r.sendAt(door, letters) }}
}

func (r *robot) sendAll() error {
	if r.job.Connections < 2 {
		return r.rounds(r.outbox())
	}
	return together(r.job.Connections, func(i int) error {
		l := newLetter("parallel"+itoa(i), 100_000, "carol"+itoa(i)+"@example.test")
		return r.rounds([]*task{r.sendTask([]int{587, 465, 2525}, []*letter{l})})
	})
}

// smtpReply is a reply of one or more lines.
type smtpReply struct {
	code  int
	lines []string
}

func (p *smtpReply) fate() fate {
	switch p.code / 100 {
	case 4:
		return later
	case 5:
		return never
	}
	return unfit // not a reply
}

func (p *smtpReply) text() string { return strings.Join(p.lines, " / ") }

// smtp is a connection of the careful robot.
type smtp struct {
	*wire
	caps     map[string]string // upper case -> parameters
	greeted  bool
	loggedIn bool
}

func (c *smtp) reply(verb string) (*smtpReply, error) {
	p := &smtpReply{}
	for len(p.lines) < maxLines {
		line, err := c.line()
		if err != nil {
			return nil, err
		}
		p.lines = append(p.lines, line)
		code, bad := 0, len(line) < 3
		if !bad {
			n, err := strconv.Atoi(line[:3])
			code, bad = n, err != nil
		}
		if bad || len(line) > 3 && line[3] != ' ' && line[3] != '-' {
			return nil, fail(unfit, "this isn't SMTP: %q", line)
		}
		if len(line) == 3 || line[3] == ' ' {
			p.code = code
			return p, c.usual(verb, p.lines)
		}
	}
	return nil, fail(unfit, "a reply without end")
}

func (c *smtp) do(line string) (*smtpReply, error) {
	if err := c.send(line); err != nil {
		return nil, err
	}
	verb, _, _ := strings.Cut(line, " ")
	return c.reply(verb)
}

// refused turns a reply into a trouble.
func (c *smtp) refused(verb string, p *smtpReply) *trouble {
	return &trouble{fate: p.fate(), in: c.loggedIn, text: verb + ": " + p.text()}
}

// sendAt sends the remaining letters at one door.
func (r *robot) sendAt(door int, letters []*letter) (progress bool, err error) {
	if r.loginRefused("smtp") {
		return false, fail(never, "the login was refused")
	}
	w, err := r.dial(door, "smtp")
	if err != nil {
		return false, err
	}
	defer w.close()
	c := &smtp{wire: w}
	if err := c.open(door); err != nil {
		if c.greeted {
			_, _ = c.do("QUIT") // it is over either way
		}
		return false, err
	}
	c.loggedIn = true
	var soft, hard error
	for i, l := range letters {
		if l.done {
			continue
		}
		if i > 0 {
			if _, err := c.do("RSET"); err != nil { // refused: there was nothing to reset
				return progress, inside(err)
			}
		}
		had := len(l.to)
		err := c.transaction(l)
		progress = progress || len(l.to) < had && l.err == nil
		var t *trouble
		switch {
		case err == nil:
		case fateOf(err) == lost, c.broken(err):
			return progress, inside(err)
		case fateOf(err) == later:
			soft = err
		default:
			t = fail(never, "%v", err)
			hard = t
			if strings.HasPrefix(err.Error(), "MAIL") || r.Known != nil { // the other letters would fare no better
				_, _ = c.do("QUIT")
				return progress, err
			}
			l.done = true
		}
		if l.err != nil {
			hard = l.err
		}
	}
	if r.job.Connections > 1 {
		r.sleep(400 * time.Millisecond) // so that the connections are open at the same time
	}
	if _, e := c.do("QUIT"); e != nil && r.Known != nil { // otherwise the mail is already there
		return progress, e
	}
	if soft != nil {
		return progress, inside(soft)
	}
	return progress, hard
}

// inside marks a trouble as one after the login: another door won't help.
func inside(err error) error {
	return &trouble{fate: fateOf(err), in: true, text: err.Error()}
}

// broken reports whether the server has announced that it closes the connection.
func (c *smtp) broken(err error) bool { return strings.Contains(err.Error(), ": 421") }

// open connects and logs in.
func (c *smtp) open(door int) error {
	if door == 465 {
		if err := c.handshake(); err != nil {
			return err
		}
	}
	p, err := c.reply("greeting")
	if err != nil {
		return err
	}
	c.greeted = p.code/100 == 2 || p.code/100 >= 4
	if p.code != 220 {
		t := c.refused("greeting", p)
		if t.fate == never {
			t.fate = unfit // another door may serve us
		}
		return t
	}
	if err := c.ehlo(); err != nil {
		return err
	}
	if !c.secure {
		if _, ok := c.caps["STARTTLS"]; !ok {
			return fail(unfit, "door %d offers no STARTTLS", door)
		}
		p, err := c.do("STARTTLS")
		if err != nil {
			return err
		}
		if p.code != 220 {
			t := c.refused("STARTTLS", p)
			if t.fate == never {
				t.fate = unfit
			}
			return t
		}
		if err := c.handshake(); err != nil {
			c.greeted = false
			return err
		}
		if err := c.ehlo(); err != nil {
			return err
		}
	}
	return c.login()
}

func (c *smtp) ehlo() error {
	p, err := c.do("EHLO robot.example.test")
	if err != nil {
		return err
	}
	c.caps = map[string]string{}
	if p.code == 250 {
		for _, line := range p.lines[1:] {
			if len(line) > 4 {
				word, rest, _ := strings.Cut(line[4:], " ")
				if m, ok := strings.CutPrefix(strings.ToUpper(word), "AUTH="); ok {
					word, rest = "AUTH", m+" "+rest
				}
				word = strings.ToUpper(word)
				c.caps[word] = strings.TrimSpace(c.caps[word] + " " + strings.ToUpper(rest))
			}
		}
		return nil
	}
	t := c.refused("EHLO", p)
	if t.fate == never {
		t.fate = unfit // without extensions there is neither TLS nor a login
	}
	return t
}

// transaction sends a letter to every recipient whom the server accepts.
func (c *smtp) transaction(l *letter) error {
	mail := "MAIL FROM:<" + c.r.target.User + ">"
	if size, ok := c.caps["SIZE"]; ok {
		limit, _ := strconv.Atoi(size) // no number means no limit
		if limit > 0 && len(l.body) > limit {
			return fail(never, "the message has %d bytes, and the server takes %d", len(l.body), limit)
		}
		mail += fmt.Sprintf(" SIZE=%d", len(l.body))
	}
	lines := []string{mail}
	for _, to := range l.to {
		lines = append(lines, "RCPT TO:<"+to+">")
	}
	lines = append(lines, "DATA")
	_, pipelining := c.caps["PIPELINING"]
	atOnce := pipelining && c.r.job.Pipeline
	if atOnce {
		if err := c.send(strings.Join(lines, "\r\n")); err != nil {
			return err
		}
	}
	ask := func(line string) (*smtpReply, error) {
		if atOnce {
			verb, _, _ := strings.Cut(line, " ")
			return c.reply(verb)
		}
		return c.do(line)
	}
	p, err := ask(mail)
	if err != nil {
		return err
	}
	if p.code/100 != 2 {
		return c.refused("MAIL", p)
	}
	var taken, left []string
	var soft error
	for i, to := range l.to {
		p, err := ask(lines[i+1])
		if err != nil {
			return err
		}
		switch {
		case p.code/100 == 2:
			taken = append(taken, to)
		case p.fate() == later:
			left = append(left, to)
			soft = c.refused("RCPT", p)
			if p.code == 421 {
				return soft
			}
		default:
			l.err = c.refused("RCPT", p)
		}
	}
	switch {
	case len(taken) == 0 && !atOnce:
		l.to = left
		l.done = len(left) == 0
		if _, err := c.do("RSET"); err != nil && soft == nil && l.err == nil {
			return err
		}
		return soft
	default:
		p, err := ask("DATA")
		if err != nil {
			return err
		}
		if p.code != 354 {
			if p.code/100 == 2 {
				return fail(never, "DATA was answered with %s", p.text())
			}
			if len(taken) == 0 {
				l.to, l.done = left, len(left) == 0
				return soft
			}
			return c.refused("DATA", p)
		}
	}
	body := strings.ReplaceAll(string(l.body), "\n.", "\n..")
	c.patience = c.r.Patience.Final
	defer func() { c.patience = c.r.Patience.Reply }()
	if err := c.write([]byte(body + ".\r\n")); err != nil {
		return err
	}
	p, err = c.reply("message")
	if err != nil {
		return err
	}
	if p.code/100 != 2 {
		return c.refused("message", p)
	}
	l.to, l.done = left, len(left) == 0
	return soft
}
