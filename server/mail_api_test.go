package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/internal/testkit/openapi"
	"github.com/mailrig/mailrig/server"
)

// api calls the HTTP API of a rig.
// It checks every answer against the OpenAPI document.
type api struct {
	t    testing.TB
	base string
	doc  *openapi.Document
}

func newAPI(t testing.TB, s *server.Server) *api {
	t.Helper()
	doc, err := openapi.Load(httpapi.Description())
	if err != nil {
		t.Fatal(err)
	}
	return &api{t, s.HTTPURL(), doc}
}

// do makes a request, which must get this status, and returns the answer. kind is the request's Content-Type.
func (a *api) do(status int, method, path, kind, body string) (http.Header, string) {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.base+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	if err := a.doc.Check(r, resp, raw); err != nil {
		a.t.Error(err)
	}
	if resp.StatusCode != status {
		a.t.Fatalf("%s %s: %s, want %d\n%s", method, path, resp.Status, status, raw)
	}
	return resp.Header, string(raw)
}

// get makes a GET request, and reads the JSON that it gets.
func (a *api) get(path string, into any) {
	a.t.Helper()
	_, body := a.do(200, "GET", path, "", "")
	if err := json.Unmarshal([]byte(body), into); err != nil {
		a.t.Fatalf("%s: %v\n%s", path, err, body)
	}
}

// mailList is the part of a list of messages that tests look at.
type mailList struct {
	Met      bool
	Count    int
	Messages []struct {
		ID, Mailbox, Folder, Subject, Text, HTML string
		Links, Codes                             []string
		Attachments                              []struct{ ID, Name, Type string }
	}
	Next, Before uint64
	Deleted      int
}

func (l mailList) subjects() string {
	var all []string
	for _, m := range l.Messages {
		all = append(all, m.Subject)
	}
	return strings.Join(all, " ")
}

func deliver(t testing.TB, s *server.Server, user, message string) {
	t.Helper()
	if err := s.Deliver(user, []byte(strings.ReplaceAll(message, "\n", "\r\n")), time.Now()); err != nil {
		t.Fatal(err)
	}
}

const welcome = `From: Shop <shop@example.test>
To: <%s>
Subject: Welcome
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html; charset=utf-8

<p>Your code is <b>482913</b>, or <a href="https://shop.test/c?x=1&amp;y=2">confirm</a>.</p>
--b
Content-Type: text/html; name="../evil.html"
Content-Disposition: attachment; filename="../evil.html"

<script>alert(1)</script>
--b--
`

