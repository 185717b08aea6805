package mailpit

import (
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/mailrig/mailrig/internal/store"
)

// BenchmarkCalls measures calls over 100,000 messages, after a first one of each kind.
func BenchmarkCalls(b *testing.B) {
	g := start(b, true)
	for i := range 100_000 {
		to := []string{fmt.Sprintf("u%d@example.test", i%100)}
		raw := fmt.Sprintf("From: Sender %d <s%d@example.test>\r\nTo: <%s>\r\nSubject: Number %d\r\n\r\nSome words, and the code %06d.\r\n", i%10, i%10, to[0], i, i)
		if _, err := g.store.Deliver(b.Context(), to, store.Incoming{Content: store.Bytes(raw), Envelope: store.Envelope{From: "s@example.test", Recipients: to}}); err != nil {
			b.Fatal(err)
		}
	}
	for _, call := range []string{"/api/v1/messages", "/api/v1/search?query=subject:4711", "/api/v1/search?query=code", "/api/v1/search?query=nowhere", "/api/v1/message/latest"} {
		r := httptest.NewRequest("GET", call, nil)
		r.Pattern = "/api/v1/message/{id}"
		r.SetPathValue("id", latest)
		if r.URL.Path != "/api/v1/message/latest" {
			r.Pattern = r.URL.Path
		}
		b.Run(call, func(b *testing.B) {
			g.h.ServeHTTP(httptest.NewRecorder(), r) // the first call reads messages
			for b.Loop() {
				w := httptest.NewRecorder()
				if g.h.ServeHTTP(w, r); w.Code != 200 {
					b.Fatal(w.Code, w.Body)
				}
			}
		})
	}
}
