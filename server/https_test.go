package server_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/server"
)

// TestHTTPS checks that page, API and issuer are there inside TLS, with the rig's certificate, and that one limit holds for both.
func TestHTTPS(t *testing.T) {
	t.Parallel()
	for _, clear := range []string{"127.0.0.1:0", "off"} {
		s := start(t, server.Config{HTTP: clear, HTTPS: "127.0.0.1:0"})
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.ClientTLS(), ForceAttemptHTTP2: true}}
		t.Cleanup(client.CloseIdleConnections)
		for path, want := range map[string]string{
			"/":                                 "<title>",
			"/api/v1/doors":                     `"https":"` + s.HTTPSURL() + `"`,
			"/livez":                            "ok",
			"/.well-known/openid-configuration": `"token_endpoint":"` + s.HTTPSURL() + `/oauth2/token"`,
		} {
			resp, err := client.Get(s.HTTPSURL() + path)
			if err != nil {
				t.Fatal(err)
			}
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != http.StatusOK || !strings.Contains(string(b), want) || resp.Proto != "HTTP/1.1" {
				t.Errorf("%s: %s %d\n%s", path, resp.Proto, resp.StatusCode, b)
			}
		}
		old := s.ClientTLS()
		old.MaxVersion = tls.VersionTLS11
		if c, err := tls.Dial("tcp", strings.TrimPrefix(s.HTTPSURL(), "https://"), old); err == nil {
			c.Close()
			t.Error("TLS 1.1 is accepted")
		}
		if (s.HTTPURL() == "") != (clear == "off") {
			t.Errorf("with --http %s, the page is at %q", clear, s.HTTPURL())
		}
	}
	s, err := server.New(server.Config{HTTPS: "nonsense", PortOffset: "random"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "isn't an address") {
		t.Errorf("a wrong address: %v", err)
	}
}
