package mailrig

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/wait"
)

// binary is the mailrig of this repository.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "mailrig-container-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "mailrig")
	cmd := exec.Command("go", "build", "-o", binary, "./cmd/mailrig")
	cmd.Dir = "../.."
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build mailrig: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// process is mailrig as a process, in the place of a container. It is what a strategy waits for.
type process struct {
	wait.StrategyTarget // nil: a strategy that asks for anything else than what is below panics

	mu    sync.Mutex
	log   bytes.Buffer
	ended bool
	ports map[string]uint16 // by the port in the container
}

func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

func (p *process) Logs(context.Context) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader(p.text())), nil
}

func (p *process) State(context.Context) (*container.State, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		return &container.State{Status: container.StateExited, ExitCode: 3}, nil
	}
	return &container.State{Running: true}, nil
}

func (*process) Host(context.Context) (string, error) { return "localhost", nil }

func (p *process) MappedPort(_ context.Context, port string) (network.Port, error) {
	at, ok := p.ports[port]
	if !ok {
		return network.Port{}, errors.New("no such port")
	}
	mapped, _ := network.PortFrom(at, "tcp")
	return mapped, nil
}

// start starts mailrig with the variables that the options set.
func start(t *testing.T, options ...testcontainers.ContainerCustomizer) *process {
	t.Helper()
	request := testcontainers.GenericContainerRequest{}
	for _, o := range options {
		if err := o.Customize(&request); err != nil {
			t.Fatal(err)
		}
	}
	p := &process{}
	cmd := exec.Command(binary)
	cmd.Env = []string{"MAILRIG_PORT_OFFSET=random", "MAILRIG_HTTP=127.0.0.1:0", "TMPDIR=" + t.TempDir()}
	for name, value := range request.Env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdout, cmd.Stderr = p, p
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = cmd.Wait()
		p.mu.Lock()
		p.ended = true
		p.mu.Unlock()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		<-done
	})
	return p
}

// read reads the table that mailrig prints, which stands for what Docker knows.
func (p *process) read(t *testing.T) {
	t.Helper()
	p.ports = map[string]uint16{}
	for line := range strings.Lines(p.text()) {
		words := strings.Fields(line)
		for i, word := range words {
			if at, err := netip.ParseAddrPort(word); err == nil && at.Addr().Is4() && i > 0 {
				p.ports[words[0]+"/tcp"] = at.Port()
			}
		}
		if address, ok := strings.CutPrefix(line, "Web page"); ok {
			u, err := url.Parse(strings.TrimSpace(address))
			if err != nil {
				t.Fatal(err)
			}
			at, err := netip.ParseAddrPort(u.Host)
			if err != nil {
				t.Fatal(err)
			}
			p.ports[port(httpPort)] = at.Port()
		}
	}
}

// TestReady checks that Run's way of waiting fits the log of the real mailrig, and that every door accepts then.
func TestReady(t *testing.T) {
	t.Parallel()
	p := start(t, WithScenario("greylisting", "cert-expired"), WithUser("alice", "secret"), WithUser("bob", "s3cret"), WithAuth("strong"), WithHostname("mail"), WithFlag("max-memory", "256MiB"))
	if err := Ready().WaitUntilReady(t.Context(), p); err != nil {
		t.Fatalf("%v\n%s", err, p.text())
	}
	p.read(t)
	for _, want := range []string{"greylisting", "cert-expired", "256 MiB"} {
		if !strings.Contains(p.text(), want) {
			t.Errorf("the table has no %s\n%s", want, p.text())
		}
	}
	for _, door := range append(Doors(), httpPort) {
		address, err := addr(t.Context(), p, door)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	}
}

// TestAddresses checks what a test gets of a container, at the real mailrig.
func TestAddresses(t *testing.T) {
	t.Parallel()
	p := start(t)
	if err := Ready().WaitUntilReady(t.Context(), p); err != nil {
		t.Fatalf("%v\n%s", err, p.text())
	}
	p.read(t)
	config, err := trust(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	address, err := addr(t.Context(), p, 993)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	env, err := environ(t.Context(), p, "alice@example.test", "secret")
	if err != nil {
		t.Fatal(err)
	}
	// mailrig's own check finds everything by these variables.
	cmd := exec.Command(binary, "check", "--json")
	cmd.Env = env
	out, err := cmd.Output()
	var report struct{ Doors []struct{ Port int } }
	if json.Unmarshal(out, &report) != nil || len(report.Doors) != len(Doors()) {
		t.Errorf("%v\n%s", err, out)
	}
	if _, err := addr(t.Context(), p, 26); err == nil {
		t.Error("there is a door 26")
	}
}

// TestNotReady checks that a mailrig that ends at once is told, and not waited for.
func TestNotReady(t *testing.T) {
	t.Parallel()
	p := start(t, WithScenario("graylisting"))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := Ready().WaitUntilReady(ctx, p); err == nil || !strings.Contains(err.Error(), "exited with code 3") {
		t.Errorf("the error is %v", err)
	}
}

// TestOptions checks the variables that options set, and the values that no variable can hold.
func TestOptions(t *testing.T) {
	t.Parallel()
	request := testcontainers.GenericContainerRequest{}
	for _, o := range []testcontainers.CustomizeRequestOption{WithUser("alice", "a:b"), WithUser("bob", "c"), WithFlag("when-full", "evict")} {
		if err := o(&request); err != nil {
			t.Fatal(err)
		}
	}
	if request.Env["MAILRIG_USER"] != "alice:a:b bob:c" || request.Env["MAILRIG_WHEN_FULL"] != "evict" {
		t.Errorf("the variables are %v", request.Env)
	}
	if name, password := firstUser([]string{"PATH=/", "MAILRIG_USER=" + request.Env["MAILRIG_USER"]}); name != "alice" || password != "a:b" {
		t.Errorf("the first user is %s with %s", name, password)
	}
	for i, o := range []testcontainers.CustomizeRequestOption{
		WithUser("a:b", "c"), WithUser("", "c"), WithUser("a", ""), WithUser("a", "b c"), WithScenario(), WithScenario("a,b"), WithFlag("--user", "a:b"), WithFlag("", "a"), WithFlag("a=b", "c"),
	} {
		if err := o(&testcontainers.GenericContainerRequest{}); err == nil {
			t.Errorf("option %d is wrong, and taken", i)
		}
	}
}

// TestDocs checks that docs/ci.md shows the example that compiles here.
func TestDocs(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("example_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(source), "func exampleOfTheDocs")
	if code == "" || !strings.Contains(string(page), "```go\nfunc TestSend"+code+"```\n") {
		t.Error("docs/ci.md doesn't show example_test.go as it is")
	}
}

// TestContainer runs an image in Docker.
func TestContainer(t *testing.T) {
	image := os.Getenv("MAILRIG_IMAGE")
	if image == "" {
		t.Skip("it needs Docker: set MAILRIG_IMAGE to an image of mailrig")
	}
	c, err := Run(t.Context(), image, WithScenario("greylisting"))
	testcontainers.CleanupContainer(t, c)
	if err != nil {
		t.Fatal(err)
	}
	config, err := c.TLS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	address, err := c.Addr(t.Context(), 465)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	env, err := c.Environ(t.Context())
	if err != nil || !slices.ContainsFunc(env, func(s string) bool { return strings.HasPrefix(s, "MAILRIG_PORT_993=") }) {
		t.Errorf("%v, %v", env, err)
	}
}
