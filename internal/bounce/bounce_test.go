package bounce

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/state"
)

// mailbox collects what is delivered.
type mailbox struct {
	mu  sync.Mutex
	got []string // who received something
	raw [][]byte
}

func (m *mailbox) deliver(_ context.Context, to string, raw []byte, _ time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, to)
	m.raw = append(m.raw, raw)
	return nil
}

func (m *mailbox) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.got)
}

var gone = Failure{Status: "5.1.1", Text: "550 5.1.1 no such user"}

func message(from string) Message {
	return Message{From: from, To: "gone@example.test", Raw: []byte("Subject: x\r\n\r\nbody\r\n"), Arrived: time.Now()}
}

func TestComesWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m mailbox
		q := New(Config{Host: "mail.example.test", Deliver: m.deliver})
		if !q.Later(2*time.Hour, message("alice@example.test"), gone) {
			t.Fatal("refused")
		}
		time.Sleep(2*time.Hour - time.Nanosecond)
		synctest.Wait()
		if n := m.count(); n != 0 {
			t.Errorf("%d reports too early", n)
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if m.count() != 1 || m.got[0] != "alice@example.test" {
			t.Errorf("%q got a report", m.got)
		}
		q.Stop()
	})
}

func TestNullPathNeverBounces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m mailbox
		q := New(Config{Deliver: m.deliver})
		if q.Later(time.Second, message(""), gone) {
			t.Error("a message from the null path bounces")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if m.count() != 0 {
			t.Errorf("%q got a report", m.got)
		}
		q.Stop()
	})
}

func TestPendingIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m mailbox
		q := New(Config{Deliver: m.deliver})
		taken := 0
		for range maxPending + 100 {
			if q.Later(time.Minute, message("alice@example.test"), gone) {
				taken++
			}
		}
		if taken != maxPending {
			t.Errorf("%d are pending, want %d", taken, maxPending)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := m.count(); n != maxPending {
			t.Errorf("%d reports, want %d", n, maxPending)
		}
		if !q.Later(time.Minute, message("alice@example.test"), gone) {
			t.Error("no room after all have been delivered")
		}
		q.Stop()
	})
}

func TestForgetAndStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m mailbox
		q := New(Config{Deliver: m.deliver})
		q.Later(time.Second, message("a@example.test"), gone)
		q.Forget()
		q.Later(time.Second, message("b@example.test"), gone)
		time.Sleep(time.Minute)
		synctest.Wait()
		if m.count() != 1 || m.got[0] != "b@example.test" {
			t.Errorf("%q got a report, want b alone", m.got)
		}
		q.Later(time.Second, message("c@example.test"), gone)
		q.Stop()
		if q.Later(time.Second, message("d@example.test"), gone) {
			t.Error("a stopped queue takes more")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if m.count() != 1 {
			t.Errorf("%q got a report after Stop", m.got)
		}
	})
}

// TestStopEndsDeliveries checks that a store that hangs doesn't block Stop, as long as the store heeds its context.
func TestStopEndsDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := make(chan struct{})
		q := New(Config{Deliver: func(ctx context.Context, _ string, _ []byte, _ time.Time) error {
			close(began)
			<-ctx.Done()
			return ctx.Err()
		}})
		q.Later(0, message("a@example.test"), gone)
		<-began
		q.Stop()
	})
}

// TestFailedDeliveryIsTriedAgain checks that what can't be delivered is tried again every minute, for an hour.
func TestFailedDeliveryIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int64
		q := New(Config{Deliver: func(context.Context, string, []byte, time.Time) error { tries.Add(1); return errors.New("full") }})
		q.Later(time.Second, message("a@example.test"), gone)
		for _, step := range []struct {
			after time.Duration
			want  int64
		}{{2 * time.Second, 1}, {lease, 2}, {10 * lease, 12}, {giveUp, 61}, {24 * giveUp, 61}} {
			time.Sleep(step.after)
			synctest.Wait()
			if n := tries.Load(); n != step.want {
				t.Errorf("%d tries after %v more, want %d", n, step.after, step.want)
			}
		}
		if n, _, _ := q.cfg.State.Count(t.Context(), kind); n != 0 {
			t.Errorf("%d are pending for ever", n)
		}
		q.Stop()
	})
}

