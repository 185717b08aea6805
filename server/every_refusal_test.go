package server_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/server"
)

// TestEveryRefusal sends each operation of the API an id that nothing has, a body of another type, one that can't be read,
// and one that is too large. Each must answer with the error that the document has for it.
func TestEveryRefusal(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	s := start(t, server.Config{HTTP: "127.0.0.1:0", MaxMessageBytes: limit, Mailpit: &server.Mailpit{SMTP: "127.0.0.1:0", Chaos: true}})
	a := newAPI(t, s)
	ask := func(operation, kind, body string, want ...int) {
		t.Helper()
		method, path, _ := strings.Cut(operation, " ")
		path = strings.NewReplacer("{user}", "nobody", "{part}", "77", "{id}", "nothing", "{tag}", "none", "{name}", "nothing.txt").Replace(path)
		if path == "/api/v1/seed" {
			path += "?user=alice"
		}
		r, err := http.NewRequestWithContext(t.Context(), method, a.base+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", kind)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(want, resp.StatusCode) {
			t.Errorf("%s with %s %.20q: %s, want %d\n%s", operation, kind, body, resp.Status, want, answer)
		}
		if err := a.doc.Check(r, resp, answer); err != nil {
			t.Error(err)
		}
	}
	// What the other programs say differently; recordings have it.
	odd := map[string]int{
		"DELETE /api/v1/messages/{id}": 500, "POST /api/v1/messages/{id}/release": 500, // MailHog
		"GET /api/v1/messages/{id}": 200, // MailHog: null
	}
	for _, operation := range a.doc.Operations() {
		if strings.Contains(operation, "{") {
			want := []int{404, 400}
			if status := odd[operation]; status != 0 {
				want = []int{status}
			}
			ask(operation, "application/json", "", want...)
		}
		kinds := a.doc.Bodies(operation)
		if len(kinds) == 0 {
			continue
		}
		ask(operation, "application/json", strings.Repeat(" ", longest(limit)), 413)
		switch {
		case slices.Contains(kinds, "*/*"): // any bytes are a message
		case operation == "DELETE /api/v1/messages": // Mailpit deletes everything then
			ask(operation, "application/json", "<p>", 200)
		default:
			ask(operation, "text/html", "<p>", 400, 415)
			ask(operation, "application/json", "<p>", 400)
			ask(operation, "application/json", `["x"]`, 400)
		}
	}
}

// longest returns more than any body may have if messages have this limit: JSON may be longer than what it means.
func longest(limit int) int { return 8 * limit }
