package mailpit

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/testkit/golden"
)

// rig is a handler at a server, and its store.
type rig struct {
	t     testing.TB
	store store.Store
	h     *Handler
	url   string
	ids   map[string]string // of letters, by their names
}

func start(t testing.TB, alike bool) *rig {
	st := memory.New(memory.Options{})
	h := New(Config{Store: st, Version: "test", Alike: alike})
	mux := http.NewServeMux()
	for _, pattern := range h.Patterns() {
		mux.Handle(pattern, h)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.URL.Path, r.URL.RawPath = path.Clean(r.URL.Path), "" // as the HTTP door does
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { h.Close(); srv.Close() })
	return &rig{t, st, h, srv.URL, map[string]string{}}
}

// deliver puts a message into INBOXes, as SMTP does.
func (g *rig) deliver(name, from string, to []string, raw string) {
	g.t.Helper()
	raw = "Return-Path: <" + from + ">\n" + raw
	sent, err := g.store.Deliver(context.Background(), to, store.Incoming{
		Content: store.Bytes(strings.ReplaceAll(raw, "\n", "\r\n")), Envelope: store.Envelope{From: from, Recipients: to, Session: "1"},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.ids[name] = ID(sent[0].Message)
}

func (g *rig) do(method, target, body string, header ...string) (status int, kind, answer string) {
	g.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, g.url+g.real(target), strings.NewReader(g.real(body)))
	if err != nil {
		g.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		g.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		g.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(text)
}

// real puts ids into a request.
func (g *rig) real(text string) string {
	for name, id := range g.ids {
		text = strings.ReplaceAll(text, "{"+name+"}", id)
	}
	return text
}

var changing = []struct {
	pattern *regexp.Regexp
	by      string
}{
	{regexp.MustCompile(`[0-9A-Za-z]{22}@mailpit`), "{NEW}@mailpit"},
	{regexp.MustCompile(`\{"ID":"[0-9A-Za-z]{22}"`), `{"ID":"{NEW}"`},
	{regexp.MustCompile(`"(Created|Date)":"20(2[6-9]|[3-9].)-(0[4-9]|1.)-[^"]*"`), `"$1":"{NOW}"`},
	{regexp.MustCompile(`"(Uptime|Memory|DatabaseSize|SMTPAcceptedSize)":\d+`), `"$1":N`},
	{regexp.MustCompile(`enmime-[0-9a-f-]+`), "enmime-X"},
	{regexp.MustCompile(`"Date":\["[^"]*"\]`), `"Date":["{DATE}"]`},
}

// shown replaces what is different each time.
func (g *rig) shown(text string) string {
	for name, id := range g.ids {
		text = strings.ReplaceAll(text, id, "{"+name+"}")
	}
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.by)
	}
	return strings.ReplaceAll(text, "\r\n", "\n")
}

// fill delivers a few messages that show what lists and searches have to get right.
func (g *rig) fill() {
	g.deliver("hello", "ann@example.test", []string{"ben@example.test"}, `From: Ann Äpfel <ann@example.test>
To: "Ben, the Builder" <ben@example.test>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe_from_Ann?=
Date: Mon, 02 Mar 2026 08:09:10 +0100
Message-ID: <hello@example.test>
List-Unsubscribe: <mailto:off@example.test>, <https://example.test/off>

A plain line,
and another one.
`)
	g.deliver("order", "shop@example.test", []string{"ben@example.test", "eve@example.test", "ben+Blue@example.test"}, `From: shop@example.test
To: ben@example.test
Subject: Order 77
Date: never
X-Tags: green, two  words
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=a

--a
Content-Type: multipart/related; boundary=b

--b
Content-Type: text/html; charset=utf-8

<html><head><title>no</title></head><body>Pay <b>now</b>: <a href="https://example.test/pay">here</a><img src="cid:pic"></body></html>
--b
Content-Type: image/gif; name=pic.gif
Content-ID: <pic>
Content-Disposition: inline; filename=pic.gif
Content-Transfer-Encoding: base64

R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=
--b--
--a
Content-Type: application/pdf
Content-Disposition: attachment; filename*=UTF-8''R%C3%A4t.pdf

pdf
--a
Content-Type: message/rfc822
Content-Disposition: attachment

Subject: inner

inner
--a--
`)
	g.deliver("odd", "", []string{"ben@example.test"}, `To: nobody <<<
Date: Mon, 02 Mar 2026 08:09:12 +0100

100% odd
`)
}

