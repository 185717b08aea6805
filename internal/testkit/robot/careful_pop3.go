package robot

import (
	"slices"
	"strings"
	"sync"
)

// pop3 is a connection of the careful robot.
type pop3 struct {
	*wire
	caps  map[string]string // nil: the server doesn't say
	asked bool
}

// maildrop is what the robot has fetched through one door.
type maildrop struct {
	have    map[string]bool // by unique id, or by number if there is none
	deleted bool
	bad     map[string]bool // refused permanently
	noDele  bool
	err     error
}

func (r *robot) fetchPOP3() error {
	work := func(doors ...int) *task {
		box := &maildrop{have: map[string]bool{}, bad: map[string]bool{}}
		return &task{doors: doors, do: func(door int) (bool, error) { return r.popAt(door, box) }}
	}
	if r.job.Connections > 1 {
		return r.rounds([]*task{work(995, 110)}) // only one client at a time may use a maildrop
	}
	return r.rounds([]*task{work(995, 110), work(110, 995)})
}

// reply reads a reply, with its further lines if the command has any.
func (c *pop3) reply(verb string, multi bool) (lines []string, ok bool, err error) {
	line, err := c.line()
	if err != nil {
		return nil, false, err
	}
	lines = append(lines, line)
	ok = strings.HasPrefix(line, "+OK") || line == "+" || strings.HasPrefix(line, "+ ")
	if !ok && !strings.HasPrefix(line, "-ERR") {
		return lines, false, fail(unfit, "this isn't POP3: %q", line)
	}
	for ok && multi {
		line, err := c.line()
		if err != nil {
			return lines, false, err
		}
		lines = append(lines, line)
		if line == "." {
			break
		}
		if len(lines) > maxLines {
			return lines, false, fail(unfit, "a reply without end")
		}
	}
	shape := lines
	if verb == "RETR" || verb == "TOP" {
		shape = lines[:1]
	}
	return lines, ok, c.usual(verb, shape)
}

func (c *pop3) do(line string, multi bool) (lines []string, ok bool, err error) {
	if err := c.send(line); err != nil {
		return nil, false, err
	}
	verb, _, _ := strings.Cut(line, " ")
	return c.reply(verb, multi)
}

// refusedPOP3 turns an error into a trouble.
func refusedPOP3(verb string, lines []string) *trouble {
	text := strings.ToUpper(lines[0])
	f := never
	for _, code := range []string{"[SYS/TEMP]", "[IN-USE]", "[LOGIN-DELAY]"} {
		if strings.Contains(text, code) {
			f = later
		}
	}
	return fail(f, "%s: %s", verb, lines[0])
}

func (c *pop3) capa() error {
	if c.r.job.NoCAPA {
		return nil
	}
	lines, ok, err := c.do("CAPA", true)
	if err != nil || !ok {
		return err
	}
	c.caps = map[string]string{}
	for _, line := range lines[1:] {
		word, rest, _ := strings.Cut(strings.ToUpper(line), " ")
		c.caps[word] = strings.TrimSpace(c.caps[word] + " " + rest)
	}
	return nil
}

func (c *pop3) has(name string) bool {
	_, ok := c.caps[name]
	return ok || c.caps == nil
}

func (c *pop3) open(door int) error {
	if door == 995 {
		if err := c.handshake(); err != nil {
			return err
		}
	}
	lines, ok, err := c.reply("greeting", false)
	if err != nil {
		return err
	}
	if !ok {
		t := refusedPOP3("greeting", lines)
		if t.fate == never {
			t.fate = unfit
		}
		return t
	}
	if c.in.Buffered() > 0 {
		return fail(unfit, "more than a greeting before anything was asked")
	}
	c.asked = true
	if err := c.capa(); err != nil {
		return err
	}
	if !c.secure {
		if !c.has("STLS") {
			return fail(unfit, "door %d offers no STLS", door)
		}
		lines, ok, err := c.do("STLS", false)
		if err != nil {
			return err
		}
		if !ok {
			t := refusedPOP3("STLS", lines)
			if t.fate == never {
				t.fate = unfit
			}
			return t
		}
		c.caps, c.asked = nil, false
		if err := c.handshake(); err != nil {
			return err
		}
		c.asked = true
		if err := c.capa(); err != nil {
			return err
		}
	}
	if _, listed := c.caps["UTF8"]; listed {
		if _, _, err := c.do("UTF8", false); err != nil { // refused: the robot goes on without it
			return err
		}
	}
	return c.login()
}

