package bounds

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestReplicas lets clients of SMTP, IMAP and POP3 work through HAProxy at three replicas. Meanwhile replicas are killed
// (kill -9), stopped and started again, the link between one and the database is cut, and the database crashes and comes
// back. In the end, nothing that was acknowledged may be lost or there twice, UIDs ascend, all replicas show the same, and
// everybody who was waiting has been told. A rule with "times" acts no more often than it says.
func TestReplicas(t *testing.T) {
	if *only != "" && !strings.Contains(*only, "replicas") {
		t.Skip("not asked for")
	}
	rounds := 6
	if *long {
		rounds = 60
	}
	var link *cut
	c := startCluster(t, 3, func(number int, url string) string {
		if number > 0 {
			return url
		}
		link = newCut(t, url)
		return link.url
	})
	checkForwarded(t, c)

	const times = 40
	rule := fmt.Sprintf("name: busy\ntitle: t\nstory: s\nrules:\n  - match: {door: 2525, command: MAIL}\n    times: %d\n    reply: 451 busy\n", times)
	activate := func() {
		t.Helper()
		body := fmt.Sprintf(`{"inline": [{"file": "busy.yaml", "yaml": %q}]}`, rule)
		if _, err := api(c.front, "PUT", "/api/v1/scenario", body); err != nil {
			t.Fatal(err)
		}
		c.active("busy")
	}
	activate()

	var crowd crowd
	crowd.begin(c.front)
	for round := range rounds {
		crowd.await(t, 60)
		switch victim := c.replicas[rand.IntN(len(c.replicas))]; {
		case round%6 == 2:
			c.db.Crash(t)
			c.db.Start(t)
		case round%6 == 4:
			link.set(true)
			crowd.await(t, 60)
			link.set(false)
		case round%6 == 5:
			if err := victim.take().end(); err != nil {
				t.Errorf("a replica that was stopped: %v", err)
			}
			victim.start()
		default:
			if err := victim.take().kill(); err != nil {
				t.Fatal(err)
			}
			crowd.await(t, 20)
			victim.start()
		}
	}
	crowd.await(t, 60)
	crowd.end()

	for _, w := range crowd.workers {
		w.settle(t, c)
	}
	for _, p := range crowd.drops {
		p.settle(t, c)
	}
	crowd.report(t)
	if n := crowd.busy.refused.Load(); n > times {
		t.Errorf("a rule with times: %d has acted %d times", times, n)
	}

	// Now that nobody is killed, exactly.
	activate()
	var refused atomic.Int64
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for range times {
				no, err := knock(c.front)
				if err != nil {
					t.Error(err)
				}
				if no {
					refused.Add(1)
				}
			}
		})
	}
	group.Wait()
	if n := refused.Load(); n != times {
		t.Errorf("a rule with times: %d acts %d times", times, n)
	}
	if out, err := exec.Command(c.program, "data", "check", c.url).CombinedOutput(); err != nil {
		t.Errorf("mailrig data check: %v: %s", err, out)
	}
}

// checkForwarded checks that a replica knows the client's address, although HAProxy connects.
func checkForwarded(t *testing.T, c *cluster) {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)}}
	conn, err := d.DialContext(t.Context(), "tcp", c.front.doors[25])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "QUIT\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		for _, r := range c.replicas {
			if text, err := api(r.rig, "GET", "/api/v1/sessions", ""); err == nil && strings.Contains(text, `"127.0.0.9:`) {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("no replica knows the client's address")
		}
	}
}

// knock sees whether the rule refuses a connection to port 2525.
func knock(r *rig) (refused bool, err error) {
	c, err := r.open(2525)
	if err != nil {
		return false, err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(stuck))
	if err := c.play("EHLO x\r\n", "250 "); err != nil {
		return false, err
	}
	line, err := c.say("MAIL FROM:<a@b.test>\r\n", "250 ", "451 busy")
	return strings.HasPrefix(line, "451"), err
}