// TestCalls replays the calls of testdata/calls.txt, in order. Each is "METHOD path body", and below it what came: the status, the
// type and the body. What the calls show was compared with Mailpit's own answers (docs/mailpit.md says how).
func TestCalls(t *testing.T) {
	t.Parallel()
	const file = "testdata/calls.txt"
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, true)
	g.fill()
	var got strings.Builder
	n := 0
	for _, line := range strings.Split(string(script), "\n") {
		if strings.HasPrefix(line, "#") {
			got.WriteString("\n" + line + "\n")
		}
		call, ok := strings.CutPrefix(line, "> ")
		if !ok {
			continue
		}
		method, rest, _ := strings.Cut(call, " ")
		target, body, _ := strings.Cut(rest, " ")
		status, kind, answer := g.do(method, target, body)
		fmt.Fprintf(&got, "\n> %s\n%d %s\n", call, status, kind)
		if method == "POST" && status == 200 {
			var sent struct{ ID string }
			if err := json.Unmarshal([]byte(answer), &sent); err != nil || len(sent.ID) != 22 {
				t.Errorf("%s: %s, %v", call, answer, err)
			}
			g.ids["sent"] = sent.ID
		}
		for part := range strings.SplitSeq(strings.TrimRight(g.shown(answer), "\n"), "\n") {
			got.WriteString(strings.TrimRight("| "+part, " ") + "\n")
		}
		n++
	}
	golden.Check(t, file, strings.TrimLeft(got.String(), "\n"))
	if n < 60 {
		t.Errorf("only %d calls", n)
	}
}

