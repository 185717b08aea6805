package pop3

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
)

var update = flag.Bool("update", false, "rewrite testdata/*.txt with what the server says now")

// testBackend has one maildrop. What a login does depends on the user's name.
type testBackend struct {
	mu       sync.Mutex
	mail     []string
	locked   bool
	sessions int
	logouts  int
	noSASL   bool
	refuse   error // from NewSession
}

func newTestBackend() *testBackend {
	return &testBackend{mail: []string{
		"Subject: one\r\n\r\nfirst\r\n.\r\n..two dots\r\nlast\r\n",
		"Subject: bare\n\nfirst\n.\n.x\nno end",
		"",
		".\r\n",
		"Subject: five\r\n\r\n1\r\n2\r\n3\r\n",
	}}
}

func (b *testBackend) NewSession(*Conn) (Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse != nil {
		return nil, b.refuse
	}
	b.sessions++
	s := &testSession{b: b}
	if b.noSASL {
		return struct{ Session }{s}, nil
	}
	return s, nil
}

func (b *testBackend) state() (mail []string, locked bool, open int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mail), b.locked, b.sessions - b.logouts
}

type testSession struct {
	b      *testBackend
	user   string
	locked bool
}

func (s *testSession) Login(user, password string) error {
	switch {
	case user == "panic":
		panic("login panics")
	case user == "broken":
		return errors.New("the secret cause")
	case user == "perm":
		return &Error{Code: "SYS/PERM", Text: "POP is\r\nswitched off"}
	case password != "pass word":
		return ErrAuthFailed
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	if s.b.locked {
		return ErrInUse
	}
	s.b.locked, s.locked = true, true
	s.user = user
	return nil
}

func (s *testSession) Messages() ([]Message, error) {
	if s.user == "nolist" {
		return nil, &Error{Code: "SYS/TEMP", Text: "Maildrop can't be read"}
	}
	var list []Message
	for i, m := range s.b.mail {
		list = append(list, Message{Size: WireSize([]byte(m)), UID: "7-" + strconv.Itoa(i+1)})
	}
	return list, nil
}

func (s *testSession) Open(n int) (io.ReadCloser, error) {
	switch {
	case s.user == "openfails" && n == 1:
		return nil, errors.New("disk on fire")
	case s.user == "readfails":
		return io.NopCloser(io.MultiReader(strings.NewReader("Subject: a\r\n\r\nb"), failingReader{})), nil
	case s.user == "readpanics":
		return io.NopCloser(io.MultiReader(strings.NewReader("Subject: a\r\n\r\nb"), panickingReader{})), nil
	case s.user == "slow":
		return io.NopCloser(oneByteReader{strings.NewReader(s.b.mail[n-1])}), nil
	}
	return io.NopCloser(strings.NewReader(s.b.mail[n-1])), nil
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, errors.New("bad sector") }

type panickingReader struct{}

func (panickingReader) Read([]byte) (int, error) { panic("reader panics") }

type oneByteReader struct{ r io.Reader }

func (o oneByteReader) Read(p []byte) (int, error) { return o.r.Read(p[:1]) }

func (s *testSession) Delete(n int) error {
	if s.user == "readonly" {
		return &Error{Code: "SYS/PERM", Text: "Maildrop is read-only"}
	}
	return nil
}

func (s *testSession) Update(deleted []int) error {
	if s.user == "updatefails" {
		return &Error{Code: "SYS/TEMP", Text: "Some deleted messages not removed"}
	}
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	for _, n := range slices.Backward(deleted) {
		s.b.mail = slices.Delete(s.b.mail, n-1, n)
	}
	return nil
}

func (s *testSession) Logout() {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.logouts++
	if s.locked {
		s.b.locked = false
	}
	if s.user == "logoutpanics" {
		panic("logout panics")
	}
}

func (s *testSession) AuthMechanisms() []string { return []string{"PLAIN", "X-FINAL"} }

func (s *testSession) Auth(mech string) (sasl.Server, error) {
	switch mech {
	case "PLAIN":
		return sasl.NewPlainServer(func(_, user, password string) error { return s.Login(user, password) }), nil
	case "X-FINAL":
		return &finalServer{login: s.Login}, nil
	case "X-GONE":
		return nil, &Error{Code: "SYS/PERM", Text: "Mechanism is switched off"}
	}
	return nil, errors.New("no such mechanism")
}

// finalServer logs in with the client's first response and then still has
// something to say, as SCRAM does.
type finalServer struct{ login func(u, p string) error }

func (f *finalServer) Next(response []byte) ([]byte, bool, error) {
	if response == nil {
		return []byte("who?"), false, nil
	}
	return []byte("v=final"), true, f.login(string(response), "pass word")
}

// scriptConn is a connection whose client is a list of inputs: one per Read. The
// server's and the client's lines are kept in the order in which they crossed.
type scriptConn struct {
	input  []string
	out    bytes.Buffer // the dialogue
	raw    bytes.Buffer // what the server wrote
	writes int
	closed bool
}

func (c *scriptConn) Read(p []byte) (int, error) {
	if len(c.input) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.input[0])
	c.input[0] = c.input[0][n:]
	if c.input[0] == "" {
		c.input = c.input[1:]
	}
	c.lines("C: ", p[:n])
	return n, nil
}