func TestMailAPI(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	a := newAPI(t, s)
	for i := range 5 {
		deliver(t, s, fmt.Sprintf("u%d", i%2), fmt.Sprintf("Subject: s%d\nFrom: a%d@example.test\n\nbody %d Grüße\n", i, i, i))
	}

	var l mailList
	a.get("/api/v1/mail?limit=2", &l)
	if l.subjects() != "s4 s3" || l.Next != 5 {
		t.Fatalf("%+v", l)
	}
	second := mailList{}
	a.get(fmt.Sprintf("/api/v1/mail?limit=2&before=%d", l.Before), &second)
	last := mailList{}
	a.get(fmt.Sprintf("/api/v1/mail?limit=2&before=%d", second.Before), &last)
	if second.subjects() != "s2 s1" || last.subjects() != "s0" || last.Before != 0 {
		t.Errorf("pages: %q, %q, then %d", second.subjects(), last.subjects(), last.Before)
	}
	for query, want := range map[string]string{
		"user=u1": "s3 s1", "user=nobody": "", "match=to:u1": "s3 s1", "match=subject:S2": "s2", "match=from:a4@example.test": "s4",
		"match=" + url.QueryEscape("body:grüße"): "s4 s3 s2 s1 s0", "match=text:body+3": "s3", "match=text:a1@": "s1", "match=any&limit=1": "s4", "limit=0": "",
		"match=to:u0&match=text:body+2": "s2", "match=id:" + l.Messages[0].ID: "s4", "after=3": "s4 s3", "match=folder:Sent": "",
		"match=body:2&limit=1&before=3": "",
	} {
		var l mailList
		if a.get("/api/v1/mail?"+query, &l); l.subjects() != want {
			t.Errorf("%s: %q, want %q", query, l.subjects(), want)
		}
	}
	for _, bad := range []string{"limit=x", "limit=1001", "before=-1", "after=9", "match=subjct:x", "user=", "to=bob", "match=hello"} {
		a.do(400, "GET", "/api/v1/mail?"+bad, "", "")
	}

	a.do(400, "GET", "/api/v1/wait?message=any&after=99&timeout=1m", "", "")

	// Nothing stale counts.
	var w mailList
	a.get("/api/v1/wait?message=to:u0&after=5&timeout=0", &w)
	if w.Met || len(w.Messages) != 0 {
		t.Errorf("a stale message counts: %+v", w)
	}
	deliver(t, s, "u0", fmt.Sprintf(welcome, "u0@example.test"))
	a.get("/api/v1/wait?message=to:u0&after=5&timeout=1m", &w)
	if !w.Met || w.Count != 1 || w.Next != 6 {
		t.Fatalf("%+v", w)
	}
	m := w.Messages[0]
	if fmt.Sprint(m.Codes, m.Links) != "[482913] [https://shop.test/c?x=1&y=2]" || !strings.HasPrefix(m.Text, "Your code is *482913*") || !strings.HasPrefix(m.HTML, "<p>") {
		t.Errorf("%+v", m)
	}

	// One message, its bytes, its attachment.
	path := "/api/v1/mail/" + m.ID
	one := w.Messages[0]
	a.get(path, &one)
	if one.Subject != "Welcome" || len(one.Attachments) != 1 || one.Attachments[0].Name != "../evil.html" {
		t.Errorf("%+v", one)
	}
	h, raw := a.do(200, "GET", path+"/raw", "", "")
	if want := strings.ReplaceAll(fmt.Sprintf(welcome, "u0@example.test"), "\n", "\r\n"); raw != want || h.Get("Content-Type") != "message/rfc822" {
		t.Errorf("%q: %q", h.Get("Content-Type"), raw)
	}
	h, raw = a.do(200, "GET", path+"/parts/"+one.Attachments[0].ID, "", "")
	if raw != "<script>alert(1)</script>" || h.Get("Content-Disposition") != "attachment; filename=evil.html" || h.Get("Content-Security-Policy") != "sandbox; default-src 'none'" {
		t.Errorf("%v: %q", h, raw)
	}
	a.do(404, "GET", path+"/parts/9", "", "")
	for _, id := range []string{"x", m.ID + "0", "0" + m.ID, "%2e%2e", strings.Repeat("9", 5000)} {
		a.do(404, "GET", "/api/v1/mail/"+id, "", "")
		a.do(404, "DELETE", "/api/v1/mail/"+id, "", "")
	}

	// Accounts and mailboxes.
	_, body := a.do(200, "GET", "/api/v1/users", "", "")
	if !strings.Contains(body, `{"address":"u1@example.test","messages":2,"unseen":2,"bytes":`) {
		t.Error(body)
	}
	if _, body := a.do(200, "GET", "/api/v1/users?limit=1", "", ""); !strings.Contains(body, `"u0@example.test"`) || !strings.HasSuffix(body, `"next":"u0@example.test"}`+"\n") {
		t.Error(body)
	}
	if _, body := a.do(200, "GET", "/api/v1/users?limit=1&after=u0@example.test", "", ""); !strings.Contains(body, `"u1@example.test"`) || strings.Contains(body, "next") {
		t.Error(body)
	}
	a.do(400, "GET", "/api/v1/users?limit=0", "", "")
	_, body = a.do(200, "GET", "/api/v1/users/u1@example.test/mailboxes", "", "")
	if !strings.Contains(body, `{"name":"INBOX","special_use":"","subscribed":true,"messages":2,"unseen":2,`) || !strings.Contains(body, `"special_use":"\\Sent"`) {
		t.Error(body)
	}
	a.do(404, "GET", "/api/v1/users/nobody/mailboxes", "", "")

	// Deleting.
	a.do(204, "DELETE", path, "", "")
	a.do(404, "DELETE", path, "", "")
	a.do(404, "GET", path+"/raw", "", "")
	for _, bad := range []string{"", "?after=3", "?id=" + m.ID + "&user=u0", "?limit=3&user=u0", "?user=u0&id=", "?user=u0&match=", "?user=", "?match=any"} {
		a.do(400, "DELETE", "/api/v1/mail"+bad, "", "")
	}
	for query, want := range map[string]int{"id=" + second.Messages[0].ID + "," + m.ID: 1, "user=u1&match=subject:s3": 1} {
		_, body := a.do(200, "DELETE", "/api/v1/mail?"+query, "", "")
		if body != fmt.Sprintf("{\"deleted\":%d}\n", want) {
			t.Errorf("%s: %s", query, body)
		}
	}
	var left mailList
	if a.get("/api/v1/mail", &left); left.subjects() != "s4 s1 s0" {
		t.Errorf("left: %s", left.subjects())
	}
}

