package server_test

import (
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/server"
)

func TestCAForms(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	a := newAPI(t, s)
	_, der := a.do(200, "GET", "/ca.der", "", "")
	want, _ := pem.Decode(s.CAPEM())
	if der != string(want.Bytes) {
		t.Error("the DER isn't the PEM's")
	}
	h, profile := a.do(200, "GET", "/ca.mobileconfig", "", "")
	if h.Get("Content-Type") != "application/x-apple-aspen-config" || !strings.Contains(profile, base64.StdEncoding.EncodeToString(want.Bytes)) || !strings.Contains(profile, "com.apple.security.root") {
		t.Error(h, profile)
	}
	if err := xml.Unmarshal([]byte(profile), new(struct{})); err != nil {
		t.Error(err)
	}
}