func (c *pop3) login() error {
	user, password := c.r.target.Second, c.r.target.Password
	var lines []string
	var ok bool
	var err error
	sasl, listed := c.caps["SASL"]
	token := c.r.tokenMechanism(strings.Fields(sasl))
	switch mechanisms := strings.Fields(sasl); {
	case token != "":
		none := c.r.eachToken(func(t string) bool {
			lines, ok, err = c.do("AUTH "+token+" "+bearer(token, user, t), false)
			if err == nil && ok && strings.HasPrefix(lines[0], "+ ") {
				lines, ok, err = c.do(acknowledgement(token), false)
			}
			return err != nil || ok
		})
		if none != nil {
			return none
		}
	case listed && slices.Contains(mechanisms, "PLAIN"):
		if lines, ok, err = c.do("AUTH PLAIN", false); err == nil && ok {
			lines, ok, err = c.do(b64("\x00"+user+"\x00"+password), false)
		}
	case listed && slices.Contains(mechanisms, "LOGIN"):
		lines, ok, err = c.do("AUTH LOGIN", false)
		for _, answer := range []string{user, password} {
			if err == nil && ok {
				lines, ok, err = c.do(b64(answer), false)
			}
		}
	case c.has("USER"):
		if lines, ok, err = c.do("USER "+user, false); err == nil && ok {
			lines, ok, err = c.do("PASS "+password, false)
		}
	default:
		return fail(unfit, "no mechanism in common: %q", sasl)
	}
	if err != nil || ok {
		return err
	}
	t := refusedPOP3("login", lines)
	t.in = true
	if t.fate == never {
		c.r.refuseLogin("pop3")
	}
	return t
}

// popAt fetches at one door what is missing, and deletes the first message once it has all of them.
func (r *robot) popAt(door int, box *maildrop) (progress bool, err error) {
	if r.loginRefused("pop3") {
		return false, fail(never, "the login was refused")
	}
	w, err := r.dial(door, "pop3")
	if err != nil {
		return false, err
	}
	defer w.close()
	c := &pop3{wire: w}
	if err := c.open(door); err != nil {
		if c.asked {
			_, _, _ = c.do("QUIT", false)
		}
		return false, err
	}
	progress, err = c.fetch(box)
	if err != nil {
		if fateOf(err) != lost {
			_, _, _ = c.do("QUIT", false)
		}
		return progress, inside(err)
	}
	lines, ok, err := c.do("QUIT", false)
	switch {
	case err != nil:
		if box.deleted { // the next look shows whether it was deleted
			box.deleted = false
			return progress, inside(err)
		}
		return progress, nil
	case !ok && box.deleted:
		if t := refusedPOP3("QUIT", lines); t.fate == later {
			box.deleted = false
			return progress, inside(t)
		}
	}
	return progress, box.err
}

func (c *pop3) fetch(box *maildrop) (progress bool, err error) {
	lines, ok, err := c.do("STAT", false)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, refusedPOP3("STAT", lines)
	}
	lines, ok, err = c.do("LIST", true)
	if err != nil {
		return false, err
	}
	if !ok {
		return false, refusedPOP3("LIST", lines)
	}
	var numbers []string
	for _, line := range lines[1:] {
		if n, _, found := strings.Cut(line, " "); found {
			numbers = append(numbers, n)
		}
	}
	ids := map[string]string{}
	if c.has("UIDL") {
		lines, ok, err = c.do("UIDL", true)
		if err != nil {
			return false, err
		}
		times := map[string]int{}
		for _, line := range lines[1:] {
			n, id, found := strings.Cut(line, " ")
			if ok && found && id != "" && id != n {
				ids[n] = id
				times[id]++
			}
		}
		for n, id := range ids {
			if times[id] > 1 {
				delete(ids, n) // not unique
			}
		}
	}
	key := func(n string) string {
		if id := ids[n]; id != "" {
			return id
		}
		return "number " + n
	}
	for _, n := range numbers[max(0, len(numbers)-newest):] {
		if box.have[key(n)] || box.bad[key(n)] {
			continue
		}
		lines, ok, err := c.do("RETR "+n, true)
		if err != nil {
			return progress, err
		}
		if !ok {
			t := refusedPOP3("RETR", lines)
			if t.fate == later {
				return progress, t
			}
			box.bad[key(n)], box.err = true, t
			continue
		}
		box.have[key(n)] = true
		progress = true
	}
	if len(numbers) == 0 || box.deleted || box.noDele || !box.have[key(numbers[0])] || ids[numbers[0]] == "" {
		return progress, nil
	}
	lines, ok, err = c.do("DELE "+numbers[0], false)
	if err != nil {
		return progress, err
	}
	if !ok {
		box.noDele, box.err = true, refusedPOP3("DELE", lines)
		return progress, nil
	}
	box.deleted = true
	return progress, nil
}

func joinErrors(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// together does the same on several connections at the same time.
func together(n int, f func(i int) error) error {
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = f(i) })
	}
	wg.Wait()
	return joinErrors(errs)
}
