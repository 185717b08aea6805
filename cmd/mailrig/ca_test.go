package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestCertificatesOfAStranger checks that what any web server answers isn't printed as a certificate.
func TestCertificatesOfAStranger(t *testing.T) {
	t.Parallel()
	stranger := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>welcome") }))
	defer stranger.Close()
	a := &app{getenv: func(string) string { return "" }}
	for what, ask := range map[string]func() ([]byte, error){
		"the CA":               func() ([]byte, error) { return a.caPEM(t.Context(), stranger.URL, "") },
		"a client certificate": func() ([]byte, error) { return a.clientPEM(t.Context(), stranger.URL, "", "alice@example.test") },
	} {
		if pem, err := ask(); err == nil || !strings.Contains(err.Error(), "isn't a mailrig") {
			t.Errorf("%s: %q, %v", what, pem, err)
		}
	}
}