func TestSendSeedReset(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0", MaxMessageBytes: 2 << 20})
	a := newAPI(t, s)
	add := func(path, kind, body string) (l mailList) {
		t.Helper()
		_, answer := a.do(201, "POST", path, kind, body)
		if err := json.Unmarshal([]byte(answer), &l); err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := add("/api/v1/mail", "application/json", `{"from":"Shop <shop@example.test>","to":["bob@example.test"],"bcc":["carol@example.test"],"subject":"Hi","text":"Your code is 123456","attachments":[{"name":"a.txt","type":"text/plain","content":"aGk="}]}`)
	if l.subjects() != "Hi Hi" || l.Next != 2 || l.Messages[1].Mailbox != "carol@example.test" {
		t.Errorf("%+v", l)
	}
	l = add("/api/v1/mail?from=x@y.test&to=dave,bob", "message/rfc822", "Subject: whole\n\nbytes\n")
	if _, raw := a.do(200, "GET", "/api/v1/mail/"+l.Messages[0].ID+"/raw", "", ""); raw != "Subject: whole\n\nbytes\n" || len(l.Messages) != 2 {
		t.Errorf("%q, %+v", raw, l)
	}
	l = add("/api/v1/seed?user=eve&folder=Work/2026&flags=%5CSeen", "", "Subject: seeded\n\nbytes\n")
	if _, raw := a.do(200, "GET", "/api/v1/mail/"+l.Messages[0].ID+"/raw", "", ""); raw != "Subject: seeded\r\n\r\nbytes\r\n" || l.Messages[0].Folder != "Work/2026" {
		t.Errorf("%q, %+v", raw, l)
	}
	if _, body := a.do(200, "GET", "/api/v1/users/eve/mailboxes", "", ""); !strings.Contains(body, `"name":"Work/2026","special_use":"","subscribed":false,"messages":1,"unseen":0,`) {
		t.Error(body)
	}
	l = add("/api/v1/seed?user=eve&raw=yes", "text/plain", "Subject: bare\n\n\n")
	if _, raw := a.do(200, "GET", "/api/v1/mail/"+l.Messages[0].ID+"/raw", "", ""); raw != "Subject: bare\n\n\n" {
		t.Errorf("%q", raw)
	}
	add("/api/v1/seed?user=eve", "", strings.Repeat("x", 3<<19)) // more than other bodies may have

	for _, bad := range []struct {
		status           int
		path, kind, body string
	}{
		{400, "/api/v1/mail", "", "{"}, {400, "/api/v1/mail", "", "{}"}, {400, "/api/v1/mail", "", `{"from":"a@b.c","to":["a@b.c"]} x`},
		{400, "/api/v1/mail", "", `{"form":"a@b.c"}`}, {400, "/api/v1/mail", "", `{"from":"a@b.c","to":["nobody"]}`}, {400, "/api/v1/mail?to=x", "", `{}`}, {415, "/api/v1/mail", "text/html", "{}"},
		{400, "/api/v1/mail", "message/rfc822", "x"}, {400, "/api/v1/mail?to=" + strings.Repeat("a,", 1001), "message/rfc822", "x"},
		{413, "/api/v1/mail?to=a", "message/rfc822", strings.Repeat("x", 3<<20)}, {413, "/api/v1/seed?user=eve", "", strings.Repeat("x", 3<<20)},
		{400, "/api/v1/seed", "", "x"}, {400, "/api/v1/seed?user=eve", "", ""}, {400, "/api/v1/seed?user=eve&raw=no", "", "x"}, {400, "/api/v1/seed?user=eve&flags=a+b", "", "x"},
		{400, "/api/v1/seed?user=eve&folder=a//b", "", "x"}, {400, "/api/v1/reset?usr=eve", "", ""}, {400, "/api/v1/reset?user=", "", ""},
	} {
		h, body := a.do(bad.status, "POST", bad.path, bad.kind, bad.body)
		if h.Get("Content-Type") != "application/problem+json" || !strings.Contains(body, `"error":"`) {
			t.Errorf("%s: %s", bad.path, body)
		}
	}

	a.do(204, "POST", "/api/v1/reset?user=bob", "", "")
	a.do(204, "POST", "/api/v1/reset?user=nobody", "", "")
	var left mailList
	if a.get("/api/v1/mail?match=subject:whole", &left); left.subjects() != "whole" || left.Messages[0].Mailbox != "dave@example.test" {
		t.Errorf("%+v", left)
	}
	a.do(204, "POST", "/api/v1/reset", "", "")
	if a.get("/api/v1/mail", &left); len(left.Messages) != 0 {
		t.Errorf("%+v", left)
	}
}
