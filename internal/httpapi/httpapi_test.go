package httpapi

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
)

func TestResources(t *testing.T) {
	t.Parallel()
	rig := newRig()
	h := New(Config{Rig: rig})
	for _, tc := range []struct {
		target, kind, want string
	}{
		{"/livez", "text/plain", "ok\n"},
		{"/readyz", "text/plain", "ok\n"},
		{"/ca.pem", "application/x-pem-file", "-----BEGIN CERTIFICATE-----\n"},
		{"/api/v1/doors", "application/json", `{"doors":[{"port":587,"service":"submission","protocol":"smtp","security":"starttls-required","address":"127.0.0.1:3587"}]}` + "\n"},
		{"/api/v1/scenario", "application/json", `{"scenarios":[],"users":{}}` + "\n"},
		{"/api/v1/scenarios?match=tls", "application/json", `{"scenarios":[{"name":"b","title":"Title of B","group":"tls"}]}` + "\n"},
		{"/api/v1/scenarios", "application/json", `{"scenarios":[{"name":"a","title":"Title of A"},{"name":"b","title":"Title of B","group":"tls"}]}` + "\n"},
		{"/api/v1/sessions", "application/json", `{"sessions":[],"next":0}` + "\n"},
		{"//api///v1/doors/", "application/json", `{"doors":[`},
	} {
		w := call{method: "GET", target: tc.target}.do(t, h)
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), tc.kind) || !strings.Contains(w.Body.String(), tc.want) {
			t.Errorf("%s: %d %s\n%s", tc.target, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; style-src 'self';",
			"X-Content-Type-Options":  "nosniff",
			"Referrer-Policy":         "no-referrer",
		} {
			if got := w.Header().Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s is %q", tc.target, name, got)
			}
		}
		if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%s: the page may be framed: %s", tc.target, csp)
		}
		if cors := w.Header().Get("Access-Control-Allow-Origin"); cors != "" {
			t.Errorf("%s: CORS: %s", tc.target, cors)
		}
	}
	if d := (call{method: "GET", target: "/ca.pem"}).do(t, h).Header().Get("Content-Disposition"); d != `attachment; filename="mailrig-ca.pem"` {
		t.Error(d)
	}
	rig.notReady = true
	if w := (call{method: "GET", target: "/readyz"}).do(t, h); w.Code != http.StatusServiceUnavailable {
		t.Errorf("readyz: %d", w.Code)
	}
	rig.notReady, rig.away = false, errors.New("dial db.internal: refused")
	w := (call{method: "GET", target: "/readyz"}).do(t, h)
	if body := w.Body.String(); w.Code != http.StatusServiceUnavailable || !strings.Contains(body, "database") || strings.Contains(body, "db.internal") {
		t.Errorf("readyz without a database: %d %s", w.Code, body)
	}
	if w := (call{method: "GET", target: "/livez"}).do(t, h); w.Code != 200 {
		t.Errorf("livez: %d", w.Code)
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	rig := newRig()
	h := New(Config{Rig: rig})
	for _, tc := range []struct {
		method, target string
		status         int
		allow          string
		json           bool
	}{
		{"GET", "/nothing", 404, "", false},
		{"GET", "/api", 404, "", true},
		{"GET", "/api/v1/nothing", 404, "", true},
		{"GET", "/api/v1/sessions/99", 404, "", true},
		{"POST", "/livez", 405, "GET, HEAD", false},
		{"POST", "/api/v1/doors", 405, "GET, HEAD", true},
		{"POST", "/api/v1/scenario", 405, "DELETE, GET, HEAD, PUT", true},
		{"GET", "/api/v1/reset", 405, "POST", true},
		{"OPTIONS", "/api/v1/doors", 405, "GET, HEAD", true},
	} {
		w := call{method: tc.method, target: tc.target}.do(t, h)
		if w.Code != tc.status || w.Header().Get("Allow") != tc.allow {
			t.Errorf("%s %s: %d, Allow %q", tc.method, tc.target, w.Code, w.Header().Get("Allow"))
		}
		var e struct {
			Error  string
			Errors []string
		}
		err := json.Unmarshal(w.Body.Bytes(), &e)
		if isJSON := err == nil && e.Error != "" && len(e.Errors) > 0; isJSON != tc.json {
			t.Errorf("%s %s: %s", tc.method, tc.target, w.Body)
		}
	}
	if rig.resets != 0 {
		t.Error("a GET has reset the rig")
	}
	if w := (call{method: "POST", target: "/api/v1/reset"}).do(t, h); w.Code != 204 || rig.resets != 1 {
		t.Errorf("reset: %d, %d times", w.Code, rig.resets)
	}
	if w := (call{method: "HEAD", target: "/api/v1/doors"}).do(t, h); w.Code != 200 {
		t.Errorf("HEAD: %d", w.Code)
	}
}
