package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/mailroom"
	"github.com/mailrig/mailrig/internal/transcript"
)

const (
	mostStreams = 64                    // at a time
	streamPause = 50 * time.Millisecond // between two looks: what comes meanwhile goes out together
	streamIdle  = 15 * time.Second      // without an event, a comment shows that the stream lives
	mostReplay  = 10_000                // messages that are sent after a pause; earlier ones are skipped
)

// streamWrite is how long a subscriber may take to read what is written. One that doesn't read is dropped.
const streamWrite = 10 * time.Second

// kinds are the kinds of events, in the order in which they go out if they came at the same time.
var kinds = []string{"message", "session", "finding"}

// position is how far a subscriber has got: how many messages, sessions and findings there were. As an event's id it
// tells where to go on. Nothing is kept for a subscriber: the store, the journal and the book of findings are the rings
// from which events are sent and sent again.
type position struct{ messages, sessions, findings uint64 }

func (p position) String() string { return fmt.Sprintf("%d-%d-%d", p.messages, p.sessions, p.findings) }

func parsePosition(s string) (p position, err error) {
	numbers := []*uint64{&p.messages, &p.sessions, &p.findings}
	parts := strings.Split(s, "-")
	for i, n := range numbers {
		if len(parts) == len(numbers) {
			*n, err = strconv.ParseUint(parts[i], 10, 64)
		}
		if err != nil || len(parts) != len(numbers) {
			return p, fmt.Errorf("%q isn't the id of an event; give the last one that you got, or none", s)
		}
	}
	return p, nil
}

// stream sends events as they come (server-sent events): ?kind=message,session,finding. The header Last-Event-ID, or
// ?after=ID, says after which event to go on.
func (a *api) stream(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	err := onlyParameters(r, "kind", "after")
	wanted := commas(q["kind"])
	for _, k := range wanted {
		if !slices.Contains(kinds, k) {
			err = fmt.Errorf(`"kind" is %q; it can be %s`, k, strings.Join(kinds, ", "))
		}
	}
	s := &stream{api: a, ctx: r.Context(), w: w, out: http.NewResponseController(w), wants: func(kind string) bool {
		return len(wanted) == 0 || slices.Contains(wanted, kind)
	}}
	last := r.Header.Get("Last-Event-ID")
	if q.Has("after") {
		last = q.Get("after")
	}
	if last != "" && err == nil {
		s.at, err = parsePosition(last)
	}
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/event-stream")
		return // it would never end, and nobody would read it
	}
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		w.Header().Set("Retry-After", "5")
		a.fail(w, r, http.StatusServiceUnavailable, fmt.Sprintf("%d clients read events already; close one, or try again later", mostStreams))
		return
	}
	arrived, stop, err := a.Rig.Mailroom().Watch(r.Context())
	if err != nil {
		a.mailTrouble(w, r, "watch for mail", err)
		return
	}
	defer stop()
	now, err := s.now()
	if err != nil {
		a.mailTrouble(w, r, "begin a stream of events", err)
		return
	}
	if last == "" {
		s.at = now
	}
	s.at = s.at.ofThisRun(now)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	if err := s.write(fmt.Sprintf("retry: 1000\nid: %s\n\n", s.at)); err != nil {
		return
	}
	if err := s.run(arrived); err != nil && r.Context().Err() == nil {
		a.Logger.Info("a subscriber of events is dropped", "client", r.RemoteAddr, "err", err)
	}
}

// ofThisRun begins at the beginning with what an earlier run, or the time before a reset, has counted.
func (p position) ofThisRun(now position) position {
	since := func(n, most uint64) uint64 {
		if n > most {
			return 0
		}
		return n
	}
	return position{since(p.messages, now.messages), since(p.sessions, now.sessions), since(p.findings, now.findings)}
}

// stream is one subscriber.
type stream struct {
	api   *api
	ctx   context.Context
	w     io.Writer
	out   *http.ResponseController
	wants func(kind string) bool
	at    position
}

// now returns the position at which everything has been sent.
func (s *stream) now() (p position, err error) {
	page, err := s.api.Rig.Mailroom().List(s.ctx, mailroom.Query{})
	if err != nil {
		return p, err
	}
	p.messages = page.Next
	p.sessions, _ = s.api.Rig.Ended()
	_, p.findings, _, err = s.api.Rig.FindingsSince(s.ctx, math.MaxInt)
	return p, err
}

// run sends events until the client leaves or doesn't read.
func (s *stream) run(arrived <-chan struct{}) error {
	idle := time.NewTicker(streamIdle)
	defer idle.Stop()
	for {
		ended, moreSessions := s.api.Rig.Ended()
		s.at.sessions = position{sessions: s.at.sessions}.ofThisRun(position{sessions: ended}).sessions
		if err := s.messages(); err != nil {
			return err
		}
		if err := s.sessions(); err != nil {
			return err
		}
		moreFindings, err := s.findings()
		if err != nil {
			return err
		}
		select {
		case <-arrived:
		case <-moreSessions:
		case <-moreFindings:
		case <-idle.C:
			if err := s.write(": alive\n\n"); err != nil {
				return err
			}
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
		pause := time.NewTimer(streamPause)
		select {
		case <-pause.C:
		case <-s.ctx.Done():
			pause.Stop()
			return s.ctx.Err()
		}
	}
}

// messages sends the messages that have arrived.
func (s *stream) messages() error {
	list, next, err := s.api.Rig.Mailroom().Newest(s.ctx, s.at.messages, mostReplay)
	if err != nil {
		return err
	}
	for i := range list {
		s.at.messages = list[i].Arrival
		if err := s.send("message", list[i]); err != nil {
			return err
		}
	}
	s.at.messages = next
	return nil
}

// sessions sends the sessions that have ended, without their dialogues. Only the last of them moves the position on: a
// client that leaves before gets them again.
func (s *stream) sessions() error {
	last, _ := s.api.Rig.Ended()
	for record := range s.api.Rig.Walk(s.at.sessions, false) {
		session := *transcript.Of(record)
		session.Units, session.Elided, session.ElidedAt = []transcript.Unit{}, 0, 0
		if err := s.send("session", session); err != nil {
			return err
		}
	}
	s.at.sessions = last
	return nil
}

// findings sends the findings that have come up, and returns a channel that is closed when there are more.
func (s *stream) findings() (more <-chan struct{}, err error) {
	found, next, more, err := s.api.Rig.FindingsSince(s.ctx, s.at.findings)
	if err != nil {
		return nil, err
	}
	for i := range found {
		if i == len(found)-1 {
			s.at.findings = next
		}
		if err := s.send("finding", found[i]); err != nil {
			return nil, err
		}
	}
	s.at.findings = next
	return more, nil
}

// send sends one event.
func (s *stream) send(kind string, v any) error {
	if !s.wants(kind) {
		return nil
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return s.write(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", s.at, kind, data))
}

func (s *stream) write(text string) error {
	_ = s.out.SetWriteDeadline(time.Now().Add(streamWrite)) // not every writer has one
	if _, err := io.WriteString(s.w, text); err != nil {
		return err
	}
	return s.out.Flush()
}
