package e2e

import (
	"os"
	"path/filepath"
	"testing"
)

// TestMailpitClient drives npm mailpit-api, unchanged.
func TestMailpitClient(t *testing.T) {
	t.Parallel()
	needNode(t)
	if _, err := os.Stat(filepath.Join("node", "node_modules", "mailpit-api")); err != nil {
		missing(t, "mailpit-api isn't installed (npm ci in e2e/node)")
	}
	const want = `wait: true
code: 493021
link: https://example.test/v?a=1&b=2
parts: p.gif,h.txt
headers: =?utf-8?q?Sh=C3=B6p?= <shop@example.test>
source: true
attachment: hello
thumbnail: image/jpeg
html: true
text: x
unread: 0
unread: 1
tags: Gamma
chaos: Mailpit API Error: 400 Bad Request
release: Mailpit API Error: 400 Bad Request
configuration: false
left: not mine
info: 0
latest: Mailpit API Error: 404 Not Found`
	r := start(t)
	if a := r.node("mailpit.mjs", nil, r.HTTP).want(0).answer(); a.Text != want {
		t.Errorf("got\n%s\nwant\n%s", a.Text, want)
	}
}
