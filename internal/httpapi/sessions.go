package httpapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/recorded"
	"github.com/mailrig/mailrig/internal/transcript"
)

const (
	maxWait = time.Minute
	// writeMargin is the time left for writing the answer of a long poll.
	writeMargin = 15 * time.Second
)

// Sessions is what the HTTP door needs to know about the sessions.
type Sessions interface {
	// Walk yields the kept sessions that ended after the first n, and then, if open is set, the open ones.
	Walk(n uint64, open bool) iter.Seq[*event.Record]
	Session(id string) (*transcript.Session, bool)
	// Ended returns how many sessions have ended, and a channel that is closed when another one ends.
	Ended() (n uint64, more <-chan struct{})
	// ParseSessions parses words such as "door:993" and "login:refused", and returns what reports whether a session
	// matches them. An error is a *wait.BadCondition.
	ParseSessions(words ...string) (fits func(*event.Record) bool, err error)
}

// sessions lists all sessions, including open ones. With ?after=N it lists those that have ended since the answer that
// said "next": N. ?wait=30s waits for one. ?limit=100 lists at most so many of the ended ones, the oldest first; the
// next ones are those after "next". ?match=door:993 lists only those that match; a page may then have fewer.
func (a *api) sessions(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	after, wait, err := afterAndWait(q)
	limit := uint64(math.MaxUint64)
	if text := q.Get("limit"); err == nil && q.Has("limit") {
		if limit, err = strconv.ParseUint(text, 10, 32); err != nil || limit == 0 {
			err = fmt.Errorf(`"limit" is %q, not a number from 1: give how many sessions one answer may list`, text)
		}
	}
	fits := func(*event.Record) bool { return true }
	if match := q["match"]; err == nil && len(match) > 0 {
		fits, err = a.Rig.ParseSessions(match...)
	}
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	// The number comes first: a session that ends meanwhile is then listed now and again in the next answer, but never
	// missed.
	last, _ := a.Rig.Ended()
	if q.Has("after") {
		after, last = a.poll(w, r, after, wait)
	}
	a.list(w, r, after, last, limit, !q.Has("after") && !q.Has("limit"), fits)
}

// poll waits for a session that ends after the first n. It returns n, and how many have ended by now.
func (a *api) poll(w http.ResponseWriter, r *http.Request, after uint64, wait time.Duration) (from, last uint64) {
	if last, _ := a.Rig.Ended(); after > last {
		after = 0 // the number comes from an earlier run
	}
	deadline(w, wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		last, more := a.Rig.Ended()
		if last > after || wait == 0 {
			return after, last
		}
		select {
		case <-more:
		case <-timer.C:
			return after, last
		case <-r.Context().Done(): // the client left, or mailrig is stopping
			return after, last
		}
	}
}

// list writes {"sessions":[…],"next":N}, one session at a time: all of them at once can be a thousand times as large as
// one. The client has writeMargin to read each.
func (a *api) list(w http.ResponseWriter, r *http.Request, after, last, limit uint64, open bool, fits func(*event.Record) bool) {
	w.Header().Set("Content-Type", "application/json")
	out := http.NewResponseController(w)
	about := a.about(r.Context())
	separator := `{"sessions":[`
	next := last
	if last-after > limit {
		next = after + limit
	}
	n, listed := uint64(0), 0
	for record := range a.Rig.Walk(after, open) {
		if n++; n > limit {
			break
		}
		if !fits(record) {
			continue
		}
		listed++
		body, err := json.Marshal(about.judged(transcript.Of(record)))
		if err != nil { // all types here can be marshalled, so this would be a bug in mailrig
			a.Logger.Error("marshal a session", "err", err)
			panic(http.ErrAbortHandler)
		}
		_ = out.SetWriteDeadline(time.Now().Add(writeMargin)) // not every writer has one
		if _, err := w.Write(append([]byte(separator), body...)); err != nil {
			return
		}
		separator = ","
		runtime.Gosched() // a long list must not make a client with one command wait
	}
	if listed == 0 {
		_, _ = io.WriteString(w, separator)
	}
	fmt.Fprintf(w, "],\"next\":%d}\n", next)
	_ = out.SetWriteDeadline(time.Now().Add(writeMargin))
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
		a.json(w, http.StatusOK, a.about(r.Context()).judged(s))
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

// sessionScenario writes what a session showed of the server as a scenario that plays this server again. ?name= is the
// scenario's name; without it, the name is session- and the session's id.
func (a *api) sessionScenario(w http.ResponseWriter, r *http.Request) {
	s, ok := a.find(w, r)
	if !ok {
		return
	}
	name := cmp.Or(r.URL.Query().Get("name"), "session-"+s.ID)
	yaml, err := recorded.Scenario(name, transcript.Record(s))
	if err != nil {
		a.fail(w, r, http.StatusUnprocessableEntity, err.Error())
		return
	}
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Content-Disposition", disposition(name+".yaml"))
	_, _ = w.Write(yaml)
}

func (a *api) find(w http.ResponseWriter, r *http.Request) (*transcript.Session, bool) {
	id := r.PathValue("id")
	s, ok := a.Rig.Session(id)
	if !ok {
		a.fail(w, r, http.StatusNotFound, fmt.Sprintf("there is no session %q: there never was, or it has made room for later ones (--keep-sessions)", id))
	}
	return s, ok
}
