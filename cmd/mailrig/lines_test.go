package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// stuckWriter is a terminal that accepts nothing until it is released.
type stuckWriter struct {
	entered chan struct{}
	release chan struct{}
	out     strings.Builder
}

func (w *stuckWriter) Write(b []byte) (int, error) {
	select {
	case w.entered <- struct{}{}:
	default:
	}
	<-w.release
	return w.out.Write(b)
}

func TestSlowTerminalStallsNobody(t *testing.T) {
	t.Parallel()
	l := newSessionLines()
	w := &stuckWriter{entered: make(chan struct{}, 1), release: make(chan struct{})}
	l.start(w)
	l.add(&server.Session{ID: "first", End: time.Now()})
	<-w.entered
	const extra = 5
	for i := range cap(l.queue) + extra {
		l.add(&server.Session{ID: fmt.Sprint(i), End: time.Now()}) // would hang here
	}
	l.stop() // and here
	close(w.release)
	<-l.done
	out := w.out.String()
	if n := strings.Count(out, "\n"); n != cap(l.queue)+2 {
		t.Errorf("%d lines, want all that were queued, the first and the remark", n)
	}
	if want := fmt.Sprintf("(%d sessions not shown", extra); !strings.Contains(out, want) {
		t.Errorf("no %q", want)
	}
}

func TestLinesAreDrainedAtTheEnd(t *testing.T) {
	t.Parallel()
	l := newSessionLines()
	for i := range 100 {
		l.add(&server.Session{ID: fmt.Sprint(i), End: time.Now()})
	}
	var out strings.Builder
	l.start(&out)
	l.stop()
	<-l.done
	if n := strings.Count(out.String(), "\n"); n != 100 {
		t.Errorf("%d lines", n)
	}
}

func TestSessionLineCannotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.Local)
	s := &server.Session{ID: "7", Door: 25, Service: "smtp", Client: "c\x1b[2Jd\u202e", Start: at}
	got := sessionLine(s)
	if strings.ContainsAny(got, "\x1b\u202e") || !strings.HasPrefix(got, "03:04:05 #7 25 smtp | c") || !strings.HasSuffix(got, "still open") {
		t.Errorf("%q", got)
	}
}

func TestNobodyAddsALine(t *testing.T) {
	t.Parallel()
	s := &server.Session{ID: "7", Client: "c\nd", End: time.Now()}
	if err := json.Unmarshal([]byte(`{"logins":[{"user":"a\r\nb\u202e","mechanism":"X\nY"}]}`), s); err != nil {
		t.Fatal(err)
	}
	if got := sessionLine(s); strings.ContainsAny(got, "\r\n\u202e\u0085\u2028") {
		t.Errorf("%q", got)
	}
	if got := printableLine("a\n\u0085\u2028\u009b\x1b[31mb"); strings.ContainsAny(got, "\n\u0085\u2028\u009b\x1b") {
		t.Errorf("%q", got)
	}
}

func TestTableWriteError(t *testing.T) {
	t.Parallel()
	r, w := io.Pipe()
	r.Close()
	if err := writeTable(w, startup{}, "", "", "", nil, nil); err == nil {
		t.Error("a closed standard output isn't noticed")
	}
}