// TestOneEntry checks that a message to several mailboxes is one letter, and goes from all of them; that a copy is no other one;
// that what came by APPEND isn't listed; and that \Seen has nothing to do with it.
func TestOneEntry(t *testing.T) {
	t.Parallel()
	g, ctx := start(t, false), t.Context()
	g.deliver("one", "a@example.test", []string{"b@example.test", "c@example.test"}, "Subject: one\n\nx\n")
	inbox, err := g.store.Mailbox(ctx, "b@example.test", "INBOX")
	if err != nil {
		t.Fatal(err)
	}
	trash, err := g.store.Mailbox(ctx, "b@example.test", "Trash")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := g.store.Copy(ctx, inbox.ID, []store.UID{1}, trash.ID); err != nil {
		t.Fatal(err)
	}
	g.deliver("two", "a@example.test", []string{"b@example.test"}, "Subject: two\n\nx\n")
	if _, err := g.store.Append(ctx, trash.ID, []store.Incoming{{Content: store.Bytes("Subject: appended\r\n\r\nx\r\n")}}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.store.SetFlags(ctx, inbox.ID, []store.UID{1}, store.Add, []string{store.Seen}); err != nil {
		t.Fatal(err)
	}
	if got := g.subjects("/api/v1/messages"); got != "two one" {
		t.Errorf("listed: %s", got)
	}
	if got := g.subjects("/api/v1/search?query=is:unread"); got != "two one" {
		t.Errorf("unread: %s", got)
	}
	g.do("GET", "/api/v1/message/{two}", "")
	if e, err := g.store.Entries(ctx, inbox.ID, []store.UID{2}); err != nil || e[0].Has(store.Seen) {
		t.Errorf("read here, and seen there: %+v, %v", e, err)
	}
	g.do("DELETE", "/api/v1/messages", `{"IDs":["{one}"]}`)
	for user, want := range map[string]int{"b@example.test": 1, "c@example.test": 0} {
		box, err := g.store.Mailbox(ctx, user, "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		if status, err := g.store.Status(ctx, box.ID); err != nil || int(status.Messages) != want {
			t.Errorf("%s has %d messages, %v", user, status.Messages, err)
		}
	}
	if status, err := g.store.Status(ctx, trash.ID); err != nil || status.Messages != 1 {
		t.Errorf("%d in Trash, %v: the appended one must stay", status.Messages, err)
	}
}

// TestComingAndGoing compares what is listed with what there is, while messages come and go in ways that this API doesn't know of.
func TestComingAndGoing(t *testing.T) {
	t.Parallel()
	g, ctx := start(t, false), t.Context()
	step := func(want string, do func() error) {
		t.Helper()
		if err := do(); err != nil {
			t.Fatal(err)
		}
		if got := g.subjects("/api/v1/messages"); got != want {
			t.Errorf("listed: %q, want %q", got, want)
		}
	}
	deliver := func(name string, to ...string) func() error {
		return func() error { g.deliver(name, "a@example.test", to, "Subject: "+name+"\n\nx\n"); return nil }
	}
	box := func(user, name string) store.MailboxID {
		b, err := g.store.Mailbox(ctx, user, name)
		if err != nil {
			t.Fatal(err)
		}
		return b.ID
	}
	step("", func() error { return nil })
	step("1", deliver("1", "b@example.test"))
	step("2 1", deliver("2", "b@example.test", "c@example.test"))
	step("2 1", func() error {
		_, _, err := g.store.Move(ctx, box("b@example.test", "INBOX"), []store.UID{1}, box("b@example.test", "Trash"))
		return err
	})
	step("3 2 1", deliver("3", "c@example.test"))
	step("3 2 1", func() error {
		_, err := g.store.Expunge(ctx, box("b@example.test", "INBOX"), []store.UID{2})
		return err
	})
	step("3 1", func() error {
		_, err := g.store.Expunge(ctx, box("c@example.test", "INBOX"), []store.UID{1})
		return err
	})
	step("3", func() error { return g.store.Delete(ctx, "b@example.test", "Trash") })
	step("", func() error { return g.store.Reset(ctx) })
	step("4", deliver("4", "c@example.test"))
}

// subjects returns the subjects of a list.
func (g *rig) subjects(path string) string {
	g.t.Helper()
	_, _, text := g.do("GET", path, "")
	var p struct{ Messages []struct{ Subject string } }
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		g.t.Fatalf("%s: %s", path, text)
	}
	var all []string
	for _, m := range p.Messages {
		all = append(all, m.Subject)
	}
	return strings.Join(all, " ")
}

// TestForeignPages checks that another site's page can neither read, nor mark as read, nor listen.
func TestForeignPages(t *testing.T) {
	t.Parallel()
	g := start(t, true)
	g.fill()
	for _, path := range []string{"/api/v1/messages", "/api/v1/message/{hello}", "/view/{hello}.txt", "/view/{order}.html", "/api/events", "/%61pi/events"} {
		for _, header := range [][]string{{"Origin", "http://evil.example"}, {"Origin", "null"}, {"Sec-Fetch-Site", "cross-site"}} {
			if status, _, _ := g.do("GET", path, "", header...); status != http.StatusForbidden {
				t.Errorf("%s with %s gets %d", path, header, status)
			}
		}
	}
	if got := g.subjects("/api/v1/search?query=is:read"); got != "" {
		t.Errorf("marked as read: %s", got)
	}
	if status, _, _ := g.do("GET", "/view/{hello}.txt", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"); status != http.StatusOK {
		t.Errorf("following a link gets %d", status)
	}
}

