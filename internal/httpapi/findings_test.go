package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
)

func get(t *testing.T, h http.Handler, target string, status int) string {
	t.Helper()
	w := call{method: "GET", target: target}.do(t, h)
	if w.Code != status {
		t.Errorf("%s: %d %s", target, w.Code, w.Body)
	}
	return strings.TrimSpace(w.Body.String())
}

// ids returns the ids of an answer's findings.
func ids(t *testing.T, body string) string {
	t.Helper()
	var l struct{ Findings []diagnose.Finding }
	if err := json.Unmarshal([]byte(body), &l); err != nil || l.Findings == nil {
		t.Fatalf("%v: %s", err, body)
	}
	var all []string
	for _, f := range l.Findings {
		all = append(all, f.ID)
	}
	return strings.Join(all, " ")
}

func TestFindings(t *testing.T) {
	t.Parallel()
	rig := newRig()
	h := New(Config{Rig: rig})
	session(rig.log)
	session(rig.log)
	rig.add(diagnose.Finding{ID: "f1", Severity: "info", Client: "::1", Sessions: []string{"1"}})
	rig.add(diagnose.Finding{ID: "f2", Severity: "good", Client: "::1", Sessions: []string{"1"}})
	rig.add(diagnose.Finding{ID: "f3", Severity: "error", Client: "127.0.0.1", Sessions: []string{"1", "2"}})
	for query, want := range map[string]string{
		"": "f1 f3", "?after=0": "f1 f3", "?after=1": "f3", "?after=3": "", "?severity=good": "f2", "?id=f2": "f2", "?id=f2,f3": "f2 f3",
		"?id=f1&id=f3": "f1 f3", "?severity=error,info": "f1 f3", "?client=::1": "f1", "?client=::1&severity=error": "", "?after=0&wait=30s": "f1 f3",
	} {
		if got := ids(t, get(t, h, "/api/v1/findings"+query, 200)); got != want {
			t.Errorf("%q: %q, want %q", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"?id=x": "no finding x", "?severity=bad": "error, warning, info, good", "?after=x": "after", "?wait=1s": "needs",
	} {
		if got := get(t, h, "/api/v1/findings"+query, 400); !strings.Contains(got, want) {
			t.Errorf("%s: %s", query, got)
		}
	}
	// Each session has its own findings, the worst first.
	if got := ids(t, get(t, h, "/api/v1/sessions/1", 200)); got != "f3 f1" {
		t.Errorf("session 1: %s", got)
	}
	var l struct {
		Sessions []struct{ Findings []diagnose.Finding }
	}
	body := get(t, h, "/api/v1/sessions?after=1", 200)
	if err := json.Unmarshal([]byte(body), &l); err != nil || len(l.Sessions) != 1 || len(l.Sessions[0].Findings) != 1 {
		t.Errorf("%v %s", err, body)
	}
}

func TestWaitForFindings(t *testing.T) {
	t.Parallel()
	rig := newRig()
	srv := httptest.NewServer(New(Config{Rig: rig}))
	defer srv.Close()
	got := make(chan int, 1)
	go func() {
		resp, err := srv.Client().Get(srv.URL + "/api/v1/findings?after=0&wait=30s&severity=error")
		if err != nil {
			got <- 0
			return
		}
		defer resp.Body.Close()
		var l struct{ Next int }
		_ = json.NewDecoder(resp.Body).Decode(&l)
		got <- l.Next
	}()
	rig.add(diagnose.Finding{ID: "f1", Severity: "info"}) // not asked for
	rig.add(diagnose.Finding{ID: "f2", Severity: "error"})
	select {
	case next := <-got:
		if next != 2 {
			t.Errorf("next is %d", next)
		}
	case <-time.After(2 * time.Minute):
		t.Fatal("the poll did not come back")
	}
}

func TestWait(t *testing.T) {
	t.Parallel()
	rig := newRig()
	h := New(Config{Rig: rig})
	session(rig.log)
	got := get(t, h, "/api/v1/wait?message=yes&message=more&count=2&timeout=5", 200)
	if want := `{"met":true,"count":2,"messages":[{"id":"","mailbox":"","folder":"","uid":0,"from":"","recipients":null,"from_header":"","subject":"yes+more","bytes":0,"session":"","received":"0001-01-01T00:00:00Z"}],"findings":[],"sessions":[],"next":0}`; got != want {
		t.Errorf("%s", got)
	}
	got = get(t, h, "/api/v1/wait?session=no&timeout=10ms", 200)
	if !strings.HasPrefix(got, `{"met":false,"count":0,"text":"no session","messages":[],"findings":[],"sessions":[{"id":"1",`) {
		t.Errorf("%s", got)
	}
	for query, want := range map[string]string{
		"": "what should it wait for?", "?message=yes&session=yes": "one thing", "?message=bad": "bad words", "?message=yes&count=0": "count",
		"?message=yes&count=x": "count", "?message=yes&timeout=1h": "at most 10m", "?message=yes&timeout=-1s": "timeout", "?message=yes&to=bob": `no parameter \"to\"`,
	} {
		if got := get(t, h, "/api/v1/wait"+query, 400); !strings.Contains(got, want) {
			t.Errorf("%s: %s", query, got)
		}
	}
}

// TestBookThatCannotBeRead checks that an unreadable book of findings is an error where findings are asked for, and
// doesn't affect sessions.
func TestBookThatCannotBeRead(t *testing.T) {
	t.Parallel()
	rig := newRig()
	rig.broken = errors.New("the book is gone")
	h := New(Config{Rig: rig})
	session(rig.log)
	for _, target := range []string{"/api/v1/findings", "/api/v1/wait?finding=broken"} {
		if got := get(t, h, target, 500); !strings.Contains(got, `"error"`) {
			t.Errorf("%s: %s", target, got)
		}
	}
	for _, target := range []string{"/api/v1/sessions", "/api/v1/sessions/1"} {
		get(t, h, target, 200)
	}
	if w := (call{method: "POST", target: "/api/v1/reset"}).do(t, h); w.Code != 500 || !strings.Contains(w.Body.String(), "the book is gone") {
		t.Errorf("a reset that failed: %d %s", w.Code, w.Body)
	}
}
