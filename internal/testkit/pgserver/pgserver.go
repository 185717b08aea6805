// Package pgserver runs a PostgreSQL server for tests: on loopback, on a port of its own, in a temporary folder, and never as
// root, because PostgreSQL refuses that.
//
//	var server pgserver.Server // of the test binary; it starts when a test first asks for a database
//
//	func TestMain(m *testing.M) {
//		code := m.Run()
//		server.Stop()
//		os.Exit(code)
//	}
//
//	func TestSomething(t *testing.T) {
//		url := server.Database(t)
//
// Where PostgreSQL isn't installed, Database skips the test; with CI=true it fails it.
package pgserver

import (
	"context"
	"errors"
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

	"github.com/jackc/pgx/v5"

	"github.com/mailrig/mailrig/internal/testkit/await"
)

// patience is how long the server may take to start or to stop.
const patience = time.Minute

// Server is a PostgreSQL server. The zero value is one that hasn't been started.
type Server struct {
	// Settings are lines of postgresql.conf, such as "fsync = on". They come after the package's own.
	Settings []string

	mu      sync.Mutex
	err     error
	bin     string
	dir     string
	port    int
	number  int // of the last database
	process *exec.Cmd
	leash   io.Closer // the server ends when this process does
}

// Database makes an empty database and returns its URL. It starts the server if it doesn't run yet. The database stays until
// the server is stopped.
func (s *Server) Database(t testing.TB) (url string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" && s.err == nil {
		s.err = s.begin()
	}
	switch {
	case errors.Is(s.err, errMissing) && os.Getenv("CI") != "true":
		t.Skip(s.err)
	case s.err != nil:
		t.Fatal(s.err)
	}
	s.number++
	name := fmt.Sprint("test", s.number)
	// A template that nobody connects to: two tests may need it at the same time.
	if err := s.exec("CREATE DATABASE " + name + " TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	return s.url(name)
}

// Port returns the port on 127.0.0.1.
func (s *Server) Port() int { return s.port }

// Exec carries out a statement as a superuser, in the database "postgres".
func (s *Server) Exec(t testing.TB, statement string) {
	t.Helper()
	if err := s.exec(statement); err != nil {
		t.Fatal(err)
	}
}

func (s *Server) url(database string) string {
	return fmt.Sprintf("postgres://mailrig:secret@127.0.0.1:%d/%s", s.port, database)
}

func (s *Server) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

// Crash ends the server as if the machine lost power, except that the system's caches stay. Its databases stay.
func (s *Server) Crash(t testing.TB) {
	t.Helper()
	if err := s.end("immediate"); err != nil {
		t.Fatal(err)
	}
}

// Start starts a server again that has crashed, on the same port.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server and removes everything. It does nothing if the server wasn't started.
func (s *Server) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == "" {
		return
	}
	_ = s.end("immediate") // nobody needs what is there
	_ = os.RemoveAll(s.dir)
	s.dir = ""
}

var errMissing = errors.New("PostgreSQL isn't installed (Debian: apt-get install postgresql)")

// find returns the folder of PostgreSQL's programs. Debian doesn't put them into PATH.
func find() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errMissing
	}
	slices.SortFunc(found, func(x, y string) int { return version(x) - version(y) })
	return filepath.Dir(found[len(found)-1]), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // 0 if it isn't a number
	return n
}

// begin makes a cluster and starts the server.
func (s *Server) begin() (err error) {
	if s.bin, err = find(); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "mailrig-postgres-"); err != nil {
		return err
	}
	if err := give(s.dir); err != nil {
		return err
	}
	init := s.program("initdb", "--pgdata", filepath.Join(s.dir, "data"), "--no-sync", "--username=mailrig", "--auth=trust", "--encoding=UTF8", "--locale=C")
	if out, err := init.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	if s.port, err = freePort(); err != nil {
		return err
	}
	return s.start()
}

// own are the package's settings. Nothing is durable, for speed, unless Settings say so.
var own = []string{
	"listen_addresses = '127.0.0.1'", "fsync = off", "synchronous_commit = on", "full_page_writes = off", "max_connections = 200",
	"shared_buffers = 64MB", "jit = off", "log_min_messages = warning",
}

func (s *Server) start() error {
	settings := slices.Concat(own, []string{fmt.Sprintf("port = %d", s.port), fmt.Sprintf("unix_socket_directories = '%s'", s.dir)}, s.Settings)
	data := filepath.Join(s.dir, "data")
	if err := os.WriteFile(filepath.Join(data, "postgresql.conf"), []byte(strings.Join(settings, "\n")+"\n"), 0o644); err != nil {
		return err
	}
	// A shell holds the server on a leash: it reads until this process has ended, in whatever way.
	script := `"$0" -D "$1" & server=$!; read -r _; kill -QUIT $server 2>/dev/null; wait $server`
	s.process = s.command("/bin/sh", "-c", script, filepath.Join(s.bin, "postgres"), data)
	log, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	s.process.Stdout, s.process.Stderr = log, log
	if s.leash, err = s.process.StdinPipe(); err != nil {
		return err
	}
	if err := s.process.Start(); err != nil {
		return err
	}
	if err := await.Error(patience, func() error { return s.exec("SELECT 1") }); err != nil {
		said, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		return fmt.Errorf("PostgreSQL doesn't start: %w\n%s", err, said)
	}
	return nil
}

// end ends the server in one of the ways that pg_ctl knows: smart, fast or immediate.
func (s *Server) end(mode string) error {
	if s.process == nil {
		return nil
	}
	out, err := s.program("pg_ctl", "stop", "--pgdata", filepath.Join(s.dir, "data"), "--mode", mode, "--timeout", fmt.Sprint(int(patience.Seconds()))).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("pg_ctl: %w\n%s", err, out)
	}
	_ = s.leash.Close()
	_ = s.process.Wait() // its exit status says how it was ended
	s.process = nil
	return err
}

// program is one of PostgreSQL's programs.
func (s *Server) program(name string, args ...string) *exec.Cmd {
	return s.command(filepath.Join(s.bin, name), args...)
}

func (s *Server) command(path string, args ...string) *exec.Cmd {
	cmd := exec.Command(path, args...)
	cmd.Dir = s.dir
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	asOther(cmd)
	return cmd
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