// stuck is how long a client stays with one connection, and so with an answer that doesn't come.
const stuck = time.Minute

// crowd are the clients.
type crowd struct {
	workers []*member
	drops   []*drop
	idlers  []*idler
	busy    struct{ refused atomic.Int64 }

	acknowledged atomic.Int64
	stop         chan struct{}
	group        sync.WaitGroup
}

func (c *crowd) begin(front *rig) {
	c.stop = make(chan struct{})
	for i := range 3 {
		c.workers = append(c.workers,
			&member{worker: worker{account: fmt.Sprintf("sender%d", i), step: (*worker).deliver}},
			&member{worker: worker{account: fmt.Sprintf("reader%d", i), step: (*worker).change}})
	}
	for i := range 2 {
		c.drops = append(c.drops, &drop{account: fmt.Sprintf("drop%d", i)})
		c.idlers = append(c.idlers, &idler{account: fmt.Sprintf("idler%d", i)})
	}
	for _, w := range c.workers {
		c.goOn(func() error { return w.work(front, c) })
	}
	for _, d := range c.drops {
		c.goOn(func() error { return d.work(front, c) })
	}
	for _, i := range c.idlers {
		c.goOn(func() error { return i.work(front, c) })
	}
	c.goOn(func() error {
		no, err := knock(front)
		if no {
			c.busy.refused.Add(1)
		}
		return err
	})
}

// goOn does something again and again. After an error it waits a little: the replica, or the database, is away.
func (c *crowd) goOn(do func() error) {
	c.group.Go(func() {
		for !c.ended() {
			if do() != nil {
				select {
				case <-c.stop:
				case <-time.After(50 * time.Millisecond):
				}
			}
		}
	})
}

func (c *crowd) ended() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// await waits until so many further commands were acknowledged.
func (c *crowd) await(t *testing.T, n int64) {
	t.Helper()
	least := c.acknowledged.Load() + n
	for deadline := time.Now().Add(3 * time.Minute); c.acknowledged.Load() < least; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d commands fewer were acknowledged than expected, within three minutes", least-c.acknowledged.Load())
		}
	}
}

func (c *crowd) end() {
	close(c.stop)
	c.group.Wait()
}

// report says how many commands there were, and how soon those who waited were told.
func (c *crowd) report(t *testing.T) {
	t.Helper()
	var took []time.Duration
	for _, i := range c.idlers {
		took = append(took, i.took...)
		if i.err != nil {
			t.Errorf("%s: %v", i.account, i.err)
		}
	}
	if len(took) == 0 {
		t.Fatal("nobody was told of anything")
	}
	slices.Sort(took)
	t.Logf("%d commands were acknowledged; IDLE was told of %d messages, half of them within %v, 99 %% within %v, all within %v",
		c.acknowledged.Load(), len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1])
}

// member is a worker that goes on after an error. What became of the command is then unknown.
type member struct {
	worker
	maybe map[string][]place // other places where a message may be
	wrong error              // an answer that isn't a temporary failure
}

func (m *member) work(front *rig, c *crowd) error {
	if err := m.connect(front); err != nil {
		return err
	}
	defer m.conn.Close()
	m.conn.SetDeadline(time.Now().Add(stuck))
	for !c.ended() {
		m.pending = false
		err := m.step(&m.worker)
		if err == nil {
			c.acknowledged.Add(1)
			continue
		}
		if m.pending {
			if m.maybe == nil {
				m.maybe = map[string][]place{}
			}
			m.maybe[m.subject] = append(m.maybe[m.subject], m.after)
		}
		if m.refused != nil && !temporary(m.refused) && m.wrong == nil {
			m.wrong = m.refused
		}
		return err
	}
	return nil
}

// temporary reports whether an answer says to try again later.
func temporary(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "4") || strings.Contains(text, "NO [UNAVAILABLE]") || strings.Contains(text, "[SYS/TEMP]") || strings.Contains(text, "[IN-USE]")
}

