package check

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/mailrig/mailrig/internal/door"
)

// scripted is a connection on which a server has already said everything.
type scripted struct {
	net.Conn
	in bytes.Reader
}

func (s *scripted) Read(p []byte) (int, error)      { return s.in.Read(p) }
func (s *scripted) Write(p []byte) (int, error)     { return len(p), nil }
func (s *scripted) SetDeadline(time.Time) error     { return nil }
func (s *scripted) SetReadDeadline(time.Time) error { return nil }
func (s *scripted) Close() error                    { return nil }

// FuzzServer lets a server say anything at any door.
func FuzzServer(f *testing.F) {
	f.Add(uint8(0), []byte("220 x\r\n250-x\r\n250-STARTTLS\r\n250 AUTH=PLAIN\r\n220 go\r\nmore"))
	f.Add(uint8(4), []byte("+OK x\r\n+OK\r\nSASL PLAIN\r\n.\r\n-ERR [AUTH]\r\n+OK 3 x\r\n"))
	f.Add(uint8(6), []byte("* OK [CAPABILITY x] {3}\r\nabc\r\n* CAPABILITY AUTH=PLAIN {99999}\r\na1 OK\r\n+ \r\na1 NO [X"))
	f.Fuzz(func(t *testing.T, which uint8, said []byte) {
		d := door.All()[int(which)%8]
		c := newChecker(Options{Host: "localhost", User: "a", Password: "b", Timeout: time.Second})
		c.Doors = []Target{{Door: d}}
		seen := newDoor(c.Doors[0])
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		conn := &scripted{}
		conn.in.Reset(said)
		w := newWire(ctx, conn, time.Second, nil)
		if c.greet(w, seen, way{clear: true}) {
			dial := speak(d.Protocol)
			r, err := dial.login(w, "PLAIN", "a", "b")
			if err == nil {
				if _, words := refused(d.Protocol, r); words == "" && !r.ok {
					t.Errorf("no words for %+v", r)
				}
			}
			_, _ = imapDialect{}.junk(w)
			_, _ = pop3Dialect{}.find(w, "id")
		}
		w.close()
		r := &Report{Doors: []*Door{seen}}
		c.choose(r)
		c.advise(r)
		if r.Good {
			t.Errorf("good without TLS: %+v", seen)
		}
		for _, p := range r.Problems {
			if i := strings.IndexFunc(p.What+p.Try, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
				t.Errorf("not printable: %q", p.What)
			}
		}
	})
}
