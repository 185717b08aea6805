package server_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

// TestEveryResource checks that each resource answers a wrong method, another site's page and a rebound name with the
// documented error, and a plain GET as documented.
func TestEveryResource(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	a := newAPI(t, s)
	deliver(t, s, "alice", "Subject: x\n\n")
	var l mailList
	a.get("/api/v1/mail", &l)
	_ = dial(t, s, 25).Close()
	real := strings.NewReplacer("{user}", "alice", "{part}", "9", "{id}", l.Messages[0].ID, "{tag}", "x", "{name}", "latest.txt")
	methods, tags := map[string][]string{}, map[string][]string{}
	for _, operation := range a.doc.Operations() {
		method, path, _ := strings.Cut(operation, " ")
		methods[path] = append(methods[path], method)
		tags[path] = a.doc.Tags(operation)
	}
	ask := func(status int, method, path string, change func(*http.Request)) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, a.base+real.Replace(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		change(r)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.Header.Get("Content-Type") == "text/event-stream" {
			return // it doesn't end
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if status != 0 && resp.StatusCode != status {
			t.Errorf("%s %s: %s, want %d", method, path, resp.Status, status)
		}
		if resp.StatusCode >= 500 {
			t.Errorf("%s %s: %s", method, path, resp.Status)
		}
		ours := len(tags[path]) == 0 || tags[path][0] != "mailpit" && tags[path][0] != "mailhog"
		if status >= 400 && strings.HasPrefix(path, "/api/") && (ours || status == http.StatusMisdirectedRequest) {
			if err := a.doc.Fits("Problem", body); err != nil {
				t.Errorf("%s %s: %v", method, path, err)
			}
			return
		}
		if err := a.doc.Check(r, resp, body); err != nil && (status < 400 || !ours) {
			t.Error(err)
		}
	}
	for path, have := range methods {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
			other := tags[path][0] == "mailpit" || tags[path][0] == "mailhog"
			if slices.Contains(have, method) || other && method == "OPTIONS" {
				continue
			}
			want := http.StatusMethodNotAllowed
			if tags[path][0] == "mailhog" || path == "/api/v1/send" && method == "GET" {
				want = http.StatusNotFound // as the other programs say it
			}
			ask(want, method, path, func(*http.Request) {})
		}
		for _, method := range have {
			ask(421, method, path, func(r *http.Request) { r.Host = "rebound.example" })
			if method == "GET" {
				if path != "/api/v1/wait" {
					ask(0, method, path, func(*http.Request) {})
				}
				continue
			}
			for name, value := range map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site"} {
				ask(403, method, path, func(r *http.Request) { r.Header.Set(name, value) })
			}
		}
	}
	for _, path := range []string{"/api/v1/events", "/api/v1/wait?message=any", "/api/v1/sessions?after=0&wait=1m"} {
		ask(403, "GET", path, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") })
	}
	for _, path := range []string{"/api/v1/wait", "/api/v1/wait?message=any&after=x", "/api/v1/wait?message=any&timeout=11m", "/api/v1/events?kind=x", "/api/v1/events?after=1-2", "/api/v1/sessions?after=x", "/api/v1/sessions?limit=0", "/api/v1/findings?id=x"} {
		a.do(400, "GET", path, "", "")
	}
	a.do(400, "PUT", "/api/v1/scenario", "text/html", "x")
	a.do(400, "GET", "/api/v1/sessions?match=dor:25", "", "")
	for match, want := range map[string]bool{"door:25": true, "door:993": false, "protocol:smtp": true, "any": true} {
		if _, body := a.do(200, "GET", "/api/v1/sessions?match="+match, "", ""); strings.Contains(body, `"door":25`) != want {
			t.Errorf("%s: %s", match, body)
		}
	}
	a.do(413, "PUT", "/api/v1/scenario", "", strings.Repeat(" ", 2<<20))
}

// events reads server-sent events.
type events struct {
	t    testing.TB
	body io.ReadCloser
	r    *bufio.Reader
	last string // id
}

func (a *api) events(query, last string) *events {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), "GET", a.base+"/api/v1/events"+query, nil)
	if err != nil {
		a.t.Fatal(err)
	}
	if last != "" {
		r.Header.Set("Last-Event-ID", last)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != "text/event-stream" {
		a.t.Fatalf("events: %s", resp.Status)
	}
	e := &events{a.t, resp.Body, bufio.NewReader(resp.Body), ""}
	e.next() // the position at which it begins
	return e
}

// next returns the kind and the data of the next event.
func (e *events) next() (kind, data string) {
	e.t.Helper()
	for {
		line, err := e.r.ReadString('\n')
		if err != nil {
			e.t.Fatal(err)
		}
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch key {
		case "id":
			e.last = value
		case "event":
			kind = value
		case "data":
			data = value
		case "":
			if kind != "" || data == "" && e.last != "" {
				return kind, data
			}
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	a := newAPI(t, s)
	deliver(t, s, "alice", "Subject: before\n\n")
	e := a.events("", "")
	begin := e.last
	mail := a.events("?kind=message", "")
	deliver(t, s, "alice", "Subject: first\n\n")
	deliver(t, s, "bob", "Subject: second\n\n")
	for _, want := range []string{"first", "second"} {
		for _, e := range []*events{e, mail} {
			kind, data := e.next()
			if kind != "message" || !strings.Contains(data, `"subject":"`+want+`"`) {
				t.Fatalf("%s: %s", kind, data)
			}
			if err := a.doc.Fits("Mail", []byte(data)); err != nil {
				t.Error(err)
			}
		}
	}
	middle := e.last
	c := dial(t, s, 143)
	for _, step := range [][2]string{{"", "* OK"}, {"a LOGIN alice secret", "a OK"}, {"b LOGOUT", "* BYE"}} {
		if err := c.say(step[0], step[1]); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]string{}
	for len(seen) < 2 {
		kind, data := e.next()
		seen[kind] = data
	}
	for kind, schema := range map[string]string{"session": "Session", "finding": "Finding"} {
		if err := a.doc.Fits(schema, []byte(seen[kind])); err != nil {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if !strings.Contains(seen["finding"], "password-sent-in-clear") {
		t.Error(seen["finding"])
	}

	// After an interruption, what has come meanwhile is sent again.
	for last, want := range map[string]string{begin: "first", middle: `"door":143`, "0-0-0": "before", "999-999-999": "before"} {
		if _, data := a.events("", last).next(); !strings.Contains(data, want) {
			t.Errorf("after %s: %s, want %s", last, data, want)
		}
	}
	if _, data := a.events("?kind=message&after="+begin, "").next(); !strings.Contains(data, "first") {
		t.Error(data)
	}
	e.body.Close()
}

// TestManyEvents checks that a subscriber who doesn't read holds up nobody.
func TestManyEvents(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	a := newAPI(t, s)
	_ = a.events("", "") // asleep
	var all []*events
	for range 20 {
		all = append(all, a.events("?kind=message", ""))
	}
	began := time.Now()
	subject := strings.Repeat("x", 2000)
	for i := range 200 {
		deliver(t, s, "alice", fmt.Sprintf("Subject: %d %s\n\n", i, subject))
	}
	for _, e := range all {
		for i := range 200 {
			if _, data := e.next(); !strings.Contains(data, fmt.Sprintf(`"subject":"%d x`, i)) {
				t.Fatalf("event %d: %s", i, data)
			}
		}
	}
	if took := time.Since(began); took > hang {
		t.Errorf("it took %v", took)
	}
}
