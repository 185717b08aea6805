package bounds

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// rig is a mailrig in a process of its own.
type rig struct {
	doors map[int]string
	http  string
	bound int64 // in bytes
	pid   int
	from  net.IP       // what clients connect from; nil: the usual address
	end   func() error // ends it as Ctrl-C does
	kill  func() error // ends it without a word, and waits
}

// start builds mailrig and starts it.
func start(t *testing.T, flags ...string) *rig {
	t.Helper()
	return startBuilt(t, nil, io.Discard, flags...)
}

// startBuilt is start with flags for the build, and with a place for what mailrig says.
func startBuilt(t *testing.T, build []string, log io.Writer, flags ...string) *rig {
	t.Helper()
	return run(t, []string{compile(t, build...)}, log, flags...)
}

// compile builds mailrig and returns the program's path.
func compile(t testing.TB, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "mailrig")
	args := append(append([]string{"build", "-o", program}, flags...), "github.com/mailrig/mailrig/cmd/mailrig")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return program
}

// run starts a mailrig that was built. program is its path, or a command that runs it.
func run(t testing.TB, program []string, log io.Writer, flags ...string) *rig {
	t.Helper()
	flags = append(program[1:len(program):len(program)], append([]string{"serve", "--json", "--port-offset", "random", "--http", "127.0.0.1:0"}, flags...)...)
	cmd := exec.Command(program[0], flags...)
	cmd.Stderr = log // the sessions
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	wait := sync.OnceValue(cmd.Wait)
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = wait()
	})
	var ready struct {
		Doors  []server.Door
		HTTP   string
		Memory int64 `json:"max_memory"`
	}
	if err := json.NewDecoder(out).Decode(&ready); err != nil {
		t.Fatal(err)
	}
	r := &rig{doors: map[int]string{}, http: ready.HTTP, bound: ready.Memory, pid: cmd.Process.Pid, end: func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			return err
		}
		return wait()
	}, kill: func() error {
		err := cmd.Process.Kill()
		_ = wait() // says that it was killed
		return err
	}}
	for _, d := range ready.Doors {
		r.doors[d.Port] = d.Address
	}
	return r
}

// memory reads VmRSS or VmHWM, the greatest it has been, in bytes.
func (r *rig) memory(t *testing.T, what string) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), what+":")
	n, err := strconv.ParseInt(strings.Fields(after)[0], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}

// conn is a client that speaks lines.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func newReader(c net.Conn) *bufio.Reader { return bufio.NewReaderSize(c, 4096) }

// open connects to a door and reads the greeting.
func (r *rig) open(port int) (*conn, error) {
	d := net.Dialer{Timeout: 10 * time.Second}
	if r.from != nil {
		d.LocalAddr = &net.TCPAddr{IP: r.from}
	}
	c, err := d.Dial("tcp", r.doors[port])
	if err != nil {
		return nil, err
	}
	out := &conn{c, newReader(c)}
	c.SetDeadline(time.Now().Add(10 * time.Minute))
	_, err = out.r.ReadString('\n')
	return out, err
}

// say sends a command and reads to the line that begins with one of these words.
func (c *conn) say(command string, ends ...string) (string, error) {
	if _, err := io.WriteString(c, command); err != nil {
		return "", err
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		for _, end := range ends {
			if strings.HasPrefix(line, end) {
				return line, nil
			}
		}
	}
}

// play says commands in turn; each must be answered by its word.
func (c *conn) play(steps ...string) error {
	for i := 0; i+1 < len(steps); i += 2 {
		if line, err := c.say(steps[i], steps[i+1], "4", "5", "a NO", "a BAD", "-ERR"); err != nil || !strings.HasPrefix(line, steps[i+1]) {
			return fmt.Errorf("%.60q: %q, %w", steps[i], line, err)
		}
	}
	return nil
}

// besides measures how long other clients wait while do runs. It fails the test if fewer than least of them came by: do can
// go on until others has enough.
func (r *rig) besides(t *testing.T, what string, least int, limit time.Duration, do func(others *times)) {
	t.Helper()
	stop, done := make(chan struct{}), new(sync.WaitGroup)
	others := r.probe(stop, done)
	do(others)
	close(stop)
	done.Wait()
	others.check(t, what, least, limit)
}

// times are how long the other clients waited.
type times struct {
	mu   sync.Mutex
	all  []time.Duration
	errs []error
}

// count returns how many clients have come by.
func (s *times) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// await waits until n clients have come by.
func (s *times) await(t *testing.T, n int) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for s.count() < n {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("after two minutes, only %d of %d other clients have come by", s.count(), n)
		}
	}
}

// probe is another client. Until stop is closed, it connects again and again, logs in, looks at its mailbox and leaves.
func (r *rig) probe(stop <-chan struct{}, done *sync.WaitGroup) *times {
	out := new(times)
	done.Go(func() {
		for tick := time.NewTicker(20 * time.Millisecond); ; {
			select {
			case <-stop:
				tick.Stop()
				return
			case <-tick.C:
			}
			begin := time.Now()
			c, err := r.open(143)
			if err == nil {
				err = c.play("a LOGIN other x\r\n", "a OK", "a SELECT INBOX\r\n", "a OK", "a LOGOUT\r\n", "a OK")
				c.Close()
			}
			out.mu.Lock()
			out.all = append(out.all, time.Since(begin))
			if err != nil {
				out.errs = append(out.errs, err)
			}
			out.mu.Unlock()
		}
	})
	return out
}

// check fails the test if there were too few clients, if one was refused, or if not nearly all were served in time.
func (s *times) check(t *testing.T, what string, least int, limit time.Duration) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) < least || len(s.errs) > 0 {
		t.Fatalf("%s: %d other clients, want at least %d; %d of them not served: %v", what, len(s.all), least, len(s.errs), s.errs)
	}
	slices.Sort(s.all)
	at := func(percent int) time.Duration {
		return s.all[(len(s.all)*percent+99)/100-1].Round(100 * time.Microsecond) // of few clients, 99 % are all
	}
	t.Logf("%s: %d other clients, median %v, 99 %% within %v, longest %v", what, len(s.all), at(50), at(99), at(100))
	if at(99) > limit {
		t.Errorf("%s: 1 %% of the other clients waited longer than %v, want %v", what, at(99), limit)
	}
}
