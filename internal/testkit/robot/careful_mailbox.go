package robot

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// mailbox is what the careful robot knows about its account, and how far it has come with its list of things to do.
type mailbox struct {
	name     string // of the folder that it makes
	prefix   string // of all its folders
	validity string
	uids     []string
	have     map[string]bool
	done     map[string]bool // steps
	err      error           // something was refused permanently
}

func newMailbox(name string) *mailbox {
	return &mailbox{name: name, have: map[string]bool{}, done: map[string]bool{}}
}

var (
	validityIn = regexp.MustCompile(`\[UIDVALIDITY (\d+)\]`)
	searchLine = regexp.MustCompile(`^\* SEARCH((?: \d+)*) *$`)
)

// folder returns a folder's name in the server's form.
func (m *mailbox) folder(name string) string { return m.prefix + name }

// step is something to do once, in any session.
type step struct {
	name string
	do   func() error
}

// work does the remaining steps. It drops what the server refuses permanently, and retries later what the server can't
// do now.
func (c *imap) work(m *mailbox, door int) (progress bool, err error) {
	var soft error
	selected := ""
	steps := []step{
		{"look round", func() error { selected = ""; return c.lookRound(m) }},
		{"fetch", func() error { return c.fetch(m, &progress) }},
		{"mark", func() error { return c.must("UID STORE "+m.uids[0]+` +FLAGS (\Seen)`, nil) }},
		{"make", func() error { return c.must("CREATE "+m.folder(m.name), nil) }},
		{"copy", func() error { return c.withFolder(m, "UID COPY "+m.uids[0]+" "+m.folder(m.name), nil) }},
		{"append", func() error {
			return c.withFolder(m, "APPEND "+m.folder("Sent"), newLetter("draft", 300, "carol@example.test").body)
		}},
		{"tidy", func() error { selected = ""; return c.tidy(m) }},
		{"delete", func() error { return c.must("DELETE "+m.folder(m.name), nil) }},
		{"noop", func() error { return c.must("NOOP", nil) }},
		{"idle", func() error { return c.idle(m, door) }},
	}
	inbox := []string{"fetch", "mark", "copy", "noop", "idle"}
	for _, s := range steps {
		if m.done[s.name] {
			continue
		}
		if slices.Contains(inbox, s.name) && selected != "INBOX" {
			if err := c.selectInbox(m); err != nil {
				if fateOf(err) == never {
					m.err = err
				}
				return progress, err
			}
			selected = "INBOX"
		}
		if len(m.uids) == 0 && (s.name == "mark" || s.name == "copy") {
			m.done[s.name] = true
			continue
		}
		err := s.do()
		switch {
		case err == nil:
			m.done[s.name] = true
			progress = progress || s.name != "look round"
		case fateOf(err) == never && c.r.Known == nil:
			m.done[s.name], m.err = true, err
			if s.name == "make" { // there is nowhere to put a copy
				m.done["copy"], m.done["tidy"], m.done["delete"] = true, true, true
			}
		case c.r.Known == nil && (c.bye || fateOf(err) == lost) && (s.name == "noop" || s.name == "idle"): // it was the last thing to do anyway
			m.done["noop"], m.done["idle"] = true, true
			return progress, soft
		case fateOf(err) == later && !c.bye:
			soft = err
		default:
			return progress, err
		}
		if s.name == "look round" {
			m.done[s.name] = false // again in every session
		}
	}
	return progress, soft
}

// must sends a command that the job depends on. literal, if not nil, follows as a literal.
func (c *imap) must(command string, literal []byte) error {
	var p *imapReply
	var err error
	if literal != nil {
		p, err = c.do(command+" {"+itoa(len(literal))+"}", string(literal))
	} else {
		p, err = c.do(command)
	}
	if err != nil {
		return err
	}
	if !p.ok() {
		return p.refused(command)
	}
	return nil
}

// may sends a command that the job doesn't depend on.
func (c *imap) may(command string) error {
	_, err := c.do(command)
	return err
}

// withFolder makes the folder if the server says that it doesn't exist.
func (c *imap) withFolder(m *mailbox, command string, literal []byte) error {
	err := c.must(command, literal)
	if err == nil || !strings.Contains(err.Error(), "[TRYCREATE]") || m.done[command] {
		return err
	}
	m.done[command] = true
	folder := m.folder(m.name)
	if strings.HasPrefix(command, "APPEND ") {
		folder = strings.Fields(command)[1]
	}
	if err := c.may("CREATE " + folder); err != nil {
		return err
	}
	return c.must(command, literal)
}

// lookRound explores the server and the account.
func (c *imap) lookRound(m *mailbox) error {
	var commands []string
	if c.has("ID") {
		commands = append(commands, `ID ("name" "robot")`)
	}
	if c.has("ENABLE") && c.has("CONDSTORE") {
		commands = append(commands, "ENABLE CONDSTORE")
	}
	if c.has("COMPRESS=DEFLATE") {
		commands = append(commands, "COMPRESS DEFLATE")
	}
	if c.has("NAMESPACE") {
		p, err := c.do("NAMESPACE")
		if err != nil {
			return err
		}
		for _, line := range p.lines {
			if own := namespaceLine.FindStringSubmatch(line); own != nil {
				m.prefix = own[1]
			}
		}
	}
	for _, command := range append(commands, `LSUB "" "*"`, "STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY)") {
		if err := c.may(command); err != nil {
			return err
		}
	}
	p, err := c.do(`LIST "" "*"`)
	if err != nil {
		return err
	}
	for i, line := range p.lines {
		folder := listLine.FindStringSubmatch(line)
		if folder == nil || strings.Contains(strings.ToUpper(folder[1]), `\NOSELECT`) || strings.EqualFold(folder[2], "INBOX") || m.done["folder "+folder[2]] || i > 20 {
			continue
		}
		if c.r.job.Connections > 1 && strings.Contains(folder[2], "Kept") && folder[2] != m.prefix+m.name {
			continue // it belongs to another connection, which is about to remove it
		}
		m.done["folder "+folder[2]] = true
		if err := c.may("EXAMINE " + quote(folder[2])); err != nil { // gone: the other folders are still there
			return err
		}
	}
	return nil
}

