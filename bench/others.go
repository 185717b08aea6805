package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// idle measures what a connection costs that has been greeted (SMTP, POP3) or logged in (IMAP) and says nothing.
func idle(ctx context.Context) error {
	const n = 500
	fmt.Printf("\nidle connections (%d each)             KiB each   goroutines each\n", n)
	for _, tc := range []struct {
		port   int
		secure bool
		login  string
	}{{25, false, ""}, {110, false, ""}, {143, false, "a LOGIN alice secret"}, {465, true, ""}, {993, true, "a LOGIN alice secret"}} {
		for _, which := range []string{"bare", "gate"} {
			s, err := newBare()
			if which == "gate" {
				s.close()
				s, err = newGate(ctx)
			}
			if err != nil {
				return err
			}
			addr, ok := s.addr[tc.port]
			if !ok {
				s.close()
				continue
			}
			before := reading()
			clients, err := startClients(addr, n, tc.secure, tc.login)
			if err != nil {
				s.close()
				return err
			}
			after := reading()
			fmt.Printf("  %-4s door %-4d                      %8.1f   %8.2f\n", which, tc.port,
				(float64(after.bytes)-float64(before.bytes))/n/1024, float64(after.goroutines-before.goroutines)/n)
			clients.stop()
			s.close()
		}
	}
	return nil
}

type state struct {
	bytes      uint64
	goroutines int
}

func reading() state {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return state{m.HeapAlloc + m.StackInuse, runtime.NumGoroutine()}
}

// clients is a process that holds connections, so that only the server's side of them is in this process.
type clients struct {
	cmd *exec.Cmd
	in  io.Closer
}

func startClients(addr string, n int, secure bool, login string) (*clients, error) {
	cmd := exec.Command(os.Args[0], "-hold", addr, "-n", strconv.Itoa(n), "-login", login, "-secure="+strconv.FormatBool(secure))
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &clients{cmd, in}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "holding\n" {
		c.stop()
		return nil, fmt.Errorf("the clients' process said %q, %v", line, err)
	}
	return c, nil
}

func (c *clients) stop() {
	c.in.Close()
	_ = c.cmd.Wait()
}

// hold is the clients' process. It connects n times, says so, and keeps the connections open until its standard input
// ends.
func hold(addr string, n int, secure bool, login string) error {
	for range n {
		raw, err := net.Dial("tcp", addr)
		if err != nil {
			return err
		}
		defer raw.Close()
		c := raw
		if secure {
			c = tls.Client(raw, &tls.Config{InsecureSkipVerify: true}) // the client isn't what is measured
		}
		if err := greet(c, login); err != nil {
			return err
		}
	}
	fmt.Println("holding")
	_, err := io.Copy(io.Discard, os.Stdin)
	return err
}

func greet(c net.Conn, login string) error {
	c.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReaderSize(c, 1024)
	if _, err := r.ReadString('\n'); err != nil {
		return err
	}
	if login == "" {
		return nil
	}
	if _, err := io.WriteString(c, login+"\r\n"); err != nil {
		return err
	}
	_, err := r.ReadString('\n')
	return err
}

// startUp measures the time from exec until every door accepts, for the built binary.
func startUp(context.Context) error {
	dir, err := os.MkdirTemp("", "mailrig-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	bin := filepath.Join(dir, "mailrig")
	if out, err := exec.Command("go", "build", "-o", bin, "./cmd/mailrig").CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	var times []time.Duration
	for range 11 {
		start := time.Now()
		cmd := exec.Command(bin, "serve", "--json", "--port-offset", "random", "--http", "127.0.0.1:0")
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		line, err := bufio.NewReader(out).ReadString('\n') // printed when all doors accept
		times = append(times, time.Since(start))
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
		if err != nil || !strings.Contains(line, `"doors"`) {
			return fmt.Errorf("unexpected first line %q", line)
		}
	}
	slices.Sort(times)
	fmt.Printf("\nstart-up, exec to all doors accepting: median %v, worst %v of %d\n",
		times[len(times)/2].Round(100*time.Microsecond), times[len(times)-1].Round(100*time.Microsecond), len(times))
	return nil
}

// switching measures how long it takes to change the scenario of a running rig.
func switching(ctx context.Context) error {
	s, err := server.New(server.Config{PortOffset: "random"})
	if err != nil {
		return err
	}
	if err := s.Start(ctx); err != nil {
		return err
	}
	defer s.Shutdown(ctx)
	for _, name := range []string{"greylisting", "port-25-blocked", "port-25-refused"} {
		list, err := scenarios.Load(name)
		if err != nil {
			return err
		}
		const n = 50
		start := time.Now()
		for range n {
			if _, err := s.Use(list...); err != nil {
				return err
			}
			if _, err := s.Use(); err != nil {
				return err
			}
		}
		fmt.Printf("switch to %s and back: %v\n", name, (time.Since(start) / n).Round(time.Microsecond))
	}
	return nil
}
