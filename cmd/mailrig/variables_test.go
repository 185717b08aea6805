package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestClientHost(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"127.0.0.1:3025": "localhost", "[::1]:3025": "localhost", "0.0.0.0:25": "localhost", "[::]:25": "localhost",
		"127.0.0.5:25": "127.0.0.5", "192.0.2.1:25": "192.0.2.1", "[2001:db8::1]:25": "2001:db8::1",
	} {
		if got := clientHost(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestWithVariables(t *testing.T) {
	t.Parallel()
	before := []string{"A=1", "MAILRIG_USER=x", "MAILRIG_USERS=y", "B="}
	got := withVariables(before, []string{"MAILRIG_USER=alice", "C=3"})
	if want := []string{"A=1", "MAILRIG_USERS=y", "B=", "MAILRIG_USER=alice", "C=3"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	if before[1] != "MAILRIG_USER=x" {
		t.Error("the environment given was changed")
	}
}

func TestListenAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"127.0.0.1:8025": "127.0.0.1:8025", "http://127.0.0.1:8025/": "127.0.0.1:8025", "[::1]:0": "[::1]:0",
		":8025": ":8025", "OFF": "off", "localhost:1": "localhost:1",
	} {
		if got, err := listenAddress(in); err != nil || got != want {
			t.Errorf("%q: %q %v", in, got, err)
		}
	}
	for _, in := range []string{"", "8025", "localhost", "https://localhost:1", "http://localhost:1/x", "a:70000", "a:-1", "a:b", "a b:1"} {
		if got, err := listenAddress(in); err == nil {
			t.Errorf("%q is taken for %q", in, got)
		}
	}
}

func TestClientFindsWhatListensEverywhere(t *testing.T) {
	t.Parallel()
	a := &app{}
	for in, want := range map[string]string{
		"0.0.0.0:8025": "http://127.0.0.1:8025", ":8025": "http://127.0.0.1:8025", "[::]:8025": "http://127.0.0.1:8025",
		"http://mailrig:8025": "http://mailrig:8025", "[::1]:1": "http://[::1]:1",
	} {
		if c, err := a.connect(in); err != nil || c.base != want {
			t.Errorf("%s: %v %v", in, c, err)
		}
	}
}

// TestTrustKeepsWhatIsTrusted checks that a variable of the user's own is the base of its own bundle. The others get
// SSL_CERT_FILE's, or the system's.
func TestTrustKeepsWhatIsTrusted(t *testing.T) {
	t.Parallel()
	home, dir := t.TempDir(), t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	set := map[string]string{
		"SSL_CERT_FILE":       file("ssl.pem", "SSL"), // without a line end
		"REQUESTS_CA_BUNDLE":  file("requests.pem", "REQUESTS\n"),
		"GIT_SSL_CAINFO":      filepath.Join(home, "gone.pem"),
		"NODE_EXTRA_CA_CERTS": file("node.pem", "NODE"),
	}
	env, err := trustVariables(dir, []byte("RIG\n"), "ca.pem", func(name string) string { return set[name] })
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"SSL_CERT_FILE": "SSL\nRIG\n", "CURL_CA_BUNDLE": "SSL\nRIG\n", "GIT_SSL_CAINFO": "SSL\nRIG\n",
		"REQUESTS_CA_BUNDLE": "REQUESTS\n\nRIG\n", "NODE_EXTRA_CA_CERTS": "NODE\nRIG\n",
	}
	for _, kv := range env {
		name, path, _ := strings.Cut(kv, "=")
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want[name] || filepath.Dir(path) != dir {
			t.Errorf("%s: %q %v", kv, got, err)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("not set: %v", want)
	}
	if files, _ := os.ReadDir(dir); len(files) != 3 {
		t.Errorf("%d bundles, want 3", len(files))
	}

	env, err = trustVariables(t.TempDir(), []byte("RIG\n"), "ca.pem", func(string) string { return "" })
	if err != nil || !slices.Contains(env, "NODE_EXTRA_CA_CERTS=ca.pem") {
		t.Errorf("%q %v", env, err)
	}
}