// settle compares what each replica shows with what was acknowledged.
func (m *member) settle(t *testing.T, c *cluster) {
	t.Helper()
	if m.wrong != nil {
		t.Errorf("%s was refused for good: %v", m.account, m.wrong)
	}
	for number, r := range c.replicas {
		found, err := m.look(r.rig)
		if err != nil {
			t.Errorf("%s at replica %d: %v", m.account, number, err)
			continue
		}
		fits := func(is, want place) bool {
			return is.mailbox == want.mailbox && (want.uid == "" || is.uid == want.uid) && is.flags == want.flags
		}
		for subject, want := range m.known {
			if is := found[subject]; !fits(is, want) && !slices.ContainsFunc(m.maybe[subject], func(p place) bool { return fits(is, p) }) {
				t.Errorf("%s at replica %d: %s was acknowledged as %+v, perhaps %+v, and is %+v", m.account, number, subject, want, m.maybe[subject], is)
			}
		}
		for subject, is := range found {
			_, known := m.known[subject]
			if !known && !slices.ContainsFunc(m.maybe[subject], func(p place) bool { return fits(is, p) }) {
				t.Errorf("%s at replica %d: %s should not be there: %+v", m.account, number, subject, is)
			}
		}
		if m.smtp {
			ascend(t, m.account, found, m.known)
		}
	}
}

// ascend checks that messages which were acknowledged one after the other have UIDs in that order. One without an answer may
// have been stored later than the next: the replica was killed, and the database had its transaction already.
func ascend(t *testing.T, account string, found, known map[string]place) {
	t.Helper()
	var order [][2]int
	for subject, is := range found {
		if _, ok := known[subject]; !ok {
			continue
		}
		n, _ := strconv.Atoi(subject[strings.LastIndex(subject, "-")+1:])
		uid, _ := strconv.Atoi(is.uid)
		order = append(order, [2]int{n, uid})
	}
	slices.SortFunc(order, func(x, y [2]int) int { return x[0] - y[0] })
	for i := 1; i < len(order); i++ {
		if order[i][1] <= order[i-1][1] {
			t.Errorf("%s: message %d has UID %d, and message %d before it UID %d", account, order[i][0], order[i][1], order[i-1][0], order[i-1][1])
		}
	}
}

// senderTo returns a worker that delivers to an account which isn't its own. It has delivered n messages.
func senderTo(account string, n int) *worker {
	return &worker{account: account, smtp: true, n: n, known: map[string]place{}}
}

// drop is a client that sends to an account, and fetches and deletes by POP3 what is there.
type drop struct {
	account string
	n       int
	there   map[string]bool // subjects that were acknowledged; false if the message may be gone, or may never have come
	wrong   error
}

func (d *drop) work(front *rig, c *crowd) error {
	if d.there == nil {
		d.there = map[string]bool{}
	}
	sender := senderTo(d.account, d.n)
	if err := sender.connect(front); err != nil {
		return err
	}
	defer sender.conn.Close()
	sender.conn.SetDeadline(time.Now().Add(stuck))
	for range 3 {
		err := sender.deliver()
		d.n = sender.n
		subject := fmt.Sprintf("%s-%d", d.account, d.n)
		if err != nil {
			if sender.pending {
				d.there[subject] = false
			}
			return err
		}
		d.there[subject] = true
		c.acknowledged.Add(1)
	}
	return d.fetch(front, c)
}

// fetch reads everything in the maildrop, deletes it, and leaves.
func (d *drop) fetch(front *rig, c *crowd) error {
	conn, err := front.open(110)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(stuck))
	subjects, err := d.read(conn)
	if err != nil {
		return err
	}
	for i := range subjects {
		if err := conn.play(fmt.Sprintf("DELE %d\r\n", i+1), "+OK"); err != nil {
			return err
		}
	}
	for _, s := range subjects {
		d.there[s] = false
	}
	if err := conn.play("QUIT\r\n", "+OK"); err != nil {
		return err // perhaps they are gone
	}
	c.acknowledged.Add(int64(len(subjects)))
	for _, s := range subjects {
		delete(d.there, s)
	}
	return nil
}

