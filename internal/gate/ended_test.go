package gate_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
)

// ended waits for the end of the connection and returns how it ended.
func (r *rig) ended() event.How {
	<-r.over
	e, _, _ := event.First[*event.Ended](r.rec.Record())
	return e.How
}

// TestShutdownResets checks that a shutdown is recorded as the reset that it is. The engine that it wakes isn't taken
// for the client's end.
func TestShutdownResets(t *testing.T) {
	t.Parallel()
	for range 20 {
		r := newRig(t, options{protocol: "smtp", port: 25})
		r.ask("")
		r.g.Shutdown()
		if got := r.ended(); got != event.ByReset {
			t.Fatalf("ended by %v", got)
		}
	}
}

// TestResetBehindSilence checks that a reset counts, even if reading goes on afterwards.
func TestResetBehindSilence(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{protocol: "smtp", port: 25, rules: []fault.Rule{on("NOOP", &fault.EndConnection{How: fault.EndSilence})}})
	r.ask("")
	r.conn.Write([]byte("NOOP\r\n"))
	r.until("the silence is in the record", event.Has[*event.Silenced])
	r.conn.(*net.TCPConn).SetLinger(0)
	r.conn.Close()
	if got := r.ended(); got != event.ByReset {
		t.Errorf("ended by %v", got)
	}
}

// TestStalledHandshake checks that a client which has said hello isn't reported as saying nothing.
func TestStalledHandshake(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{protocol: "imap", port: 993, tls: true, rules: []fault.Rule{{Scenario: "test", Fault: &fault.Handshake{Fate: fault.HandshakeStall}}}})
	c := tls.Client(r.conn, &tls.Config{InsecureSkipVerify: true})
	r.conn.SetDeadline(time.Now().Add(3500 * time.Millisecond)) // longer than the gate waits for a hello
	_ = c.Handshake()
	r.conn.Close()
	<-r.over
	if event.Has[*event.Waiting](r.rec.Record()) {
		t.Error("it waits for a hello that has come:\n" + r.dialogue())
	}
}

// held keeps what a TLS client writes behind its ClientHello, and can hand the client garbage.
type held struct {
	net.Conn
	writes int
	kept   []byte
	bogus  bool
}

func (h *held) Write(b []byte) (int, error) {
	if h.writes++; h.writes == 1 {
		return h.Conn.Write(b)
	}
	h.kept = append(h.kept, b...)
	return len(b), nil
}

func (h *held) Read(b []byte) (int, error) {
	if h.bogus {
		return copy(b, []byte{23, 3, 3, 0, 1, 0}), nil
	}
	return h.Conn.Read(b)
}

// TestAlertBesideFinished checks an alert that comes in the same segment as the end of the handshake. The TLS library
// returns it after the greeting has gone out.
func TestAlertBesideFinished(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{protocol: "smtp", port: 465, tls: true})
	h := &held{Conn: r.conn}
	c := tls.Client(h, &tls.Config{RootCAs: r.ca.Pool(), ServerName: "localhost"})
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	h.bogus = true
	c.Read(make([]byte, 1)) // fails, and sends an alert
	r.conn.Write(h.kept)
	go func() { // the greeting, up to the end
		for b := make([]byte, 1024); ; {
			if _, err := r.conn.Read(b); err != nil {
				return
			}
		}
	}()
	<-r.over
	if !event.Has[*event.Alert](r.rec.Record()) {
		t.Error("the client's alert is lost:\n" + r.dialogue())
	}
}

// TestInjectedBlankLine checks that a client with tags isn't suspected of believing an injection because it sends an
// empty line later.
func TestInjectedBlankLine(t *testing.T) {
	t.Parallel()
	r := newRig(t, options{protocol: "imap", port: 143, rules: []fault.Rule{{Scenario: "test", Fault: &fault.StartTLS{Texts: fault.Texts{"imap": `* LIST () "/" x`}}}}})
	r.ask("")
	r.ask("a1 STARTTLS\r\n")
	r.ask("") // the injected line
	if err := r.startTLS(); err != nil {
		t.Fatal(err)
	}
	r.ask("a1 CAPABILITY\r\n")
	r.ask("")
	r.ask("\r\na3 NOOP\r\n")
	r.ask("")
	if r.rec.Record().Noticed(event.TookInjected) {
		t.Error("suspected:\n" + r.dialogue())
	}
}
