package answer

import (
	"net/http/httptest"
	"testing"
)

func TestHostile(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		"image/png": "image/png", "text/html; charset=utf-8": "text/html; charset=utf-8",
		"": "application/octet-stream", "text": "application/octet-stream", "a/b/c": "application/octet-stream", "text/html\r\nX: y": "application/octet-stream",
	} {
		w := httptest.NewRecorder()
		Hostile(w, kind, []byte("<script>"))
		h := w.Header()
		if h.Get("Content-Type") != want || h.Get("Content-Security-Policy") != "sandbox; default-src 'none'" || h.Get("Content-Length") != "8" || w.Body.String() != "<script>" {
			t.Errorf("%q: %v %q", kind, h, w.Body)
		}
	}
}
