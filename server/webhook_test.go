package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/server"
)

func TestWebhook(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	}))
	defer hook.Close()
	s := start(t, server.Config{HTTP: "127.0.0.1:0", Webhooks: []string{hook.URL}})
	a := newAPI(t, s)
	deliver(t, s, "alice", "Subject: x\n\nYour code is 123456\n")
	select {
	case body := <-got:
		var event struct {
			Kind    string
			Message json.RawMessage
		}
		if err := json.Unmarshal([]byte(body), &event); err != nil || event.Kind != "message" || !strings.Contains(body, `"codes":["123456"]`) {
			t.Errorf("%v: %s", err, body)
		}
		if err := a.doc.Fits("FullMail", event.Message); err != nil {
			t.Error(err)
		}
	case <-time.After(hang):
		t.Fatal("nothing is posted")
	}
	if _, err := server.New(server.Config{Webhooks: []string{"localhost:1"}}); err == nil {
		t.Error("a bad URL is accepted")
	}
}
