package mailtest

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/server"
)

// Finding says what one or several sessions of a client mean.
type Finding = server.Finding

// settleTime is how long Require waits for a finding.
const settleTime = 5 * time.Second

// graceTime is how long Require goes on waiting when no session is open: one may be about to begin.
const graceTime = 300 * time.Millisecond

// quietTime is how long Forbid and Findings wait for sessions that a client keeps open.
const quietTime = time.Second

// Findings returns what all sessions together mean, as those of one client. The worst finding comes first; those of
// severity Good come last. Findings assumes that the client has finished: what it hasn't done by now, such as retrying,
// it won't do. Open sessions have one second to end.
func (r *Rig) Findings() []Finding {
	ctx, cancel := context.WithTimeout(context.Background(), quietTime)
	defer cancel()
	r.s.Quiesce(ctx)
	return r.s.Conclude()
}

// Require fails the test for each of these findings that is missing. It logs what was found instead, and the
// transcript. Call it when the client has finished. It waits at most five seconds for sessions that are still ending.
// An unknown id ends the test.
func (r *Rig) Require(ids ...string) {
	r.t.Helper()
	r.known(ids)
	deadline := time.Now().Add(settleTime)
	idle := time.Now() // since then no session has been open, and none has ended
	for {
		_, n, ended := r.s.SessionsSince(math.MaxUint64)
		busy := r.s.Busy()
		found := r.s.Conclude()
		missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return has(found, id) })
		if len(missing) == 0 {
			return
		}
		if now := time.Now(); now.After(deadline) || !busy && now.Sub(idle) > graceTime {
			r.lacks(missing, found)
			return
		}
		pause := time.NewTimer(20 * time.Millisecond) // nothing reports that an open session goes on
		select {
		case <-ended:
		case <-pause.C:
		}
		pause.Stop()
		if _, m, _ := r.s.SessionsSince(math.MaxUint64); m != n || busy {
			idle = time.Now()
		}
	}
}

func (r *Rig) lacks(missing []string, found []Finding) {
	r.t.Helper()
	var ids []string
	for _, f := range found {
		ids = append(ids, f.ID)
	}
	for _, id := range missing {
		r.t.Errorf("mailtest: the finding %s is required, and isn't there; there is %s\n%s", id, orNothing(ids), r.dialogues(nil))
	}
}

// Forbid fails the test for each of these findings that is present. It logs the explanation, the advice and the
// transcript of the finding's sessions. Call it when the client has finished. Open sessions have one second to end. An
// unknown id ends the test.
func (r *Rig) Forbid(ids ...string) {
	r.t.Helper()
	r.known(ids)
	for _, f := range r.Findings() {
		if slices.Contains(ids, f.ID) {
			r.t.Errorf("mailtest: the finding %s is forbidden, and is there: %s\n%s", f.ID, full(&f), r.dialogues(f.Sessions))
		}
	}
}

func (r *Rig) known(ids []string) {
	r.t.Helper()
	if err := r.s.CheckFindings(ids...); err != nil {
		r.t.Fatalf("mailtest: %v", err)
	}
}

func has(found []Finding, id string) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.ID == id })
}

func orNothing(ids []string) string {
	if len(ids) == 0 {
		return "nothing at all"
	}
	slices.Sort(ids)
	return strings.Join(slices.Compact(ids), ", ")
}

// full returns everything that a finding says.
func full(f *Finding) string {
	text := f.Line()
	if f.Explanation != "" {
		text += "\n" + f.Explanation
	}
	return text
}

// dialogues returns the transcripts of these sessions (nil: all sessions), oldest first.
func (r *Rig) dialogues(ids []string) string {
	var b strings.Builder
	for _, s := range r.Sessions() {
		if ids == nil || slices.Contains(ids, s.ID) {
			b.WriteString(r.once(s))
		}
	}
	if b.Len() == 0 {
		return "(no session)"
	}
	return strings.TrimRight(b.String(), "\n")
}

// once returns a session's transcript, or a line that points to it if the log has it already.
func (r *Rig) once(s *Session) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := s.Dialogue()
	if r.logged[s.ID] == text {
		return fmt.Sprintf("session %s: see above\n", s.ID)
	}
	if r.logged == nil {
		r.logged = map[string]string{}
	}
	r.logged[s.ID] = text
	return text
}

// explain logs what is wrong, and the transcripts that the log doesn't have yet.
func (r *Rig) explain() {
	for _, f := range r.Findings() {
		if f.Severity != server.Good {
			r.t.Log("mailtest: finding " + f.ID + " of session " + strings.Join(f.Sessions, ", ") + ": " + full(&f))
		}
	}
	for _, s := range r.Sessions() {
		if text := r.once(s); text == s.Dialogue() {
			r.t.Log("mailtest: " + text)
		}
	}
}