// namespaceLine finds the prefix of the user's own folders (RFC 2342).
var namespaceLine = regexp.MustCompile(`^\* NAMESPACE \(\("([^"]*)"`)

var listLine = regexp.MustCompile(`^\* LIST \(([^)]*)\) (?:"[^"]*"|NIL) "?([^"{}]+)"?$`)

func (c *imap) selectInbox(m *mailbox) error {
	p, err := c.do("SELECT INBOX")
	if err != nil {
		return err
	}
	if !p.ok() {
		return p.refused("SELECT")
	}
	validity := ""
	for _, line := range p.lines {
		if v := validityIn.FindStringSubmatch(line); v != nil {
			validity = v[1]
		}
	}
	if validity == "" || validity != m.validity { // RFC 9051 section 2.3.1.1
		m.have = map[string]bool{}
	}
	m.validity = validity
	p, err = c.do("UID SEARCH ALL")
	if err != nil {
		return err
	}
	if !p.ok() {
		return p.refused("UID SEARCH")
	}
	m.uids = nil
	for _, line := range p.lines {
		if s := searchLine.FindStringSubmatch(line); s != nil {
			m.uids = append(m.uids, strings.Fields(s[1])...)
		}
	}
	m.uids = m.uids[max(0, len(m.uids)-newest):]
	return nil
}

// newest is how many messages the careful robot fetches, the latest ones.
const newest = 5

func (c *imap) fetch(m *mailbox, progress *bool) error {
	if err := c.may("UID SEARCH SUBJECT nothing-has-this"); err != nil {
		return err
	}
	if !m.done["list"] {
		first := "1"
		if len(m.uids) > 0 {
			first = m.uids[0]
		}
		if err := c.must("UID FETCH "+first+":* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODYSTRUCTURE)", nil); err != nil {
			return err
		}
		m.done["list"], *progress = true, true
	}
	for _, uid := range m.uids {
		if m.have[uid] {
			continue
		}
		p, err := c.do("UID FETCH " + uid + " (UID BODY.PEEK[])")
		switch {
		case err != nil:
			return err
		case !p.ok():
			return p.refused("UID FETCH")
		case len(p.literals) == 0:
			return fail(never, "UID FETCH brought no message")
		}
		m.have[uid], *progress = true, true
	}
	return nil
}

// tidy moves the copy away, in the best way that the server offers.
func (c *imap) tidy(m *mailbox) error {
	if err := c.must("SELECT "+m.folder(m.name), nil); err != nil {
		return err
	}
	if c.has("MOVE") {
		return c.must("UID MOVE 1:* "+m.folder("Trash"), nil)
	}
	if err := c.must("UID COPY 1:* "+m.folder("Trash"), nil); err != nil {
		return err
	}
	if err := c.must(`UID STORE 1:* +FLAGS (\Deleted)`, nil); err != nil {
		return err
	}
	if c.has("UIDPLUS") {
		return c.must("UID EXPUNGE 1:*", nil)
	}
	return c.must("EXPUNGE", nil)
}

// idle waits a moment for news. With Job.Idle a message arrives meanwhile, and the robot fetches it whether or not the
// server reported it.
func (c *imap) idle(m *mailbox, door int) error {
	if !c.has("IDLE") {
		return nil
	}
	if !c.r.job.Idle {
		_, err := c.do("IDLE", "DONE")
		return err
	}
	c.n++
	tag := "r" + itoa(c.n)
	if err := c.send(tag + " IDLE"); err != nil {
		return err
	}
	line, err := c.line()
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "+") {
		return fail(never, "IDLE: %s", line)
	}
	if err := c.r.deliver(door); err != nil {
		return err
	}
	told := make(chan error, 2)
	news := 0
	var wg sync.WaitGroup
	wg.Go(func() {
		for range maxLines {
			line, err := c.line()
			if err != nil || strings.HasPrefix(line, "* BYE") {
				told <- fail(lost, "IDLE ended")
				return
			}
			if strings.HasPrefix(line, tag+" ") {
				if news == 0 && c.r.Known != nil {
					told <- fail(never, "no news during IDLE")
				}
				told <- nil
				return
			}
			news++
			if err := c.usual("IDLE news", []string{line}); err != nil {
				told <- err
				return
			}
		}
		told <- fail(unfit, "IDLE without end")
	})
	c.r.sleep(c.r.Patience.Reply / 5)
	err = c.send("DONE")
	wg.Wait()
	if first := <-told; first != nil || err != nil {
		return joinErrors([]error{first, err})
	}
	if err := c.may("NOOP"); err != nil {
		return err
	}
	if err := c.selectInbox(m); err != nil {
		return err
	}
	var progress bool
	return c.fetch(m, &progress)
}

// deliver puts a message into INBOX through a second connection.
func (r *robot) deliver(door int) error {
	w, err := r.dial(door, "imap")
	if err != nil {
		return err
	}
	defer w.close()
	c := &imap{wire: w}
	if err := c.open(door); err != nil {
		return err
	}
	if err := c.must("APPEND INBOX", newLetter("news", 0, r.target.User).body); err != nil {
		return err
	}
	return c.may("LOGOUT")
}
