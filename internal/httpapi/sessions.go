package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/transcript"
)

const (
	maxWait = time.Minute
	// writeMargin is the time left for writing the answer of a long poll.
	writeMargin = 15 * time.Second
)

// Sessions is what the HTTP door needs to know about the sessions.
type Sessions interface {
	// Sessions lists the kept sessions that have ended, then the open ones.
	Sessions() []*transcript.Session
	Session(id string) (*transcript.Session, bool)
	// SessionsSince returns the sessions that ended after the first n. It also returns the n for the next call, and a
	// channel that is closed when another session ends.
	SessionsSince(n uint64) (ended []*transcript.Session, next uint64, more <-chan struct{})
}

type sessionList struct {
	Sessions []judged `json:"sessions"`
	Next     uint64   `json:"next"` // value of "after" in the next request
}

// sessions lists all sessions, including open ones. With ?after=N it lists those that have ended since the answer that
// said "next": N. ?wait=30s waits for one.
func (a *api) sessions(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	after, wait, err := afterAndWait(q)
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	if !q.Has("after") {
		// Get the number first: a session that ends meanwhile is then listed now and again in the next answer, but
		// never missed.
		_, next, _ := a.Rig.SessionsSince(math.MaxUint64)
		a.json(w, http.StatusOK, sessionList{a.judged(r.Context(), a.Rig.Sessions()), next})
		return
	}
	ended, next := a.poll(w, r, after, wait)
	a.json(w, http.StatusOK, sessionList{a.judged(r.Context(), ended), next})
}

func (a *api) poll(w http.ResponseWriter, r *http.Request, after uint64, wait time.Duration) (ended []*transcript.Session, next uint64) {
	if _, next, _ := a.Rig.SessionsSince(after); after > next {
		after = 0 // the number comes from an earlier run
	}
	deadline(w, wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		ended, next, more := a.Rig.SessionsSince(after)
		if len(ended) > 0 || wait == 0 {
			return ended, next
		}
		select {
		case <-more:
		case <-timer.C:
			return ended, next
		case <-r.Context().Done(): // the client left, or mailrig is stopping
			return ended, next
		}
	}
}

// parseWait parses "30s", or "30" as seconds. A time above maxWait becomes maxWait: the caller asks again anyway.
func parseWait(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	if strings.Trim(s, "0123456789") == "" {
		s += "s"
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf(`"wait" is %q, not a duration: say 30s, at most %s`, s, maxWait)
	}
	return min(d, maxWait), nil
}

func (a *api) session(w http.ResponseWriter, r *http.Request) {
	if s, ok := a.find(w, r); ok {
		a.json(w, http.StatusOK, a.judged(r.Context(), []*transcript.Session{s})[0])
	}
}

// dialogue shows a session as people read it.
func (a *api) dialogue(w http.ResponseWriter, r *http.Request) {
	if s, ok := a.find(w, r); ok {
		text(w, http.StatusOK, s.Dialogue())
	}
}

// events returns a session as it was recorded, in package event's versioned encoding.
func (a *api) events(w http.ResponseWriter, r *http.Request) {
	s, ok := a.find(w, r)
	if !ok {
		return
	}
	encoded, err := event.Encode(transcript.Record(s))
	if err != nil {
		a.fail(w, r, http.StatusInternalServerError, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(encoded, '\n'))
}

func (a *api) find(w http.ResponseWriter, r *http.Request) (*transcript.Session, bool) {
	id := r.PathValue("id")
	s, ok := a.Rig.Session(id)
	if !ok {
		a.fail(w, r, http.StatusNotFound, fmt.Sprintf("there is no session %q; mailrig keeps only the latest ones (--keep-sessions), so it may be gone", id))
	}
	return s, ok
}
