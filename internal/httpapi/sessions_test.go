package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

type envelope struct {
	Sessions []*transcript.Session
	Next     uint64
}

func (e envelope) ids() string {
	var ids []string
	for _, s := range e.Sessions {
		ids = append(ids, s.ID)
	}
	return strings.Join(ids, " ")
}

func getSessions(t *testing.T, h http.Handler, query string) envelope {
	t.Helper()
	w := call{method: "GET", target: "/api/v1/sessions" + query}.do(t, h)
	var e envelope
	if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != 200 || e.Sessions == nil {
		t.Fatalf("%s: %d %v %s", query, w.Code, err, w.Body)
	}
	return e
}

func session(l *event.Ring) { l.Begin(event.Info{Door: 25}).End(event.EndedByClient) }

func TestSessions(t *testing.T) {
	t.Parallel()
	rig := newRig()
	h := New(Config{Rig: rig})
	open := rig.log.Begin(event.Info{Door: 143, Client: "<script>"})
	session(rig.log)
	session(rig.log)
	for _, tc := range []struct {
		query, ids string
		next       uint64
	}{
		{"", "2 3 1", 2},
		{"?after=0", "2 3", 2},
		{"?after=1", "3", 2},
		{"?after=2", "", 2},
		{"?after=0&wait=30s", "2 3", 2},   // doesn't wait if there is something
		{"?after=900&wait=30s", "2 3", 2}, // a number from before a restart
		{"?after=2&wait=0", "", 2},
		{"?limit=1", "2", 1}, // a page: only ended ones
		{"?after=1&limit=1", "3", 2},
		{"?after=0&limit=50", "2 3", 2},
		{"?after=2&limit=50", "", 2},
	} {
		if e := getSessions(t, h, tc.query); e.ids() != tc.ids || e.Next != tc.next {
			t.Errorf("%q: %q next %d", tc.query, e.ids(), e.Next)
		}
	}
	w := call{method: "GET", target: "/api/v1/sessions/1"}.do(t, h)
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"client":"\u003cscript\u003e"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	open.Reply([]byte("* OK hello\r\n"), "")
	w = call{method: "GET", target: "/api/v1/sessions/1/dialogue"}.do(t, h)
	if !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || !strings.Contains(w.Body.String(), "S: * OK hello") {
		t.Errorf("%s", w.Body)
	}
	for target, want := range map[string]int{"/1/scenario": 422, "/9/scenario": 404} { // 1 has no protocol
		if w := (call{method: "GET", target: "/api/v1/sessions" + target}).do(t, h); w.Code != want {
			t.Errorf("%s: %d %s", target, w.Code, w.Body)
		}
	}
	for _, bad := range []string{"?after=x", "?after=-1", "?after=0&wait=soon", "?after=0&wait=-1s", "?wait=1s", "?after="} {
		if w := (call{method: "GET", target: "/api/v1/sessions" + bad}).do(t, h); w.Code != 400 {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
}

func TestLongPoll(t *testing.T) {
	t.Parallel()
	rig := newRig()
	srv := httptest.NewUnstartedServer(New(Config{Rig: rig}))
	srv.Config.WriteTimeout = time.Second // a long poll outlives it
	srv.Start()
	defer srv.Close()
	got := make(chan envelope, 1)
	fail := make(chan error, 1)
	go func() {
		resp, err := srv.Client().Get(srv.URL + "/api/v1/sessions?after=0&wait=30s")
		if err != nil {
			fail <- err
			return
		}
		defer resp.Body.Close()
		var e envelope
		if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
			fail <- err
			return
		}
		got <- e
	}()
	// Whether the poll is already waiting or comes later, it must report this session.
	time.AfterFunc(1200*time.Millisecond, func() { session(rig.log) })
	select {
	case e := <-got:
		if e.ids() != "1" || e.Next != 1 {
			t.Errorf("%q next %d", e.ids(), e.Next)
		}
	case err := <-fail:
		t.Fatal(err)
	case <-time.After(2 * time.Minute):
		t.Fatal("the poll did not come back")
	}
}

func TestLongPollEnds(t *testing.T) {
	t.Parallel()
	rig := newRig()
	h := New(Config{Rig: rig})
	if e := getSessions(t, h, "?after=0&wait=10ms"); e.ids() != "" || e.Next != 0 {
		t.Errorf("%+v", e)
	}
	// The server's base context is cancelled when it shuts down.
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequestWithContext(ctx, "GET", "http://localhost/api/v1/sessions?after=0&wait=60s", nil)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.ServeHTTP(httptest.NewRecorder(), r)
	}()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		t.Fatal("a poll outlives the server")
	}
}

func TestParseWait(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]time.Duration{"": 0, "5": 5 * time.Second, "1.5s": 1500 * time.Millisecond, "2h": maxWait} {
		if got, err := parseWait(in); err != nil || got != want {
			t.Errorf("%q: %v %v", in, got, err)
		}
	}
}
