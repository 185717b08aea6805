package httpapi

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/mailrig/mailrig/internal/budget"
)

// TestTooManyAnswers checks that a message isn't fetched while there is no room for the answer, and that the room is given
// back.
func TestTooManyAnswers(t *testing.T) {
	t.Parallel()
	rig := newRig()
	added, err := rig.room.Deliver(t.Context(), "a@example.test", []string{"b@example.test"}, []byte("Subject: x\r\n\r\nhello\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	answers := budget.New(1000).Share(1)
	h := New(Config{Rig: rig, Answers: answers})
	get := func() int {
		r := httptest.NewRequest("GET", "/api/v1/mail/"+added[0].ID, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	answers.Take(1) // another answer
	if got := get(); got != http.StatusServiceUnavailable {
		t.Errorf("without room: %d", got)
	}
	answers.Release(1)
	for range 2 {
		if got := get(); got != http.StatusOK || answers.Used() != 0 {
			t.Errorf("with room: %d, and %d bytes are left", got, answers.Used())
		}
	}
}
