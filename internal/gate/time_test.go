package gate_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/gate"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/all"
)

// timed is a gate in a bubble of testing/synctest, where hours take no time. Its engine answers every line from the
// client with the same reply.
type timed struct {
	t      *testing.T
	client net.Conn
	br     *bufio.Reader
	rec    *event.Recorder
	over   chan struct{}
	quiet  chan time.Duration // since the connection was accepted
	began  time.Time
}

type timedOptions struct {
	protocol string
	tls      bool
	reply    string // the engine's, to every line
	edit     func(*gate.Config)
}

// inTime runs a test of a gate in a bubble.
func inTime(t *testing.T, o timedOptions, test func(*timed)) {
	t.Helper()
	ca, err := sharedCA() // outside the bubble, because tests share it
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		client, raw := net.Pipe()
		spoken := protocol.Find(all.Protocols(), o.protocol)
		r := &timed{t: t, client: client, br: bufio.NewReader(client), over: make(chan struct{}), quiet: make(chan time.Duration, 1), began: time.Now()}
		r.rec = event.NewRing(event.Options{Keep: 1}).Begin(event.Info{Protocol: o.protocol, Reader: spoken.Replies})
		cfg := gate.Config{
			Rig: &gate.Rig{
				Protocols: all.Protocols(), Masker: protocol.NewMasker(all.Protocols()), Certificate: ca.Certificate,
				Domain: "mail.example.test", MailDomain: "example.test", MaxMessageBytes: 1 << 20,
			},
			Protocol: spoken, TLS: o.tls, StartTLS: !o.tls, Recorder: r.rec,
			OnQuiet: func() { r.quiet <- time.Since(r.began) },
			OnDone:  func() { close(r.over) },
			Engine: func(c *gate.Conn) {
				go func() {
					defer c.Close()
					io.WriteString(c, map[string]string{"smtp": "220 hi\r\n", "imap": "* OK hi\r\n", "pop3": "+OK hi\r\n"}[o.protocol])
					lines := bufio.NewReader(c)
					for {
						if _, err := lines.ReadString('\n'); err != nil {
							return
						}
						io.WriteString(c, o.reply)
					}
				}()
			},
		}
		if o.edit != nil {
			o.edit(&cfg)
		}
		g := gate.New(raw, cfg)
		go g.Run()
		test(r)
		client.Close()
		<-r.over
	})
}

// ended waits for the connection to end and returns what the server said until then. It checks that the end comes after
// the given time, counted from from.
func (r *timed) ended(from time.Time, after time.Duration, by event.EndedBy) (said string) {
	r.t.Helper()
	text, _ := io.ReadAll(r.br)
	<-r.over
	took := time.Since(from)
	// The gate skips calls that would move a deadline only a little, so a deadline may come 1/64 early. A farewell
	// lingers for 2 s.
	if took < after-after/32 || took > after+3*time.Second {
		r.t.Errorf("ended after %v, want %v", took, after)
	}
	if s := r.rec.Record(); s.EndedBy != by {
		r.t.Errorf("ended by %q, want %q", s.EndedBy, by)
	}
	return string(text)
}

func (r *timed) line() string {
	r.t.Helper()
	line, err := r.br.ReadString('\n')
	if err != nil {
		r.t.Fatal(err)
	}
	return line
}

func (r *timed) send(text string) bool {
	_, err := io.WriteString(r.client, text)
	return err == nil
}

// wait waits for d and reports whether the connection is still open.
func (r *timed) wait(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-r.over:
		return false
	}
}

var idleTimes = []struct {
	protocol string
	idle     time.Duration
	bye      string
}{
	{"smtp", 5 * time.Minute, "421 4.4.2 mail.example.test Idle for too long, closing\r\n"}, // RFC 5321 section 4.5.3.2.7
	{"imap", 30 * time.Minute, "* BYE Autologout; idle for too long\r\n"},                   // RFC 9051 section 5.4
	{"pop3", 10 * time.Minute, ""}, // RFC 1939 section 3: closes without a word
}

func TestIdleTimes(t *testing.T) {
	t.Parallel()
	for _, tc := range idleTimes {
		t.Run(tc.protocol, func(t *testing.T) {
			t.Parallel()
			inTime(t, timedOptions{protocol: tc.protocol}, func(r *timed) {
				r.line()
				if said := r.ended(r.began, tc.idle, event.EndedByTimeout); said != tc.bye {
					t.Errorf("said %q, want %q", said, tc.bye)
				}
			})
		})
	}
}

// TestDribblingProlongsNothing checks that a client that sends a byte now and then gets no more time to finish its line
// than a client that sends nothing.
func TestDribblingProlongsNothing(t *testing.T) {
	t.Parallel()
	for _, tc := range idleTimes {
		t.Run(tc.protocol, func(t *testing.T) {
			t.Parallel()
			inTime(t, timedOptions{protocol: tc.protocol}, func(r *timed) {
				r.line()
				go func() {
					for r.send("x") && r.wait(tc.idle/10) {
					}
				}()
				r.ended(r.began, tc.idle, event.EndedByTimeout)
			})
		})
	}
}

// TestCommandsKeepAConnection checks that each command restarts the idle timer.
func TestCommandsKeepAConnection(t *testing.T) {
	t.Parallel()
	inTime(t, timedOptions{protocol: "pop3", reply: "+OK\r\n"}, func(r *timed) {
		r.line()
		for range 10 {
			time.Sleep(9 * time.Minute)
			if !r.send("NOOP\r\n") {
				t.Fatal("the connection has ended though the client wasn't idle")
			}
			r.line()
		}
		r.ended(time.Now(), 10*time.Minute, event.EndedByTimeout)
	})
}

