package mailhog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/mailpit"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/memory"
	"github.com/mailrig/mailrig/internal/testkit/golden"
)

// rig is a handler and its store.
type rig struct {
	t     testing.TB
	store store.Store
	mux   *http.ServeMux
}

func start(t testing.TB, answers *budget.Share) *rig {
	st := memory.New(memory.Options{})
	letters := mailpit.New(mailpit.Config{Store: st})
	t.Cleanup(letters.Close)
	h, mux := New(Config{Letters: letters, Answers: answers}), http.NewServeMux()
	for _, pattern := range h.Patterns() {
		mux.Handle(pattern, h)
	}
	return &rig{t, st, mux}
}

// deliver puts a message into INBOXes, as SMTP does.
func (g *rig) deliver(from string, to []string, sent string) {
	g.t.Helper()
	raw := "Return-Path: <" + from + ">\nReceived: from client.example ([127.0.0.1])\n\tby example.test with ESMTP id 1.1; Tue, 03 Mar 2026 10:11:01 +0100\n" + sent
	in := store.Incoming{
		Content: store.Bytes(strings.ReplaceAll(raw, "\n", "\r\n")), Received: time.Date(2026, 3, 3, 10, 11, 1, 0, time.UTC),
		Envelope: store.Envelope{From: from, Recipients: to, Session: "1"},
	}
	if _, err := g.store.Deliver(g.t.Context(), to, in); err != nil {
		g.t.Fatal(err)
	}
}

func (g *rig) do(method, target string) *httptest.ResponseRecorder {
	g.t.Helper()
	w := httptest.NewRecorder()
	g.mux.ServeHTTP(w, httptest.NewRequestWithContext(g.t.Context(), method, target, http.NoBody))
	return w
}

const nested = `From: Shop <shop@example.test>
To: Ben <ben@example.test>
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
 twice
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain

Order 4711=
--c--
--b
Content-Disposition: attachment; filename="a.txt"

attached
--b--
`

func TestItem(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	g.deliver("bounce+1@example.test", []string{"ben@example.test", "eve"}, nested)
	w := g.do("GET", "/api/v2/messages")
	id := regexp.MustCompile(`[0-9A-Za-z]{44}@mailhog\.example`).FindString(w.Body.String())
	text := strings.ReplaceAll(w.Body.String(), id, "ID")
	at := time.Date(2026, 3, 3, 10, 11, 1, 0, time.UTC).Local()
	text = strings.NewReplacer(at.Format(time.RFC1123Z), "DATE", at.Format(time.RFC3339), "TIME").Replace(text)
	var got bytes.Buffer
	if err := json.Indent(&got, []byte(text), "", "  "); err != nil || w.Header().Get("Content-Type") != "text/json" {
		t.Fatal(w, err)
	}
	golden.Check(t, "testdata/item.json", got.String())
	one := g.do("GET", "/api/v1/messages/"+id)
	if one.Code != 200 || !strings.Contains(w.Body.String(), strings.TrimSpace(one.Body.String())) {
		t.Errorf("alone: %d %s", one.Code, one.Body)
	}
	file := g.do("GET", "/api/v1/messages/"+id+"/download")
	if !strings.HasPrefix(file.Body.String(), "Received: from client.example by mailhog.example") || !strings.Contains(file.Body.String(), ">\r\nFrom: Shop") ||
		file.Header().Get("Content-Disposition") != `attachment; filename="`+id+`.eml"` || file.Header().Get("Content-Security-Policy") == "" {
		t.Errorf("download: %v\n%s", file.Header(), file.Body)
	}
}