// TestHostile checks that a browser that shows a message runs none of its scripts.
func TestHostile(t *testing.T) {
	t.Parallel()
	g := start(t, true)
	g.fill()
	for path, want := range map[string]string{
		"/view/{order}.html":                "sandbox allow-same-origin",
		"/api/v1/message/{order}/part/2":    "sandbox; default-src 'none'",
		"/api/v1/message/{order}/raw":       "sandbox; default-src 'none'",
		"/view/{order}.html?embed=1":        "default-src 'none'",
		"/api/v1/message/{order}/part/1.2":  "sandbox; default-src 'none'",
		"/api/v1/message/latest/raw?query=": "sandbox; default-src 'none'",
	} {
		resp, err := http.Get(g.url + g.real(path))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if policy := resp.Header.Get("Content-Security-Policy"); resp.StatusCode != 200 || !strings.Contains(policy, want) || strings.Contains(policy, "allow-scripts") {
			t.Errorf("%s: %d, %s", path, resp.StatusCode, policy)
		}
	}
}

// TestEvents listens at the websocket.
func TestEvents(t *testing.T) {
	t.Parallel()
	g := start(t, true)
	g.deliver("early", "a@example.test", []string{"b@example.test"}, "Subject: early\n\nx\n")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, g.url+"/api/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseNow()
	until := func(want string) {
		t.Helper()
		for {
			_, frame, err := conn.Read(ctx)
			if err != nil {
				t.Fatalf("waiting for %s: %v", want, err)
			}
			if strings.Contains(g.shown(string(frame)), want) {
				return
			}
		}
	}
	until(`{"Type":"stats","Data":{"Total":1,"Unread":1,"Version":"test"}}`)
	g.deliver("late", "a@example.test", []string{"b+tag@example.test", "c@example.test"}, "Subject: late\n\nx\n")
	until(`{"Type":"new","Data":{"ID":"{late}"`)
	until(`{"Type":"update","Data":{"ID":"{late}","Tags":["tag"]}}`)
	until(`"Total":2,"Unread":2,`)
	g.do("GET", "/api/v1/message/{late}", "")
	until(`{"Type":"update","Data":{"ID":"{late}","Read":true}}`)
	until(`"Total":2,"Unread":1,`)
	g.do("DELETE", "/api/v1/messages", `{"IDs":["{early}"]}`)
	until(`{"Type":"delete","Data":{"ID":"{early}"}}`)
	g.do("DELETE", "/api/v1/messages", "")
	until(`{"Type":"truncate","Data":null}`)
	until(`"Total":0,`)
	g.h.Close()
	for err == nil {
		_, _, err = conn.Read(ctx)
	}
	if ctx.Err() != nil {
		t.Error("the websocket outlives the handler")
	}
}

// TestSlowListener checks that a listener that doesn't read is dropped, and doesn't hold up anybody.
func TestSlowListener(t *testing.T) {
	t.Parallel()
	g := start(t, true)
	frames, ok := g.h.join()
	if !ok {
		t.Fatal("not admitted")
	}
	for range mostWaiting + 1 {
		g.h.events.tell("prune", nil)
	}
	n := 0
	for range frames { // it is closed
		n++
	}
	if n != mostWaiting || g.h.events.any() {
		t.Errorf("%d events waited, and listeners are left: %v", n, g.h.events.any())
	}
	g.h.events.leave(frames)
	for range mostListeners {
		frames, ok := g.h.join()
		if !ok {
			t.Fatal("not admitted")
		}
		defer g.h.events.leave(frames)
	}
	if _, ok := g.h.join(); ok {
		t.Error("one more than the bound")
	}
}

