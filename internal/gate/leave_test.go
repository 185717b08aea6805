package gate_test

import (
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// hello returns a ClientHello, the first thing that a client sends.
func hello(t *testing.T, cfg *tls.Config) []byte {
	t.Helper()
	here, there := net.Pipe()
	defer here.Close()
	go func() {
		_ = tls.Client(there, cfg).Handshake()
	}()
	record := make([]byte, 1<<14)
	n, err := io.ReadAtLeast(here, record, 5)
	if err == nil {
		want := 5 + int(record[3])<<8 + int(record[4])
		_, err = io.ReadFull(here, record[n:max(n, want)])
		n = max(n, want)
	}
	if err != nil {
		t.Fatal(err)
	}
	return record[:n]
}

// TestHandshakeThatIsLeft checks that the way in which a client leaves a handshake gives the outcome, whatever the TLS
// library says about it.
func TestHandshakeThatIsLeft(t *testing.T) {
	t.Parallel()
	new12 := hello(t, &tls.Config{ServerName: "localhost", MaxVersion: tls.VersionTLS12})
	new13 := hello(t, &tls.Config{ServerName: "localhost", MinVersion: tls.VersionTLS13})
	const (
		gone      = "gone"
		waits     = "waits"
		notify    = "\x15\x03\x03\x00\x02\x01\x00" // close_notify, in clear
		handshake = "\x15\x03\x03\x00\x02\x02\x28" // handshake_failure
		unknownCA = "\x15\x03\x03\x00\x02\x02\x30"
	)
	flight := func(r *timed) { // of the server, until it waits
		go io.Copy(io.Discard, r.client)
		r.wait(time.Second)
	}
	for name, tc := range map[string]struct {
		says  []byte
		reads bool   // whether the client reads the server's flight before its last step
		then  string // what it says last; or "gone" or "waits"
		want  event.HandshakeOutcome
		alert int
		by    event.EndedBy
	}{
		"before a word":                  {nil, false, gone, event.LeftByClient, 0, event.EndedByClient},
		"in the middle of the hello":     {new13[:20], false, gone, event.LeftByClient, 0, event.EndedByClient},
		"with the hello":                 {new13, false, gone, event.LeftByClient, 0, event.EndedByClient},
		"when it sees the certificate":   {new13, true, gone, event.LeftByClient, 0, event.EndedByClient},
		"so too in TLS 1.2":              {new12, true, gone, event.LeftByClient, 0, event.EndedByClient},
		"by close_notify":                {new12, true, notify, event.LeftByClient, 0, event.EndedByClient},
		"by an alert":                    {new12, true, handshake, event.RefusedByClient, 40, event.EndedByClient},
		"by an alert in clear, TLS 1.3":  {new13, true, unknownCA, event.RefusedByClient, 48, event.EndedByClient},
		"not at all, and says nothing":   {nil, false, waits, event.NoHandshake, 0, event.EndedByTimeout},
		"not at all, in the hello":       {new13[:20], false, waits, event.NoHandshake, 0, event.EndedByTimeout},
		"not at all, behind the hello":   {new13, true, waits, event.StalledHandshake, 0, event.EndedByTimeout},
		"because it isn't TLS it speaks": {[]byte("EHLO x\r\n"), true, gone, event.NotTLS, 0, event.EndedByClient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inTime(t, timedOptions{protocol: "imap", tls: true}, func(r *timed) {
				r.send(string(tc.says))
				if tc.reads {
					flight(r)
				}
				switch tc.then {
				case gone:
					r.client.Close()
				case waits:
				default:
					r.send(tc.then)
				}
				<-r.over
				s := r.rec.Record()
				if s.TLS == nil {
					t.Fatal("nothing is recorded of TLS")
				}
				if h := s.TLS.Handshake; h.Outcome != tc.want || h.Alert != tc.alert || tc.alert != 0 && h.AlertFrom != event.Client {
					t.Errorf("%+v, want %s and the alert %d", h, tc.want, tc.alert)
				}
				if s.EndedBy != tc.by {
					t.Errorf("ended by %q, want %q", s.EndedBy, tc.by)
				}
			})
		})
	}
}