// TestSearch checks what a search finds: it looks at the bytes as they are.
func TestSearch(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	g.deliver("bounce@example.test", []string{"ben@example.test", "eve@example.test"}, nested)
	g.deliver("ann@example.test", []string{"zoe@example.test"}, "From: Anna <anna@other.test>\nSubject: two\n\n"+strings.Repeat("x", mostQuery*4-220)+"Across Two Pieces\n"+strings.Repeat("ü", 9))
	for query, want := range map[string]int{
		"kind=to&query=BEN@": 1, "kind=to&query=eve": 1, "kind=to&query=example.test": 2, "kind=to&query=shop": 0,
		"kind=from&query=bounce": 1, "kind=from&query=Shop": 1, "kind=from&query=ANNA": 1, "kind=from&query=ben": 0,
		"kind=containing&query=order+4711%3D": 1, "kind=containing&query=across+two+pieces": 1, "kind=containing&query=Gr%C3%BC%C3%9Fe": 0, "kind=containing&query=%C3%9C%C3%9C": 1,
		"kind=containing&query=example&limit=1": 2, "kind=containing&query=example&start=2": 2, "kind=containing&query=zzz": 0,
	} {
		w := g.do("GET", "/api/v2/search?"+query)
		var p struct {
			Total, Count, Start int
			Items               []struct{ ID string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Total != want || p.Count != len(p.Items) || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %+v %v, want %d", query, w.Code, p, err, want)
		}
		if left := want; strings.Contains(query, "limit=1") && p.Count != 1 || strings.Contains(query, "start=2") && p.Count != 0 || p.Count > left {
			t.Errorf("%s: %d on the page", query, p.Count)
		}
	}
}

// TestOtherCalls checks statuses and types, as they were recorded of MailHog.
func TestOtherCalls(t *testing.T) {
	t.Parallel()
	g := start(t, nil)
	g.deliver("a@example.test", []string{"b@example.test"}, "Subject: x\n\nx\n")
	var p struct{ Items []struct{ ID string } }
	if err := json.Unmarshal(g.do("GET", "/api/v2/messages").Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	id := p.Items[0].ID
	for _, c := range []struct {
		call   string
		status int
		body   string
	}{
		{"GET /api/v2/search?query=x", 400, ""}, {"GET /api/v2/search?kind=cc&query=x", 400, ""}, {"GET /api/v2/search?kind=to", 400, ""},
		{"GET /api/v2/search?kind=to&query=" + strings.Repeat("x", mostQuery+1), 400, ""},
		{"GET /api/v2/jim", 404, ""}, {"GET /api/v2/outgoing-smtp", 200, "{}\n"}, {"GET /api/v1/messages/nope", 200, "null\n"},
		{"GET /api/v1/messages/" + id[:22] + "/download", 404, "404 page not found\n"}, {"OPTIONS /api/v2/messages", 200, ""}, {"HEAD /api/v2/messages", 404, "404 page not found\n"},
		{"DELETE /api/v2/messages", 404, "404 page not found\n"}, {"POST /api/v2/messages", 404, "404 page not found\n"},
		{"DELETE /api/v1/messages/nope", 500, ""}, {"DELETE /api/v1/messages/" + id, 200, ""}, {"DELETE /api/v1/messages/" + id, 500, ""}, {"GET /api/v1/messages/" + id, 200, "null\n"},
		{"GET /api/v2/messages?limit=0&start=-1", 200, "{\"total\":0,\"count\":0,\"start\":0,\"items\":[]}\n"}, {"GET /api/v2/messages?start=999", 200, "{\"total\":0,\"count\":0,\"start\":999,\"items\":[]}\n"},
		{"POST /api/v1/messages/" + id + "/release", 500, ""},
	} {
		method, target, _ := strings.Cut(c.call, " ")
		if w := g.do(method, target); w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%.80s: %d %q, want %d %q", c.call, w.Code, w.Body, c.status, c.body)
		}
	}
}

// TestBounds checks that one page, and the pieces of one message, don't take more than they may.
func TestBounds(t *testing.T) {
	t.Parallel()
	answers := budget.New(100_000).Share(1)
	g := start(t, answers)
	for range 300 {
		g.deliver("a@example.test", []string{"b@example.test"}, "Subject: x\n\n"+strings.Repeat("x", 5000))
	}
	for _, path := range []string{"/api/v2/messages?limit=1000", "/api/v2/search?kind=containing&query=xxx"} {
		var p struct{ Total, Count int }
		if w := g.do("GET", path); json.Unmarshal(w.Body.Bytes(), &p) != nil || p.Total != 300 || p.Count < 1 || p.Count > 20 {
			t.Errorf("%s: %d %+v", path, w.Code, p)
		}
	}
	if answers.Used() != 0 {
		t.Errorf("%d bytes stay reserved", answers.Used())
	}
	answers.Take(1)
	if w := g.do("GET", "/api/v2/messages"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("without room: %d", w.Code)
	}
	deep := ""
	for i := range 1000 {
		deep += fmt.Sprintf("Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	wide := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\nx\r\n", 50_000)
	for name, data := range map[string]string{"deep": deep, "wide": wide} {
		c := split(data)
		if n, depth := size(c.pieces()); n > mostParts || depth > mostDepth {
			t.Errorf("%s: %d parts, %d deep", name, n, depth)
		}
	}
}

func size(p *parts) (n, depth int) {
	if p == nil {
		return 0, 0
	}
	for _, part := range p.Parts {
		inner, d := size(part.MIME)
		n, depth = n+1+inner, max(depth, d)
	}
	return n, depth + 1
}

func BenchmarkCalls(b *testing.B) {
	g := start(b, nil)
	for i := range 100_000 {
		g.deliver("a@example.test", []string{fmt.Sprintf("u%d@example.test", i%100)}, fmt.Sprintf("Subject: Number %d\n\nSome words, and the code %06d.\n", i, i))
	}
	for _, path := range []string{"/api/v2/messages", "/api/v2/search?kind=to&query=u17@", "/api/v2/search?kind=containing&query=nowhere"} {
		b.Run(path, func(b *testing.B) {
			g.do("GET", path)
			for b.Loop() {
				if w := g.do("GET", path); w.Code != 200 {
					b.Fatal(w.Code)
				}
			}
		})
	}
}
