package main

import (
	"strings"
	"testing"

	"github.com/mailrig/mailrig/server"
)

func TestExposed(t *testing.T) {
	t.Parallel()
	doors := func(addresses ...string) []server.Door { return []server.Door{{Port: 25, Addresses: addresses}} }
	users := []server.User{{Name: "alice", Password: "secret"}}
	for name, tc := range map[string]struct {
		cfg   server.Config
		doors []server.Door
		want  []string // what each warning has, in order
	}{
		"loopback":        {server.Config{HTTP: "127.0.0.1:8025"}, doors("127.0.0.1:25", "[::1]:25"), nil},
		"all of loopback": {server.Config{HTTP: "localhost:8025"}, doors("127.9.9.9:25", "[::ffff:127.0.0.1]:25"), nil},
		"no page":         {server.Config{HTTP: "off"}, doors("127.0.0.1:25"), nil},
		"everywhere":      {server.Config{HTTP: "0.0.0.0:8025"}, doors("0.0.0.0:25"), []string{"0.0.0.0. Everybody who can reach this machine can log in as any user…--user", "0.0.0.0:8025…switch scenarios…--http-auth"}},
		"one address":     {server.Config{HTTP: "127.0.0.1:8025"}, doors("192.0.2.1:25"), []string{"192.0.2.1.…any password…--user"}},
		"IPv6":            {server.Config{HTTP: ":8025"}, doors("[::]:25"), []string{"::.…any password", ":8025"}},
		"users":           {server.Config{HTTP: "0.0.0.0:8025", Users: users}, doors("0.0.0.0:25"), []string{"without a login, on ports 25", "see the password of alice"}},
		"https":           {server.Config{HTTP: "127.0.0.1:8025", HTTPS: "0.0.0.0:8443"}, doors("127.0.0.1:25"), []string{"0.0.0.0:8443…--http-auth…--https 127.0.0.1:8443"}},
		"a login":         {server.Config{HTTP: "0.0.0.0:8025", HTTPLogins: []server.HTTPLogin{{Name: "a", Password: "b"}}}, doors("127.0.0.1:25"), []string{"without encryption"}},
	} {
		got := exposed(&tc.cfg, tc.doors)
		if len(got) != len(tc.want) {
			t.Errorf("%s: %q, want %d", name, got, len(tc.want))
			continue
		}
		for i, want := range tc.want {
			for _, part := range strings.Split(want, "…") {
				if !strings.Contains(got[i], part) {
					t.Errorf("%s: no %q in %q", name, part, got[i])
				}
			}
		}
	}
}
