package e2e

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should happen at once. It is generous: the machine may have two slow
// cores, with a race detector on both.
const patience = 30 * time.Second

// rig is a running mailrig.
type rig struct {
	t        testing.TB
	cmd      *exec.Cmd
	exited   chan struct{} // closed when the process has been waited for
	exitErr  error         // the result of Wait; read it after exited
	out, err *buffer
	stopped  bool

	Doors     []doorInfo `json:"doors"`
	HTTP      string     `json:"http"`
	HTTPS     string     `json:"https"`
	CAFile    string     `json:"ca_file"`
	User      string     `json:"user"`
	Password  string     `json:"password"`
	Scenarios []string   `json:"scenarios"`
}

// doorInfo is a row of the start-up table.
type doorInfo struct {
	Port     int    `json:"port"`
	Service  string `json:"service"`
	Protocol string `json:"protocol"`
	Security string `json:"security"`
	Address  string `json:"address"`
}

// start runs "mailrig serve" on free ports with further arguments, and stops it when the test ends.
func start(t testing.TB, args ...string) *rig {
	t.Helper()
	return startWith(t, func(*exec.Cmd) {}, args...)
}

// startWith is start for a process that the test prepares.
func startWith(t testing.TB, prepare func(*exec.Cmd), args ...string) *rig {
	t.Helper()
	r := &rig{t: t, exited: make(chan struct{}), out: &buffer{}, err: &buffer{}}
	r.cmd = exec.Command(binary, append([]string{"serve", "--json", "--port-offset", "random", "--http", "127.0.0.1:0"}, args...)...)
	r.cmd.Env = cleanEnv(t.TempDir())
	r.cmd.Stderr = r.err
	prepare(r.cmd)
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.cleanup)
	ready := make(chan []byte, 1)
	go func() {
		defer close(r.exited)
		lines := bufio.NewReader(stdout)
		first, _ := lines.ReadBytes('\n')
		ready <- first
		_, _ = io.Copy(r.out, lines)
		r.exitErr = r.cmd.Wait()
	}()
	select {
	case line := <-ready:
		if err := json.Unmarshal(line, r); err != nil {
			t.Fatalf("mailrig %q didn't print its JSON line but %q: %v\n%s", args, line, err, r.err)
		}
	case <-time.After(patience):
		t.Fatalf("mailrig %q isn't ready after %v\n%s", args, patience, r.err)
	}
	return r
}

// cleanup stops the rig if the test hasn't, and checks how it ended.
func (r *rig) cleanup() {
	if r.t.Failed() && !r.stopped {
		r.t.Logf("the last sessions:\n%s", r.transcript())
	}
	if !r.stopped {
		r.stop()
	}
	log := r.err.String()
	if strings.Contains(log, "WARNING: DATA RACE") || strings.Contains(log, "panic:") {
		r.t.Errorf("mailrig is broken")
	}
	if r.t.Failed() {
		r.t.Logf("mailrig's stderr:\n%s", log)
	}
}

// stop asks the process to end, as Ctrl-C or a container's stop does, and returns how long that took.
func (r *rig) stop() time.Duration {
	r.t.Helper()
	r.stopped = true
	began := time.Now()
	if err := r.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		r.t.Errorf("SIGTERM: %v", err)
	}
	select {
	case <-r.exited:
	case <-time.After(patience):
		_ = r.cmd.Process.Signal(syscall.SIGQUIT) // the goroutines' stacks show who is stuck
		select {
		case <-r.exited:
		case <-time.After(5 * time.Second):
			_ = r.cmd.Process.Kill()
			<-r.exited
		}
		r.t.Errorf("mailrig still ran %v after SIGTERM", patience)
		return time.Since(began)
	}
	took := time.Since(began)
	if r.exitErr != nil {
		r.t.Errorf("mailrig ended with %v, want exit status 0", r.exitErr)
	}
	return took
}

// transcript returns what the rig knows about its sessions.
func (r *rig) transcript() string {
	args := []string{"sessions", "--http", r.HTTP}
	var last []string
	for _, s := range r.sessions() {
		last = append(last, s.ID)
	}
	out, err := exec.Command(binary, append(args, last[max(0, len(last)-8):]...)...).CombinedOutput()
	if err != nil {
		return fmt.Sprintf("%v\n%s", err, out)
	}
	return clip(string(out))
}

func (r *rig) door(number int) doorInfo {
	r.t.Helper()
	for _, d := range r.Doors {
		if d.Port == number {
			return d
		}
	}
	r.t.Fatalf("no door %d in %v", number, r.Doors)
	return doorInfo{}
}

// port returns the door's real port.
func (r *rig) port(number int) string {
	r.t.Helper()
	_, port, err := net.SplitHostPort(r.door(number).Address)
	if err != nil {
		r.t.Fatal(err)
	}
	return port
}

// local returns "localhost:PORT", with the name that the certificate is for.
func (r *rig) local(number int) string { return "localhost:" + r.port(number) }

// tlsConfig returns a configuration that trusts only the rig.
func (r *rig) tlsConfig() *tls.Config {
	r.t.Helper()
	pem, err := os.ReadFile(r.CAFile)
	if err != nil {
		r.t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		r.t.Fatalf("%s holds no certificate", r.CAFile)
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

// use switches the scenarios of the running rig, as a person does.
func (r *rig) use(names ...string) {
	r.t.Helper()
	if len(names) == 0 {
		names = []string{"--none"}
	}
	res := r.run(binary, append([]string{"use", "--http", r.HTTP}, names...)...)
	res.want(0)
}

// doorName returns a subtest's name.
func doorName(number int) string { return "door-" + strconv.Itoa(number) }

// buffer is a bytes.Buffer that a process may write while a test reads it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