func TestHandshakeTime(t *testing.T) {
	t.Parallel()
	for name, hello := range map[string][]byte{
		"nothing":  nil,
		"a part":   {22, 3, 1, 0, 200, 1},
		"dribbles": {22},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, timedOptions{protocol: "imap", tls: true}, func(r *timed) {
				go func() {
					for next := hello; len(next) > 0; next = []byte{3} {
						if !r.send(string(next)) || name != "dribbles" || !r.wait(3*time.Second) {
							return
						}
					}
				}()
				r.ended(r.began, 30*time.Second, event.EndedByTimeout)
			})
		})
	}
}

// TestQuietIsTold checks that silence on a TLS door is reported while it lasts.
func TestQuietIsTold(t *testing.T) {
	t.Parallel()
	inTime(t, timedOptions{protocol: "imap", tls: true}, func(r *timed) {
		if at := <-r.quiet; at != 3*time.Second {
			t.Errorf("told after %v, want 3s", at)
		}
		found := false
		for _, e := range r.rec.Record().Events {
			w, ok := e.What.(*event.Waiting)
			found = found || ok && w.For == event.AwaitsHello
		}
		if !found {
			t.Error("the record doesn't say that the rig waits for a hello")
		}
	})
}

// TestHelloIsNotQuiet checks that a client which has sent its ClientHello isn't reported as silent, however long the
// rest takes.
func TestHelloIsNotQuiet(t *testing.T) {
	t.Parallel()
	inTime(t, timedOptions{protocol: "imap", tls: true, reply: "* OK\r\n"}, func(r *timed) {
		c := tls.Client(r.client, &tls.Config{InsecureSkipVerify: true})
		if err := c.Handshake(); err != nil {
			t.Fatal(err)
		}
		bufio.NewReader(c).ReadString('\n')
		time.Sleep(time.Minute)
		select {
		case at := <-r.quiet:
			t.Errorf("told after %v", at)
		default:
		}
		c.Close()
	})
}

// TestWriteTime checks that the gate gives up after a minute on a client that doesn't read what it asked for.
func TestWriteTime(t *testing.T) {
	t.Parallel()
	inTime(t, timedOptions{protocol: "pop3", reply: "+OK " + strings.Repeat("x", 100) + "\r\n"}, func(r *timed) {
		r.line()
		asked := time.Now()
		r.send("NOOP\r\n")
		<-r.over
		if took := time.Since(asked); took < 59*time.Second || took > 61*time.Second {
			t.Errorf("left after %v, want a minute", took)
		}
	})
}

// TestDelays checks that a scenario's delays have the stated length, and that a client which leaves during one ends it.
func TestDelays(t *testing.T) {
	t.Parallel()
	plan := fault.Compile([]string{"slow"}, []fault.Rule{
		{Scenario: "slow", Fault: &fault.DelayGreeting{Delay: 20 * time.Second}},
		{Scenario: "slow", Fault: &fault.DelayReply{Delay: time.Minute}, Match: fault.Match{Command: []string{"NOOP"}}},
	})
	slow := func(c *gate.Config) { c.Fault = plan.Conn(110, "pop3", netip.MustParseAddr("127.0.0.1")) }
	t.Run("they last", func(t *testing.T) {
		t.Parallel()
		inTime(t, timedOptions{protocol: "pop3", reply: "+OK\r\n", edit: slow}, func(r *timed) {
			r.line()
			if took := time.Since(r.began); took != 20*time.Second {
				t.Errorf("the greeting came after %v, want 20s", took)
			}
			asked := time.Now()
			r.send("NOOP\r\n")
			r.line()
			if took := time.Since(asked); took != time.Minute {
				t.Errorf("the reply came after %v, want 1m", took)
			}
		})
	})
	t.Run("the client leaves", func(t *testing.T) {
		t.Parallel()
		inTime(t, timedOptions{protocol: "pop3", edit: slow}, func(r *timed) {
			time.Sleep(5 * time.Second)
			r.client.Close()
			<-r.over
			if took := time.Since(r.began); took != 5*time.Second {
				t.Errorf("ended after %v, want 5s", took)
			}
		})
	})
}

// TestGoesOnWithoutReply checks that a client which waits for a late reply, and then sends something without it, is
// noticed, and that a group of commands sent at once isn't.
func TestGoesOnWithoutReply(t *testing.T) {
	t.Parallel()
	plan := fault.Compile([]string{"slow"}, []fault.Rule{
		{Scenario: "slow", Fault: &fault.DelayReply{Delay: time.Minute}, Match: fault.Match{Command: []string{"NOOP"}}},
	})
	slow := func(c *gate.Config) { c.Fault = plan.Conn(110, "pop3", netip.MustParseAddr("127.0.0.1")) }
	for _, tc := range []struct {
		name, first, later string
		want               bool
	}{
		{"goes on", "NOOP\r\n", "STAT\r\n", true},
		{"sends both at once", "NOOP\r\nSTAT\r\n", "", false},
		{"sends more of the same group", "NOOP\r\nSTAT\r\n", "RSET\r\n", false},
		{"waits", "NOOP\r\n", "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			inTime(t, timedOptions{protocol: "pop3", reply: "+OK\r\n", edit: slow}, func(r *timed) {
				r.line()
				r.send(tc.first)
				time.Sleep(5 * time.Second)
				if tc.later != "" {
					r.send(tc.later)
				}
				r.line()
				if got := r.rec.Record().Noticed(event.WentOn); got != tc.want {
					t.Errorf("noticed: %v, want %v", got, tc.want)
				}
			})
		})
	}
}
