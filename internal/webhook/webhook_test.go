package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/wait"
)

// source is a source in which only what a test adds happens.
type source struct {
	mu      sync.Mutex
	mail    []wait.Mail
	found   []diagnose.Finding
	arrived chan struct{}
	more    chan struct{}
}

func newSource() *source { return &source{arrived: make(chan struct{}, 1), more: make(chan struct{})} }

func (s *source) add(subjects ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, subject := range subjects {
		s.mail = append(s.mail, wait.Mail{Subject: subject, Arrival: uint64(len(s.mail) + 1)})
	}
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

func (s *source) find(list ...diagnose.Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.found = append(s.found, list...)
	close(s.more)
	s.more = make(chan struct{})
}

func (s *source) Mail(_ context.Context, n uint64) ([]wait.Mail, uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mail[n:], uint64(len(s.mail)), nil
}

func (s *source) WatchMail(context.Context) (<-chan struct{}, func(), error) {
	return s.arrived, func() {}, nil
}

func (s *source) FindingsSince(_ context.Context, n uint64) ([]diagnose.Finding, uint64, <-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.found[n:], uint64(len(s.found)), s.more, nil
}

func (s *source) Encode(_ context.Context, m wait.Mail) ([]byte, error) { return json.Marshal(m) }

// endpoint records what is posted to it. It answers with the next of these statuses, and then with 204.
func endpoint(t *testing.T, statuses ...int) (url string, got chan string) {
	got = make(chan string, 100)
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var event struct {
			Kind    string
			Message struct{ Subject string }
			Finding struct{ ID string }
		}
		if err := json.Unmarshal(body, &event); err != nil || r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%v: %s %s", err, r.Method, body)
		}
		mu.Lock()
		defer mu.Unlock()
		status := 204
		if len(statuses) > 0 {
			status, statuses = statuses[0], statuses[1:]
		}
		if status == 302 {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
		got <- fmt.Sprintf("%s%s%s %s %d", event.Kind[:1], event.Message.Subject, event.Finding.ID, r.URL.Path, status)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/hook", got
}

func want(t *testing.T, got chan string, list ...string) {
	t.Helper()
	for _, w := range list {
		select {
		case g := <-got:
			if g != w {
				t.Errorf("posted %q, want %q", g, w)
			}
		case <-time.After(time.Minute):
			t.Fatalf("%q isn't posted", w)
		}
	}
}

func TestWebhook(t *testing.T) {
	t.Parallel()
	src := newSource()
	src.add("before")
	url, got := endpoint(t, 204, 500, 302, 204)
	s, err := Start(Config{URLs: []string{url}, Source: src, Pauses: make([]time.Duration, 3)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	src.add("a", "b")
	want(t, got, "ma /hook 204", "mb /hook 500", "mb /hook 302", "mb /hook 204")
	src.find(diagnose.Finding{ID: "good", Severity: diagnose.Good}, diagnose.Finding{ID: "bad", Severity: diagnose.Error})
	want(t, got, "fbad /hook 204")
}

// TestGivesUp checks that retries end, that what comes after an event that was given up is tried once, and that an
// endpoint that is back gets everything again.
func TestGivesUp(t *testing.T) {
	t.Parallel()
	src := newSource()
	url, got := endpoint(t, 500, 500, 500, 500, 204, 500, 204)
	troubles := make(chan string, 10)
	s, err := Start(Config{URLs: []string{url}, Source: src, Pauses: make([]time.Duration, 2), OnTrouble: func(text string) { troubles <- text }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	src.add("a", "b", "c", "d")
	want(t, got, "ma /hook 500", "ma /hook 500", "ma /hook 500", "mb /hook 500", "mc /hook 204", "md /hook 500", "md /hook 204")
	if text := <-troubles; !strings.Contains(text, "it answered 500") || !strings.Contains(text, "check that something listens there") {
		t.Error(text)
	}
}

// TestStop checks that an endpoint that never answers doesn't keep mailrig from stopping.
func TestStop(t *testing.T) {
	t.Parallel()
	reached, release := make(chan struct{}, 10), make(chan struct{})
	hangs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{}; <-release }))
	defer hangs.Close()
	defer close(release)
	src := newSource()
	s, err := Start(Config{URLs: []string{hangs.URL}, Source: src})
	if err != nil {
		t.Fatal(err)
	}
	src.add("a")
	<-reached
	s.Stop()
	(*Sender)(nil).Stop()
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for url, ok := range map[string]bool{"http://localhost:8080/mail": true, "https://x.test": true, "localhost:8080": false, "ftp://x.test": false, "http://": false, "": false, "://": false} {
		if err := Check(url); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// TestManyMessages checks that more messages than one page come in order, each once.
func TestManyMessages(t *testing.T) {
	t.Parallel()
	url, got := endpoint(t)
	s := newSource()
	sender, err := Start(Config{URLs: []string{url}, Source: s})
	if err != nil {
		t.Fatal(err)
	}
	defer sender.Stop()
	var subjects []string
	for i := range 2*page + 50 {
		subjects = append(subjects, fmt.Sprint(i))
	}
	s.add(subjects...)
	for _, subject := range subjects {
		want(t, got, "m"+subject+" /hook 204")
	}
}
