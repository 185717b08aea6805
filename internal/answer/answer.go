// Package answer has what the HTTP APIs share when they answer: mailrig's own, Mailpit's and MailHog's.
package answer

import (
	"bytes"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// List returns an empty list for none, so that JSON has [] rather than null.
func List[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// Hostile answers with bytes that came by mail. They may be made to attack whoever looks at them, so a browser runs no
// script in them, loads nothing for them and gives them no origin. kind is the type that the mail gives them.
func Hostile(w http.ResponseWriter, kind string, content []byte) {
	if _, _, err := mime.ParseMediaType(kind); err != nil || strings.Count(kind, "/") != 1 {
		kind = "application/octet-stream"
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = bytes.NewReader(content).WriteTo(w)
}
