package httpapi

import (
	"strings"
	"testing"
)

func TestHost(t *testing.T) {
	t.Parallel()
	allowed := []string{"mail.corp.test", "*.wild.test", "192.0.2.7", "2001:db8::7"}
	h := New(Config{Rig: newRig(), AllowedHosts: allowed})
	for _, tc := range []struct {
		host, local string
		ok          bool
	}{
		{"localhost", "", true},
		{"localhost:8025", "", true},
		{"LOCALHOST.:8025", "", true},
		{"rig.localhost:1", "", true},
		{"127.0.0.1:8025", "", true},
		{"127.9.9.9", "", true},
		{"[::1]:8025", "[::1]:8025", true},
		{"[::1]", "", true},
		{"::1", "", true},
		{"[::ffff:127.0.0.1]:8025", "", true},
		{"mail.corp.test:8025", "", true},
		{"Mail.Corp.Test", "", true},
		{"a.wild.test", "", true},
		{"192.0.2.7:8025", "", true},
		{"[2001:db8::7]:8025", "", true},

		{"", "", true}, // stands for localhost:8025 in call
		{":8025", "", false},
		{"evil.example", "", false},
		{"localhost.evil.example", "", false},
		{"evillocalhost", "", false},
		{"127.0.0.1.evil.example", "", false},
		{"mail.corp.test.evil.example", "", false},
		{"x.mail.corp.test", "", false},
		{"wild.test", "", false},
		{"a.b.wild.test", "", false},
		{"0.0.0.0:8025", "", false},
		{"198.51.100.1", "", false},
		{"2130706433", "", false},
		{"localhost@evil.example", "", false},
		{"evil.example#localhost", "", false},

		// On an address that isn't loopback, the user has chosen to listen.
		{"198.51.100.1:80", "172.17.0.2:8025", true},
		{"172.17.0.2:8025", "172.17.0.2:8025", true},
		{"[2001:db8::1]:80", "[2001:db8::9]:8025", true},
		{"evil.example", "172.17.0.2:8025", false},
	} {
		w := call{method: "GET", target: "/api/v1/doors", host: tc.host, local: tc.local}.do(t, h)
		if want := map[bool]int{true: 200, false: 421}[tc.ok]; w.Code != want {
			t.Errorf("Host %q on %q: %d, want %d", tc.host, tc.local, w.Code, want)
		}
		if w.Code == 421 && !strings.Contains(w.Body.String(), "--hostname") {
			t.Errorf("no advice: %s", w.Body)
		}
	}
	for _, target := range []string{"/", "/livez", "/ca.pem", "/nothing"} {
		if w := (call{method: "GET", target: target, host: "evil.example"}).do(t, h); w.Code != 421 {
			t.Errorf("%s: %d", target, w.Code)
		}
	}
}

func TestHostWhenListeningEverywhere(t *testing.T) {
	t.Parallel()
	for listen, want := range map[string]int{"0.0.0.0:8025": 200, "[::]:8025": 200, "127.0.0.1:8025": 421, "[::1]:8025": 421, "": 421} {
		h := New(Config{Rig: newRig(), Listen: listen})
		for _, host := range []string{"0.0.0.0:8025", "198.51.100.1:8025", "[2001:db8::1]:8025"} {
			if w := (call{method: "GET", target: "/livez", host: host}).do(t, h); w.Code != want {
				t.Errorf("listening on %q, Host %s: %d", listen, host, w.Code)
			}
		}
		if w := (call{method: "GET", target: "/livez", host: "evil.example"}).do(t, h); w.Code != 421 {
			t.Errorf("listening on %q, a foreign name: %d", listen, w.Code)
		}
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		header []string
		ok     bool
	}{
		{"a script", nil, true},
		{"our own page", []string{"Origin", "http://localhost:8025", "Sec-Fetch-Site", "same-origin"}, true},
		{"an old browser, own page", []string{"Origin", "http://localhost:8025"}, true},
		{"typed by the user", []string{"Sec-Fetch-Site", "none"}, true},
		{"another site", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, false},
		{"another site, old browser", []string{"Origin", "https://evil.example"}, false},
		{"another site, no Origin", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"another port of localhost", []string{"Origin", "http://localhost:3000", "Sec-Fetch-Site", "same-site"}, false},
		{"another port, old browser", []string{"Origin", "http://localhost:3000"}, false},
		{"a sandboxed frame", []string{"Origin", "null"}, false},
		{"nonsense", []string{"Origin", "::"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rig := newRig()
			h := New(Config{Rig: rig})
			for _, c := range []call{
				{method: "POST", target: "/api/v1/reset"},
				{method: "PUT", target: "/api/v1/scenario", body: `{"scenarios":["a"]}`},
				{method: "DELETE", target: "/api/v1/scenario"},
			} {
				c.header = header(tc.header...)
				w := c.do(t, h)
				if tc.ok != (w.Code < 300) || !tc.ok && w.Code != 403 {
					t.Errorf("%s %s: %d %s", c.method, c.target, w.Code, w.Body)
				}
			}
			if acted := rig.resets > 0 || rig.inline != nil || rig.active != nil; acted && !tc.ok {
				t.Error("refused, and done nevertheless")
			}
			c := call{method: "GET", target: "/api/v1/doors", header: header(tc.header...)}
			if w := c.do(t, h); w.Code != 200 || w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("reading: %d", w.Code)
			}
		})
	}
}