func (c *scriptConn) Write(p []byte) (int, error) {
	c.writes++
	c.raw.Write(p)
	c.lines("S: ", p)
	return len(p), nil
}

// lines writes one line of the dialogue for each line; only a line's CRLF goes
// unquoted.
func (c *scriptConn) lines(prefix string, p []byte) {
	for i, line := range strings.SplitAfter(string(p), "\r\n") {
		if line == "" {
			continue
		}
		if i > 0 && prefix == "C: " {
			prefix = "C+ "
		}
		body, ok := strings.CutSuffix(line, "\r\n")
		quoted := strings.Trim(strconv.Quote(body), `"`)
		if !ok {
			quoted += `\`
		}
		c.out.WriteString(strings.TrimRight(prefix+quoted, " ") + "\n")
	}
}

func (c *scriptConn) Close() error                     { c.closed = true; return nil }
func (c *scriptConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *scriptConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *scriptConn) SetDeadline(time.Time) error      { return nil }
func (c *scriptConn) SetReadDeadline(time.Time) error  { return nil }
func (c *scriptConn) SetWriteDeadline(time.Time) error { return nil }

// TestDialogues plays testdata/*.txt. A file has lines "C: ..." (what the client
// sends, CRLF added; Go escapes are understood; "C+ ..." comes in the same segment), "S: ..." (what must come back),
// "# ..." (comment) and, at its top, "! OPTION". The order of C and S lines is
// that of the network: replies to pipelined commands stand behind all of them.
func TestDialogues(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no dialogues: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			b := newTestBackend()
			s := &Server{Backend: b, AllowInsecureAuth: true}
			conn := &scriptConn{}
			var head, all strings.Builder
			for line := range strings.Lines(strings.ReplaceAll(string(want), "\r\n", "\n")) {
				line = strings.TrimSuffix(line, "\n")
				switch {
				case strings.HasPrefix(line, "#"), strings.HasPrefix(line, "! "):
					head.WriteString(line + "\n")
					setOption(t, line, s, b)
				case strings.HasPrefix(line, "C:"):
					text, err := unquote(line)
					if err != nil {
						t.Fatalf("%s: %v", line, err)
					}
					conn.input = append(conn.input, text+"\r\n")
				case strings.HasPrefix(line, "C+"):
					text, err := unquote(line)
					if err != nil || len(conn.input) == 0 {
						t.Fatalf("%s: %v", line, err)
					}
					conn.input[len(conn.input)-1] += text + "\r\n"
				}
			}
			s.ServeConn(conn)
			all.WriteString(head.String() + conn.out.String())
			mail, locked, open := b.state()
			if locked || open != 0 || !conn.closed {
				t.Errorf("after the end: locked %v, %d sessions open, connection closed %v", locked, open, conn.closed)
			}
			all.WriteString("= " + strconv.Itoa(len(mail)) + " messages left\n")
			if *update {
				if err := os.WriteFile(file, []byte(all.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got := all.String(); got != strings.ReplaceAll(string(want), "\r\n", "\n") {
				t.Errorf("dialogue differs (-update accepts it)\n--- got\n%s--- want\n%s", got, want)
			}
		})
	}
}

// unquote is what a C line says behind its first two characters.
func unquote(line string) (string, error) {
	return strconv.Unquote(`"` + strings.TrimPrefix(line[2:], " ") + `"`)
}

func setOption(t *testing.T, line string, s *Server, b *testBackend) {
	option, ok := strings.CutPrefix(line, "! ")
	switch {
	case !ok:
	case option == "clear":
		s.AllowInsecureAuth = false
	case option == "nosasl":
		b.noSASL = true
	case option == "bare-lf":
		s.StuffBareLF = true
	case option == "greeting":
		s.Greeting = "mailrig here"
	case option == "short-lines":
		s.MaxLineLength = 20
	case option == "refuse":
		b.refuse = &Error{Code: "SYS/TEMP", Text: "Come back later"}
	case option == "fail":
		b.refuse = errors.New("the secret cause")
	default:
		t.Fatalf("no option %q", option)
	}
}