// TestPendingIsKept checks that what is pending when a queue stops is delivered by the next one that has its records, with
// all that belongs to it, and by one of several.
func TestPendingIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := state.NewMemory(nil)
		var m mailbox
		var held []Held
		cfg := Config{State: st, Deliver: m.deliver, Arrive: func(_ context.Context, h Held) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			held = append(held, h)
			return nil
		}}
		late := Held{To: "b@x", Copies: 3, From: "a@x", Recipients: []string{"b@x", "c@x"}, Session: "7", User: "a", Raw: []byte("Subject: y\n\n\x00\xff\n")}
		q := New(cfg)
		q.Start()
		if !q.Later(time.Minute, message("a@x"), gone) || !q.Hold(time.Hour, late) {
			t.Fatal("refused")
		}
		q.Stop()
		if !q.Later(time.Hour, message("behind@x"), gone) {
			t.Error("a report that is kept is refused, because the queue is about to end")
		}
		time.Sleep(10 * time.Minute) // meanwhile, the first is due
		one, other := New(cfg), New(cfg)
		one.Start()
		other.Start()
		synctest.Wait()
		m.mu.Lock()
		if len(m.got) != 1 || m.got[0] != "a@x" || !strings.Contains(string(m.raw[0]), "Subject: x") || len(held) != 0 {
			t.Errorf("delivered to %q and %+v", m.got, held)
		}
		m.mu.Unlock()
		time.Sleep(time.Hour)
		synctest.Wait()
		one.Stop()
		other.Stop()
		if len(m.got) != 2 || len(held) != 1 || !reflect.DeepEqual(held[0], late) {
			t.Errorf("delivered to %q and %+v, want %+v", m.got, held, late)
		}
	})
}

func TestReportReadsAsRFC3464(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	raw := write("mail.example.test", Message{
		From: "alice@example.test", To: "gone@example.test", Arrived: at,
		Raw: header([]byte("Subject: x\r\nMessage-ID: <1@x>\r\n\r\nthe body\r\n")),
	}, gone, at.Add(time.Minute))
	if strings.Contains(strings.ReplaceAll(string(raw), "\r\n", ""), "\n") {
		t.Errorf("bare line ends:\n%q", raw)
	}
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || params["report-type"] != "delivery-status" || msg.Header.Get("Return-Path") != "<>" {
		t.Fatalf("%s %v %v, from %s", kind, params, err, msg.Header.Get("Return-Path"))
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for i, want := range [][]string{
		{"text/plain; charset=us-ascii", "could not be delivered to <gone@example.test>", "550 5.1.1 no such user"},
		{"message/delivery-status", "Reporting-MTA: dns; mail.example.test\r\nArrival-Date: Sun, 01 Mar 2026 12:00:00 +0000\r\n\r\nFinal-Recipient: rfc822; gone@example.test\r\nAction: failed\r\nStatus: 5.1.1\r\n"},
		{"text/rfc822-headers", "Subject: x\r\nMessage-ID: <1@x>\r\n"},
	} {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
		body, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range want[1:] {
			if p.Header.Get("Content-Type") != want[0] || !strings.Contains(string(body), w) {
				t.Errorf("part %d is %s and lacks %q:\n%s", i, p.Header.Get("Content-Type"), w, body)
			}
		}
		if strings.Contains(string(body), "the body") {
			t.Errorf("part %d has the message's body", i)
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("a fourth part: %v", err)
	}
}

func TestHeader(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("X-Long: "+strings.Repeat("x", 90)+"\r\n", maxHeader/100+10)
	for raw, want := range map[string]string{
		"A: b\r\n\r\nbody\r\n":      "A: b\r\n",
		"A: b\n\nbody\r\n\r\nmore":  "A: b\n",
		"A: b\r\n\r\nbody\n\nmore":  "A: b\r\n",
		"A: b\r\n":                  "A: b\r\n",
		"no header and no line end": "no header and no line end",
		"":                          "",
		long + "\r\nbody":           long[:maxHeader/100*100],
	} {
		if got := string(header([]byte(raw))); got != want {
			t.Errorf("%.40q: %d bytes, %.40q", raw, len(got), got)
		}
	}
}