func FuzzQuery(f *testing.F) {
	for _, text := range []string{`to:bob -subject:"a b" !is:read larger:1k`, `"open`, `%_%`, `--a`, `after:2020-01-01 before:x`} {
		f.Add(text)
	}
	g := start(f, true)
	g.fill()
	f.Fuzz(func(t *testing.T, text string) {
		err := g.h.box.with(t.Context(), func(all []*Entry) error {
			for _, l := range all {
				if _, err := parseQuery(text, time.UTC).fits(t.Context(), l); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// TestBrokenUpload checks that a list of ids that breaks off on the way deletes nothing.
func TestBrokenUpload(t *testing.T) {
	t.Parallel()
	g := start(t, true)
	g.deliver("one", "a@example.test", []string{"b@example.test"}, "Subject: one\n\nx\n")
	conn, err := net.Dial("tcp", strings.TrimPrefix(g.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "DELETE /api/v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\nConnection: close\r\n\r\n{\"IDs\":[\"")
	conn.(*net.TCPConn).CloseWrite()
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("%q, %v", answer, err)
	}
	if status, _, _ := g.do("GET", "/api/v1/message/{one}", ""); status != http.StatusOK {
		t.Errorf("the letter is gone: %d", status)
	}
}

// TestCloseAfterChange checks that the end doesn't wait for statistics that nobody will hear.
func TestCloseAfterChange(t *testing.T) {
	t.Parallel()
	g := start(t, true)
	frames, ok := g.h.join()
	if !ok {
		t.Fatal("no place for a listener")
	}
	g.h.changed()
	g.h.events.leave(frames)
	closed := make(chan struct{})
	go func() { g.h.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Fatal("Close hangs")
	}
}

// TestSendToName checks that an address with a name reaches the address.
func TestSendToName(t *testing.T) {
	t.Parallel()
	g := start(t, true)
	status, _, answer := g.do("POST", "/api/v1/send", `{"From":{"Email":"a@example.test"},"To":[{"Email":"Bob <bob@example.test>"}],"Bcc":["Eve <eve@example.test>"],"Subject":"x","Text":"x"}`)
	if status != http.StatusOK {
		t.Fatal(status, answer)
	}
	for _, account := range []string{"bob@example.test", "eve@example.test"} {
		box, err := g.store.Mailbox(t.Context(), account, store.Inbox)
		if err != nil {
			t.Fatal(err)
		}
		if st, err := g.store.Status(t.Context(), box.ID); err != nil || st.Messages != 1 {
			t.Errorf("%s has %d messages, %v", account, st.Messages, err)
		}
	}
}

// TestLetsGo checks that the API doesn't hold messages that have been removed elsewhere, and that it keeps what it knows of
// those that are still there.
func TestLetsGo(t *testing.T) {
	t.Parallel()
	g := start(t, true)
	for _, name := range []string{"one", "two"} {
		g.deliver(name, "a@example.test", []string{"b@example.test"}, "Subject: "+name+"\n\nx\n")
	}
	g.do("GET", "/api/v1/message/{two}", "") // it is read now
	box, err := g.store.Mailbox(t.Context(), "b@example.test", store.Inbox)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.store.Expunge(t.Context(), box.ID, store.Ascending([]store.UID{1})); err != nil {
		t.Fatal(err)
	}
	held := func() (n int) {
		g.h.box.turn <- struct{}{}
		defer func() { <-g.h.box.turn }()
		for _, l := range g.h.box.byMessage {
			if l.msg != nil || l.places != nil {
				n++
			}
		}
		return n + len(g.h.box.all)
	}
	for deadline := time.Now().Add(20 * time.Second); held() > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d letters are held", held())
		}
	}
	if _, _, list := g.do("GET", "/api/v1/messages", ""); !strings.Contains(list, `"total":1,"unread":0`) {
		t.Error(list)
	}
}

// TestTooManyAnswers checks that a letter isn't answered while there is no room for it, and that the room is given back.
func TestTooManyAnswers(t *testing.T) {
	t.Parallel()
	g := start(t, true)
	g.deliver("one", "a@example.test", []string{"b@example.test"}, "Subject: one\n\nx\n")
	answers := budget.New(1000).Share(1)
	g.h.cfg.Answers = answers
	answers.Take(1) // another answer
	if status, _, _ := g.do("GET", "/api/v1/message/{one}", ""); status != http.StatusServiceUnavailable {
		t.Errorf("without room: %d", status)
	}
	answers.Release(1)
	for _, path := range []string{"/api/v1/message/{one}", "/api/v1/message/{one}/raw", "/view/{one}.txt"} {
		if status, _, _ := g.do("GET", path, ""); status != http.StatusOK {
			t.Errorf("%s with room: %d", path, status)
		}
	}
	for deadline := time.Now().Add(20 * time.Second); answers.Used() > 0; {
		if time.Now().After(deadline) {
			t.Fatalf("%d bytes are left", answers.Used())
		}
	}
}
