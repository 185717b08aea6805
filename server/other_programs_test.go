package server_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/mailhog"
	"github.com/mailrig/mailrig/internal/mailpit"
	"github.com/mailrig/mailrig/server"
)

// TestOtherProgramsCalls calls everything that Mailpit and MailHog have. The OpenAPI document must have exactly these calls, and every
// answer must be as it says.
func TestOtherProgramsCalls(t *testing.T) {
	t.Parallel()
	s := start(t, server.Config{HTTP: "127.0.0.1:0"})
	a := newAPI(t, s)
	_, sent := a.do(200, "POST", "/api/v1/send", "", `{"From":{"Email":"shop@example.test"},"To":[{"Email":"ben@example.test"}],"Subject":"Hi","HTML":"<p>x</p><img src=\"cid:p\">","Tags":["a"],
		"Headers":{"List-Unsubscribe":"<https://example.test/off>"},"Attachments":[{"Content":"R0lGODlhAQABAAAAACwAAAAAAQABAAACAkQBADs=","ContentType":"image/gif","ContentID":"p","Filename":"p.gif"}]}`)
	var message struct{ ID string }
	if err := json.Unmarshal([]byte(sent), &message); err != nil {
		t.Fatal(err)
	}
	_, body := a.do(200, "GET", "/api/v2/messages", "", "")
	var hog struct{ Items []struct{ ID string } }
	if err := json.Unmarshal([]byte(body), &hog); err != nil {
		t.Fatal(err)
	}
	real := strings.NewReplacer("{id}", message.ID, "{hog}", hog.Items[0].ID)
	called := map[string]bool{}
	for _, c := range []struct {
		status     int
		call, body string
	}{
		{200, "GET /api/v1/messages?limit=0", ""}, {200, "GET /api/v1/messages?start=9&before=2020-01-01", ""},
		{200, "PUT /api/v1/messages", `{"IDs":["{id}"],"Read":true}`}, {400, "PUT /api/v1/messages", ""}, {400, "PUT /api/v1/messages", `{"IDs":["x"],"Search":"y"}`}, {413, "PUT /api/v1/messages", strings.Repeat(" ", 2<<20)},
		{200, "GET /api/v1/search?query=to:ben", ""}, {200, "GET /api/v1/search?query=x&limit=0&tz=Europe/Berlin", ""}, {400, "GET /api/v1/search", ""},
		{200, "DELETE /api/v1/search?query=nobody", ""}, {400, "DELETE /api/v1/search", ""},
		{200, "GET /api/v1/message/{id}", ""}, {200, "GET /api/v1/message/latest?query=subject:Hi", ""}, {404, "GET /api/v1/message/latest?query=zzz", ""}, {404, "GET /api/v1/message/x", ""},
		{200, "GET /api/v1/message/{id}/headers", ""}, {404, "GET /api/v1/message/x/headers", ""}, {200, "GET /api/v1/message/{id}/raw", ""}, {404, "GET /api/v1/message/x/raw", ""},
		{200, "GET /api/v1/message/{id}/part/2", ""}, {404, "GET /api/v1/message/{id}/part/99", ""}, {200, "GET /api/v1/message/{id}/part/2/thumb", ""}, {400, "GET /api/v1/message/{id}/part/99/thumb", ""},
		{400, "GET /api/v1/message/{id}/html-check", ""}, {404, "GET /api/v1/message/x/html-check", ""}, {404, "GET /api/v1/message/{id}/sa-check", ""},
		{200, "GET /api/v1/message/{id}/link-check", ""}, {404, "GET /api/v1/message/x/link-check", ""}, {400, "POST /api/v1/message/{id}/release", "{}"},
		{200, "GET /api/v1/tags", ""}, {200, "PUT /api/v1/tags", `{"IDs":["{id}"],"Tags":["b"]}`}, {400, "PUT /api/v1/tags", "{"}, {200, "PUT /api/v1/tags/b", `{"Name":"c"}`}, {400, "PUT /api/v1/tags/zzz", `{"Name":"c"}`}, {400, "PUT /api/v1/tags/c", `{}`},
		{200, "DELETE /api/v1/tags/c", ""}, {400, "DELETE /api/v1/tags/c", ""},
		{400, "POST /api/v1/send", "{"}, {400, "POST /api/v1/send", `{"To":[{"Email":"nobody"}]}`}, {400, "POST /api/v1/send", `{"From":"x"}`},
		{200, "GET /api/v1/info", ""}, {200, "GET /api/v1/webui", ""}, {400, "GET /api/v1/chaos", ""}, {400, "PUT /api/v1/chaos", "{}"}, {426, "GET /api/events", ""},
		{200, "GET /view/{id}.html", ""}, {200, "GET /view/{id}.txt", ""}, {200, "GET /view/latest", ""}, {200, "GET /view/latest?query=zzz", ""}, {404, "GET /view/x.html", ""},
		{200, "GET /api/v2/messages?limit=1&start=0", ""}, {200, "GET /api/v2/search?kind=to&query=ben", ""}, {400, "GET /api/v2/search?kind=cc&query=ben", ""}, {200, "GET /api/v2/outgoing-smtp", ""},
		{404, "GET /api/v2/jim", ""}, {404, "PUT /api/v2/jim", "{}"}, {200, "GET /api/v1/messages/{hog}", ""}, {200, "GET /api/v1/messages/x", ""}, {200, "GET /api/v1/messages/{hog}/download", ""}, {404, "GET /api/v1/messages/x/download", ""},
		{500, "POST /api/v1/messages/{hog}/release", "{}"}, {200, "DELETE /api/v1/messages/{hog}", ""}, {500, "DELETE /api/v1/messages/{hog}", ""},
		{200, "GET /api/v1/messages", ""}, {404, "GET /view/latest.txt", ""}, {200, "DELETE /api/v1/messages", `{"IDs":["x"]}`}, {200, "DELETE /api/v1/messages", ""},
	} {
		method, path, _ := strings.Cut(real.Replace(c.call), " ")
		t.Run(c.call, func(t *testing.T) {
			one := &api{t, a.base, a.doc}
			one.do(c.status, method, path, "application/json", real.Replace(c.body))
		})
		called[method+" "+a.doc.Path(strings.Split(path, "?")[0])] = true
	}
	pit := mailpit.New(mailpit.Config{})
	want := append(pit.Operations(), mailhog.New(mailhog.Config{Letters: pit}).Operations()...)
	described := slices.DeleteFunc(a.doc.Operations(), func(operation string) bool {
		tags := a.doc.Tags(operation)
		return !slices.Contains(tags, "mailpit") && !slices.Contains(tags, "mailhog")
	})
	slices.Sort(want)
	slices.Sort(described)
	if !slices.Equal(want, described) {
		t.Errorf("openapi.yaml has\n%s\nand there is\n%s", strings.Join(described, "\n"), strings.Join(want, "\n"))
	}
	for _, operation := range want {
		if !called[operation] {
			t.Errorf("%s isn't called", operation)
		}
	}
}
