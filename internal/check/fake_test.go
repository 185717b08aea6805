package check

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/certs"
	"github.com/mailrig/mailrig/internal/door"
)

// fake is a server in which a function serves every connection. It remembers everything that it was told.
type fake struct {
	ln   net.Listener
	wg   sync.WaitGroup
	mu   sync.Mutex
	said []string
	n    int
}

// line is what a served connection offers to a script.
type line struct {
	net.Conn
	in *bufio.Reader
	f  *fake
}

func serve(t *testing.T, script func(*line)) *fake {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fake{ln: ln}
	f.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.n++
			f.mu.Unlock()
			f.wg.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
				script(&line{conn, bufio.NewReader(conn), f})
			})
		}
	})
	t.Cleanup(func() { _ = ln.Close(); f.wg.Wait() })
	return f
}

func (f *fake) port() int { return f.ln.Addr().(*net.TCPAddr).Port }

func (f *fake) heard() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.said)
}

// say sends lines.
func (l *line) say(lines ...string) { _, _ = io.WriteString(l, strings.Join(lines, "\r\n")+"\r\n") }

// hear reads a line. It returns "" if there are no more.
func (l *line) hear() string {
	s, err := l.in.ReadString('\n')
	if err != nil {
		return ""
	}
	s = strings.TrimRight(s, "\r\n")
	l.f.mu.Lock()
	l.f.said = append(l.f.said, s)
	l.f.mu.Unlock()
	return s
}

// hang waits until the client leaves.
func (l *line) hang() { _, _ = io.Copy(io.Discard, l.in) }

// talk answers commands by their first word (in IMAP, the second), until none comes.
func (l *line) talk(answers map[string]string) {
	for {
		s := l.hear()
		if s == "" {
			return
		}
		words := strings.Fields(s)
		word := strings.ToUpper(words[0])
		if word == "A1" {
			word = strings.ToUpper(words[1])
		}
		answer, ok := answers[word]
		if !ok {
			answer = "500 unknown"
		}
		_, _ = io.WriteString(l, strings.ReplaceAll(answer, "\n", "\r\n")+"\r\n")
	}
}

// doorAt returns mailrig's own door with this standard port number.
func doorAt(port int) door.Door {
	all := door.All()
	return all[slices.IndexFunc(all, func(d door.Door) bool { return d.Port == port })]
}

// look checks one door of a fake.
func look(t *testing.T, port int, f *fake, edit func(*Options)) (*Report, *Door) {
	t.Helper()
	d := doorAt(port)
	o := Options{Host: "127.0.0.1", Doors: []Target{{Door: d, At: f.port()}}, Timeout: time.Second}
	if edit != nil {
		edit(&o)
	}
	r := Run(t.Context(), o)
	if len(r.Doors) != 1 {
		t.Fatalf("%d doors", len(r.Doors))
	}
	return r, r.Doors[0]
}

// problem returns the problem with this id.
func problem(t *testing.T, r *Report, id string) Problem {
	t.Helper()
	for _, p := range r.Problems {
		if p.ID == id {
			return p
		}
	}
	t.Fatalf("no problem %q in %+v", id, r.Problems)
	return Problem{}
}

func authority(t *testing.T) *certs.CA {
	t.Helper()
	ca, err := certs.NewCA(certs.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// secure returns a script that begins with TLS.
func secure(t *testing.T, ca *certs.CA, profile string, script func(*line)) func(*line) {
	t.Helper()
	cert, err := ca.Certificate(profile)
	if err != nil {
		t.Fatal(err)
	}
	cfg := &tls.Config{Certificates: []tls.Certificate{*cert}}
	return func(l *line) {
		conn := tls.Server(l.Conn, cfg)
		if conn.Handshake() != nil {
			return
		}
		script(&line{conn, bufio.NewReader(conn), l.f})
		_ = conn.Close()
	}
}