// read logs in and returns the subjects of all messages. They must be those that were acknowledged.
func (d *drop) read(conn *conn) (subjects []string, err error) {
	if err := conn.play("USER "+d.account+"\r\n", "+OK", "PASS x\r\n", "+OK"); err != nil {
		return nil, err
	}
	line, err := conn.say("STAT\r\n", "+OK", "-ERR")
	if err != nil {
		return nil, err
	}
	n, err := strconv.Atoi(strings.Fields(line + " x x")[1])
	if err != nil {
		return nil, err
	}
	for i := range n {
		line, err := conn.say(fmt.Sprintf("TOP %d 0\r\n", i+1), "Subject: ", "-ERR")
		if err != nil {
			return nil, err
		}
		subject, ok := strings.CutPrefix(strings.TrimSpace(line), "Subject: ")
		if !ok {
			return nil, errors.New(line)
		}
		if _, err := conn.say("", ".\r\n"); err != nil {
			return nil, err
		}
		subjects = append(subjects, subject)
	}
	d.check(subjects)
	return subjects, nil
}

// check compares what is there with what was acknowledged.
func (d *drop) check(subjects []string) {
	seen := map[string]bool{}
	for _, s := range subjects {
		if _, ok := d.there[s]; !ok || seen[s] {
			d.wrong = fmt.Errorf("%s is there (twice: %v)", s, seen[s])
		}
		seen[s] = true
	}
	for s, certain := range d.there {
		if certain && !seen[s] {
			d.wrong = fmt.Errorf("%s is missing", s)
		}
	}
}

func (d *drop) settle(t *testing.T, c *cluster) {
	t.Helper()
	for number, r := range c.replicas {
		var err error
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) { // the lock of a replica that was killed
			var conn *conn
			if conn, err = r.rig.open(110); err != nil {
				break
			}
			_, err = d.read(conn)
			if err == nil {
				err = conn.play("QUIT\r\n", "+OK")
			}
			conn.Close()
			if err == nil || !temporary(err) {
				break
			}
		}
		if err != nil || d.wrong != nil {
			t.Errorf("%s at replica %d: %v, %v", d.account, number, err, d.wrong)
		}
	}
}

// idler waits in IDLE at some replica for mail that another connection delivers, probably at another one.
type idler struct {
	account string
	took    []time.Duration
	err     error
}

// toldWithin is how long an IDLE may take on a machine that does all of this at the same time. docs/data.md has measurements.
const toldWithin = 20 * time.Second

func (i *idler) work(front *rig, c *crowd) error {
	waiting, err := front.open(143)
	if err != nil {
		return err
	}
	defer waiting.Close()
	waiting.SetDeadline(time.Now().Add(stuck))
	if err := waiting.play("a LOGIN "+i.account+" x\r\n", "a OK", "a SELECT INBOX\r\n", "a OK", "a IDLE\r\n", "+"); err != nil {
		return err
	}
	told := make(chan error, 1)
	read := func() {
		_, err := waiting.say("", "* OK Still here", "* ")
		told <- err
	}
	sender := senderTo(i.account, 0)
	if err := sender.connect(front); err != nil {
		return err
	}
	defer sender.conn.Close()
	sender.conn.SetDeadline(time.Now().Add(stuck))
	for !c.ended() {
		go read()
		if err := sender.deliver(); err != nil {
			waiting.Close()
			<-told
			return err
		}
		began := time.Now()
		select {
		case err := <-told:
			if err != nil {
				return err // the replica was killed
			}
			i.took = append(i.took, time.Since(began))
			c.acknowledged.Add(1)
		case <-time.After(toldWithin):
			if i.err == nil {
				i.err = fmt.Errorf("not told of a message within %v", toldWithin)
			}
			waiting.Close()
			<-told
			return i.err
		}
	}
	return nil
}
