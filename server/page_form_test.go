package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/server"
)

// TestPageRefusesWhatItCannotRead checks that no form does anything with a part of what was sent: an empty scenario must not be
// saved as if it were the user's.
func TestPageRefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	const form, files = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
	for _, path := range []string{"/scenarios/switch", "/scenarios/check", "/scenarios/keep", "/scenarios/save", "/mail/send", "/mail/delete"} {
		for _, c := range []struct {
			about, kind, body string
			status            int
		}{
			{"a malformed value", form, "yaml=%zz&on=greylisting&to=bob@example.test", 400},
			{"a large value", form, "on=greylisting&to=bob@example.test&yaml=" + strings.Repeat("a", 9<<20), 413},
			{"an end that is missing", files, "--b\r\nContent-Disposition: form-data; name=to\r\n\r\nbob@example.test", 400},
		} {
			resp, err := http.Post(s.HTTPURL()+path, c.kind, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			body := read(t, resp)
			if resp.StatusCode != c.status || !strings.Contains(body, "can&#39;t read this form") {
				t.Errorf("%s with %s: %s\n%.300s", path, c.about, resp.Status, body)
			}
		}
	}
	if len(s.Active()) > 0 || !strings.Contains(view(t, s, 200, "/mail"), "No message yet") {
		t.Error("something has changed")
	}
}
