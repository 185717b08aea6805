package bounds

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/testkit/pgserver"
)

// cluster is a few replicas of mailrig on one PostgreSQL database, behind HAProxy with the configuration that is in deploy.
type cluster struct {
	t        testing.TB
	program  string
	db       pgserver.Server
	url      string
	replicas []*replica
	front    *rig // what clients connect to: the ports are HAProxy's
}

// replica is one mailrig. A new one after a crash has the same ports.
type replica struct {
	c      *cluster
	offset int // of its ports
	http   string
	url    string // of the database, as it reaches it

	mu  sync.Mutex
	rig *rig // nil while it doesn't run
}

// doorPorts are the doors of mailrig.
var doorPorts = []int{25, 2525, 587, 465, 110, 995, 143, 993}

// startCluster starts this many replicas, and what belongs to them. through, which may be nil, returns the database's URL as
// a replica is to reach it.
func startCluster(t testing.TB, replicas int, through func(number int, url string) string) *cluster {
	t.Helper()
	haproxy := filepath.Join("/usr/sbin", "haproxy")
	if _, err := os.Stat(haproxy); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("HAProxy isn't installed (Debian: apt-get install haproxy)")
		}
		t.Skip("HAProxy isn't installed (Debian: apt-get install haproxy)")
	}
	c := &cluster{t: t, program: compile(t)}
	c.url = c.db.Database(t)
	t.Cleanup(c.db.Stop)
	for number := range replicas {
		r := &replica{c: c, url: c.url}
		if through != nil {
			r.url = through(number, c.url)
		}
		r.offset, r.http = freeOffset(t), fmt.Sprintf("127.0.0.1:%d", freePort(t))
		r.start()
		c.replicas = append(c.replicas, r)
	}
	c.balance(haproxy)
	return c
}

// start starts the replica, and waits until it is ready.
func (r *replica) start() {
	r.c.t.Helper()
	rig := run(r.c.t, []string{r.c.program}, io.Discard, "--data", r.url, "--port-offset", strconv.Itoa(r.offset), "--http", r.http, "--proxy-protocol", "127.0.0.1")
	rig.from = net.IPv4(127, 0, 0, 8) // from 127.0.0.1, it awaits HAProxy's header
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rig = rig
}

// take returns the running mailrig, which the caller ends.
func (r *replica) take() *rig {
	r.mu.Lock()
	defer r.mu.Unlock()
	rig := r.rig
	r.rig = nil
	return rig
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// freeOffset returns a number by which all doors can be moved.
func freeOffset(t testing.TB) int {
	t.Helper()
	for range 100 {
		offset := freePort(t) % 30000 // below the ports that connections come from
		if offset < 2000 {
			continue
		}
		free := true
		for _, port := range doorPorts {
			l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+offset))
			if free = free && err == nil; err == nil {
				l.Close()
			}
		}
		if free {
			return offset
		}
	}
	t.Fatal("there are no free ports")
	return 0
}

var (
	bindLine   = regexp.MustCompile(`bind :(\d+)`)
	serverLine = regexp.MustCompile(`(?m)^ *server replica1 mailrig-1:(\d+)(.*)\n *server replica2 .*\n`)
)

// configure returns deploy/haproxy.cfg with the addresses of these replicas, and with ports of its own, by door.
func (c *cluster) configure() (text string, ports map[int]string) {
	c.t.Helper()
	raw, err := os.ReadFile("../../deploy/haproxy.cfg")
	if err != nil {
		c.t.Fatal(err)
	}
	ports = map[int]string{}
	text = bindLine.ReplaceAllStringFunc(string(raw), func(line string) string {
		door, _ := strconv.Atoi(bindLine.FindStringSubmatch(line)[1])
		ports[door] = fmt.Sprintf("127.0.0.1:%d", freePort(c.t))
		return "bind " + ports[door]
	})
	text = serverLine.ReplaceAllStringFunc(text, func(lines string) string {
		found := serverLine.FindStringSubmatch(lines)
		door, _ := strconv.Atoi(found[1])
		var servers strings.Builder
		for i, r := range c.replicas {
			address := r.http
			if door != 8025 {
				address = fmt.Sprintf("127.0.0.1:%d", door+r.offset)
			}
			_, check, _ := strings.Cut(r.http, ":")
			fmt.Fprintf(&servers, "    server replica%d %s port %s%s\n", i+1, address, check, found[2])
		}
		return servers.String()
	})
	if len(ports) != len(doorPorts)+1 || strings.Contains(text, "mailrig-") {
		c.t.Fatalf("deploy/haproxy.cfg has other doors than are expected: %v\n%s", ports, text)
	}
	return text, ports
}

// balance starts HAProxy, and waits until it uses every replica.
func (c *cluster) balance(haproxy string) {
	c.t.Helper()
	text, ports := c.configure()
	stats := filepath.Join(c.t.TempDir(), "stats")
	text = strings.Replace(text, "global\n", "global\n    stats socket "+stats+"\n", 1)
	path := filepath.Join(c.t.TempDir(), "haproxy.cfg")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	if out, err := exec.Command(haproxy, "-c", "-f", path).CombinedOutput(); err != nil || strings.Contains(string(out), "WARNING") {
		c.t.Fatalf("haproxy -c: %v\n%s", err, out)
	}
	var said strings.Builder
	cmd := exec.Command(haproxy, "-db", "-f", path)
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // says that it was killed
	})
	c.front = &rig{doors: ports, http: "http://" + ports[8025]}
	for deadline := time.Now().Add(15 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if up, err := servers(stats, "UP"); err == nil && up == len(ports)*len(c.replicas) {
			return
		} else if time.Now().After(deadline) {
			c.t.Fatalf("HAProxy uses %d servers, %v\n%s", up, err, said.String())
		}
	}
}

// servers counts the servers that HAProxy shows in a state. Those that it has just begun to check have another one.
func servers(stats, state string) (n int, err error) {
	conn, err := net.Dial("unix", stats)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "show stat\n"); err != nil {
		return 0, err
	}
	text, err := io.ReadAll(conn)
	for line := range strings.Lines(string(text)) {
		if fields := strings.Split(line, ","); len(fields) > 36 && strings.HasPrefix(fields[1], "replica") && fields[17] == state && strings.HasPrefix(fields[36], "L7OK") {
			n++
		}
	}
	return n, err
}

// api asks the API of a rig.
func api(r *rig, method, path, body string) (string, error) {
	req, err := http.NewRequest(method, r.http+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, resp.Status, text)
	}
	return string(text), err
}

// active waits until all replicas have the same scenarios active.
func (c *cluster) active(want ...string) {
	c.t.Helper()
	for _, r := range c.replicas {
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			text, err := api(r.rig, "GET", "/api/v1/scenario", "")
			var is struct{ Scenarios []string }
			if err == nil {
				err = json.Unmarshal([]byte(text), &is)
			}
			if err == nil && fmt.Sprint(is.Scenarios) == fmt.Sprint(want) {
				break
			} else if time.Now().After(deadline) {
				c.t.Fatalf("active are %s, %v, want %v", text, err, want)
			}
		}
	}
}
