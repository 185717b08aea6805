package httpapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestSwitching(t *testing.T) {
	t.Parallel()
	rig := newRig()
	h := New(Config{Rig: rig})
	do := func(method, kind, body string, status int, want string) {
		t.Helper()
		c := call{method: method, target: "/api/v1/scenario", body: body}
		if kind != "" {
			c.header = header("Content-Type", kind)
		}
		w := c.do(t, h)
		if w.Code != status || strings.TrimSpace(w.Body.String()) != want {
			t.Errorf("%s %s: %d %s", method, body, w.Code, w.Body)
		}
	}
	do("PUT", "application/json", `{"scenarios":["b","a"]}`, 200, `{"notes":[],"scenarios":["b","a"]}`)
	rig.check(t, "b", "a")
	do("GET", "", "", 200, `{"scenarios":["b","a"],"users":{}}`)
	do("PUT", "application/yaml; charset=utf-8", "name: mine\n", 200, `{"notes":["a note"],"scenarios":["from scenario.yaml"]}`)
	if got := string(rig.inline[0].YAML); got != "name: mine\n" {
		t.Errorf("%q", got)
	}
	do("PUT", "", `{"scenarios":["a"],"inline":[{"file":"my.yaml","yaml":"x: y"},{"yaml":"z"}]}`, 200,
		`{"notes":["a note","a note"],"scenarios":["a","from my.yaml","from inline-2.yaml"]}`)
	do("DELETE", "", "", 200, `{"notes":[],"scenarios":[]}`)
	rig.check(t)
	do("PUT", "application/x-www-form-urlencoded", `{"scenarios":["a"]}`, 200, `{"notes":[],"scenarios":["a"]}`) // curl -d
	do("PUT", "application/json", `{"scenarios":[]}`, 200, `{"notes":[],"scenarios":[]}`)
}

func TestSwitchingForOneUser(t *testing.T) {
	t.Parallel()
	rig := newRig()
	h := New(Config{Rig: rig})
	for _, step := range []struct {
		method, target, body string
		status               int
		want                 string
	}{
		{"PUT", "", `{"scenarios":["b"]}`, 200, `{"notes":[],"scenarios":["b"]}`},
		{"PUT", "?user=alice@x", `{"scenarios":["a"]}`, 200, `{"notes":["for alice@x"],"scenarios":["a"],"user":"alice@x"}`},
		{"GET", "", "", 200, `{"scenarios":["b"],"users":{"alice@x":["a"]}}`},
		{"GET", "?user=alice@x", "", 200, `{"scenarios":["a"],"user":"alice@x"}`},
		{"GET", "?user=bob@x", "", 200, `{"scenarios":[],"user":"bob@x"}`},
		{"DELETE", "?user=alice@x", "", 200, `{"notes":["for alice@x"],"scenarios":[],"user":"alice@x"}`},
		{"GET", "", "", 200, `{"scenarios":["b"],"users":{}}`},
		{"DELETE", "?usr=alice@x", "", 400, "the only one here is user"},
		{"DELETE", "?user=", "", 400, "must have one user"},
		{"PUT", "?user=a&user=b", `{"scenarios":["a"]}`, 400, "must have one user"},
	} {
		w := call{method: step.method, target: "/api/v1/scenario" + step.target, body: step.body}.do(t, h)
		if got := strings.TrimSpace(w.Body.String()); w.Code != step.status || (got != step.want && (step.status == 200 || !strings.Contains(got, step.want))) {
			t.Errorf("%s %s: %d %s", step.method, step.target, w.Code, w.Body)
		}
	}
	rig.check(t, "b")
}

func TestBadBodiesChangeNothing(t *testing.T) {
	t.Parallel()
	rig := newRig()
	h := New(Config{Rig: rig})
	if w := (call{method: "PUT", target: "/api/v1/scenario", body: `{"scenarios":["a"]}`}).do(t, h); w.Code != 200 {
		t.Fatal(w.Code)
	}
	for _, tc := range []struct {
		name, kind, body string
		status           int
		want             []string // in "errors"
	}{
		{"empty", "", "", 400, []string{"isn't the expected JSON"}},
		{"not JSON", "", "cert-expired", 400, []string{"isn't the expected JSON"}},
		{"array", "", `["a"]`, 400, []string{"isn't the expected JSON"}},
		{"misspelt key", "", `{"scenario":["b"]}`, 400, []string{`unknown field "scenario"`}},
		{"no key", "", `{}`, 400, []string{"names no scenarios"}},
		{"null", "", `null`, 400, []string{"names no scenarios"}},
		{"two values", "", `{"scenarios":["b"]}{"scenarios":[]}`, 400, []string{"something after"}},
		{"wrong type", "", `{"scenarios":"b"}`, 400, []string{"isn't the expected JSON"}},
		{"empty name", "", `{"scenarios":["b",""]}`, 400, []string{"name is empty"}},
		{"path", "", `{"scenarios":["../../etc/passwd"]}`, 400, []string{"is a path"}},
		{"Windows path", "", `{"scenarios":["C:\\x"]}`, 400, []string{"is a path"}},
		{"file", "", `{"scenarios":["x.YAML"]}`, 400, []string{"is a path"}},
		{"unknown", "", `{"scenarios":["b","x","y"]}`, 400, []string{"no scenario x", "no scenario y"}},
		{"empty YAML", "application/yaml", " \n", 400, []string{"is empty"}},
		{"bad YAML", "application/yaml", "bad", 400, []string{"scenario.yaml:1: bad; be good", "scenario.yaml:2: worse"}},
		{"bad inline", "", `{"scenarios":["b"],"inline":[{"file":"m.yaml","yaml":"bad"}]}`, 400, []string{"m.yaml:1: bad; be good", "m.yaml:2: worse"}},
		{"other type", "application/xml", "<a/>", 400, []string{"send application/json"}},
		{"malformed type", "a b", "{}", 400, []string{"malformed"}},
		{"too large", "", `{"scenarios":["` + strings.Repeat("x", maxBody) + `"]}`, 413, []string{"larger than 1048576 bytes"}},
		{"our own fault", "", `{"scenarios":["broken"]}`, 500, []string{"unexpected EOF"}},
	} {
		c := call{method: "PUT", target: "/api/v1/scenario", body: tc.body}
		if tc.kind != "" {
			c.header = header("Content-Type", tc.kind)
		}
		w := c.do(t, h)
		var e struct {
			Error  string   `json:"error"`
			Errors []string `json:"errors"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || w.Code != tc.status || e.Error == "" {
			t.Errorf("%s: %d %s", tc.name, w.Code, w.Body)
		}
		if !slices.EqualFunc(e.Errors, tc.want, strings.Contains) {
			t.Errorf("%s: errors %q, want %q", tc.name, e.Errors, tc.want)
		}
	}
	rig.check(t, "a")
}
