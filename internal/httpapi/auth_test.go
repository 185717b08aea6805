package httpapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestLogins(t *testing.T) {
	t.Parallel()
	h := New(Config{Rig: newRig(), Logins: []Login{
		{Name: "admin", Password: "pa:ss"}, {Name: "reader", Password: "look", ReadOnly: true}, {Name: "both", Password: "a", ReadOnly: true}, {Name: "both", Password: "b"},
	}})
	for _, tc := range []struct {
		method, path, login string
		want                int
	}{
		{"GET", "/livez", "", 200},
		{"GET", "/readyz", "", 200},
		{"HEAD", "/readyz", "", 200},
		{"GET", "/ca.pem", "", 200},
		{"POST", "/ca.pem", "", 401},
		{"GET", "/", "", 401},
		{"GET", "/metrics", "", 401},
		{"GET", "/nothing", "", 401},
		{"GET", "//livez/../api/v1/doors", "", 401},
		{"GET", "/api/v1/doors", "", 401},
		{"POST", "/api/v1/reset", "", 401},
		{"GET", "/api/v1/doors", "admin:wrong", 401},
		{"GET", "/api/v1/doors", "admin:", 401},
		{"GET", "/api/v1/doors", ":pa:ss", 401},
		{"GET", "/api/v1/doors", "admin:look", 401},
		{"GET", "/api/v1/doors", "Admin:pa:ss", 401},
		{"GET", "/api/v1/doors", "admin:pa:ss", 200},
		{"POST", "/api/v1/reset", "admin:pa:ss", 204},
		{"DELETE", "/api/v1/scenario", "admin:pa:ss", 200},
		{"GET", "/openapi.yaml", "reader:look", 200},
		{"HEAD", "/api/v1/doors", "reader:look", 200},
		{"POST", "/api/v1/reset", "reader:look", 403},
		{"DELETE", "/api/v1/scenario", "reader:look", 403},
		{"OPTIONS", "/api/v1/doors", "reader:look", 403},
		{"POST", "/api/v1/reset", "both:a", 403},
		{"POST", "/api/v1/reset", "both:b", 204},
	} {
		r := httptest.NewRequest(tc.method, "http://localhost:8025"+tc.path, nil)
		if name, password, ok := strings.Cut(tc.login, ":"); ok {
			r.SetBasicAuth(name, password)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("%s %s as %q: %d, want %d: %s", tc.method, tc.path, tc.login, w.Code, tc.want, w.Body)
		}
		if asks := w.Header().Get("WWW-Authenticate"); (asks == `Basic realm="mailrig", charset="UTF-8"`) != (w.Code == http.StatusUnauthorized) {
			t.Errorf("%s %s as %q: WWW-Authenticate %q", tc.method, tc.path, tc.login, asks)
		}
		if body := w.Body.String(); w.Code == 401 && strings.HasPrefix(tc.path, "/api") && !strings.Contains(body, `"error"`) || strings.Contains(body, "pa:ss") {
			t.Errorf("%s %s: %s", tc.method, tc.path, body)
		}
	}
}

// TestForeignHostNeedsNoLogin checks that DNS rebinding isn't told from the answer whether there are logins.
func TestForeignHostNeedsNoLogin(t *testing.T) {
	t.Parallel()
	h := New(Config{Rig: newRig(), Logins: []Login{{Name: "a", Password: "b"}}})
	if w := (call{method: "GET", target: "/api/v1/doors", host: "evil.example"}).do(t, h); w.Code != 421 || w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("%d", w.Code)
	}
}
