package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/smtp"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(heeding{m}, map[string]func(){
		"mailrig": main,
		"leash":   leash,
		"knock":   knock,
		"talk":    talk,
		"suicide": suicide,
		"mailer":  mailer,
		"canary":  canary,
	})
}

// TestScripts runs testdata/*.txtar. Each script has $FREE, an address for --http on which nothing listens. Whatever
// starts something in the background is run by leash.
func TestScripts(t *testing.T) {
	t.Parallel()
	free := &freeAddresses{}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			address, err := free.next()
			env.Setenv("FREE", address)
			env.Setenv("GORACE", os.Getenv("GORACE")) // see the Makefile
			return err
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"takeoffset": takeOffset,
			"listen":     listen,
		},
	})
}

// freeAddresses hands out addresses on which nothing listens, each once. Their ports are below those that systems hand out
// to whoever asks for any port, so no other test gets one by chance before the script uses it.
type freeAddresses struct {
	mu   sync.Mutex
	used map[int]bool
}

func (f *freeAddresses) next() (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.used == nil {
		f.used = map[int]bool{}
	}
	for range 1000 {
		port := 15000 + rand.IntN(15000)
		if f.used[port] {
			continue
		}
		f.used[port] = true
		ln, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err == nil {
			return ln.Addr().String(), ln.Close()
		}
	}
	return "", errors.New("no port from 15000 to 29999 is free")
}

// listen VAR occupies a free port of 127.0.0.1 until the script ends, and puts its address into a variable.
func listen(ts *testscript.TestScript, _ bool, args []string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { _ = ln.Close() })
	ts.Setenv(args[0], ln.Addr().String())
}

// takeOffset VAR does the same, and puts into a variable the offset with which door 143 would need that port.
func takeOffset(ts *testscript.TestScript, _ bool, args []string) {
	for range 50 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		ts.Defer(func() { _ = ln.Close() })
		// Up to this offset, all doors have valid port numbers; see package door.
		if offset := ln.Addr().(*net.TCPAddr).Port - 143; offset <= 63010 {
			ts.Setenv(args[0], strconv.Itoa(offset))
			return
		}
	}
	ts.Fatalf("no fitting port is free")
}

// knock PORT|tls:PORT makes a session. It greets an SMTP server at localhost and says goodbye. With tls it verifies the
// certificate, as any program would.
func knock() {
	port, secure := strings.CutPrefix(os.Args[1], "tls:")
	err := func() error {
		var conn net.Conn
		var err error
		if secure {
			conn, err = tls.Dial("tcp", net.JoinHostPort("localhost", port), &tls.Config{ServerName: "localhost"})
		} else {
			conn, err = net.Dial("tcp", net.JoinHostPort("localhost", port))
		}
		if err != nil {
			return err
		}
		c, err := smtp.NewClient(conn, "localhost")
		if err != nil {
			return err
		}
		if err := c.Hello("knock.example"); err != nil {
			return err
		}
		return c.Quit()
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("knocked")
}

// talk PORT LINE... sends lines to a server at localhost, each one after a line from the server that isn't untagged or
// preliminary. After the last line it hangs up.
func talk() {
	err := func() error {
		conn, err := net.Dial("tcp", net.JoinHostPort("localhost", os.Args[1]))
		if err != nil {
			return err
		}
		defer conn.Close()
		in := bufio.NewReader(conn)
		listen := func(greeting bool) error {
			for {
				line, err := in.ReadString('\n')
				if err != nil || greeting || !strings.HasPrefix(line, "* ") && (len(line) < 4 || line[3] != '-') {
					return err
				}
			}
		}
		if err := listen(true); err != nil {
			return err
		}
		for _, line := range os.Args[2:] {
			if _, err := fmt.Fprintf(conn, "%s\r\n", line); err != nil {
				return err
			}
			if err := listen(false); err != nil {
				return err
			}
		}
		return nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// suicide SIGNAL kills itself with that signal.
func suicide() {
	n, err := strconv.Atoi(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Signal(syscall.Signal(n))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	select {}
}
