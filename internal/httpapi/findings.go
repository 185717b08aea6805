package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/transcript"
)

// Finding is what mailrig makes of one or several sessions.
type Finding struct {
	ID          string    `json:"id"`
	Severity    string    `json:"severity"` // error, warning, info or good
	Title       string    `json:"title"`
	Explanation string    `json:"explanation"`
	Advice      string    `json:"advice,omitempty"`
	Guess       bool      `json:"guess,omitempty"`
	Client      string    `json:"client"` // address without port; "" when nobody saw it
	Door        int       `json:"door,omitempty"`
	Sessions    []string  `json:"sessions"`
	Injected    []string  `json:"injected"`
	At          time.Time `json:"at"`
}

// Judge is what the HTTP door must know of findings.
type Judge interface {
	// Findings are those with larger numbers than after, oldest first, the number to ask
	// with next time, and a channel that is closed with the next one.
	Findings(after uint64) (found []Finding, next uint64, more <-chan struct{})
	// Settle waits, a short time at most, for findings about sessions that have ended.
	Settle(ctx context.Context)
	// CheckFindings says what is wrong with ids of findings.
	CheckFindings(ids ...string) error
}

// Finding of severity good are told only to who asks for them.
const good = "good"

var severities = []string{"error", "warning", "info", good}

type findingList struct {
	Findings []Finding `json:"findings"`
	Next     uint64    `json:"next"` // "after" of the next request
}

// findings lists what was found, filtered by ?id=, ?severity= and ?client=, each of which
// may have several values; ?after=N&wait=30s waits for more, as sessions does.
func (a *api) findings(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	fits, err := a.findingFilter(q["id"], q["severity"], q["client"])
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	after, wait, err := afterAndWait(q)
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	a.Rig.Settle(r.Context())
	deadline(w, wait)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		found, next, more := a.Rig.Findings(after)
		l := findingList{[]Finding{}, next}
		for _, f := range found {
			if fits(&f) {
				l.Findings = append(l.Findings, f)
			}
		}
		if len(l.Findings) > 0 || wait == 0 {
			a.json(w, http.StatusOK, l)
			return
		}
		select {
		case <-more:
		case <-timer.C:
			wait = 0
		case <-r.Context().Done(): // the client left, or mailrig stops
			wait = 0
		}
	}
}

func (a *api) findingFilter(ids, levels, clients []string) (func(*Finding) bool, error) {
	ids, levels, clients = commas(ids), commas(levels), commas(clients)
	if err := a.Rig.CheckFindings(ids...); err != nil {
		return nil, err
	}
	for _, l := range levels {
		if !slices.Contains(severities, l) {
			return nil, fmt.Errorf(`"severity" is %q; it can be %s`, l, strings.Join(severities, ", "))
		}
	}
	return func(f *Finding) bool {
		shown := f.Severity != good || slices.Contains(ids, f.ID)
		if len(levels) > 0 {
			shown = slices.Contains(levels, f.Severity)
		}
		return shown && (len(ids) == 0 || slices.Contains(ids, f.ID)) && (len(clients) == 0 || slices.Contains(clients, f.Client))
	}, nil
}

// commas takes values apart that are given as one.
func commas(values []string) (all []string) {
	for _, v := range values {
		for part := range strings.SplitSeq(v, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

// afterAndWait reads ?after=N&wait=30s; without "after" it is 0.
func afterAndWait(q map[string][]string) (after uint64, wait time.Duration, err error) {
	value := func(key string) string {
		if v := q[key]; len(v) > 0 {
			return v[0]
		}
		return ""
	}
	if _, ok := q["after"]; !ok {
		if _, ok := q["wait"]; ok {
			return 0, 0, fmt.Errorf(`"wait" needs "after": say ?after=N&wait=30s, with N the "next" of the last answer, or 0`)
		}
		return 0, 0, nil
	}
	after, err = strconv.ParseUint(value("after"), 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf(`"after" is %q, not a number: give the "next" of the last answer, or 0`, value("after"))
	}
	wait, err = parseWait(value("wait"))
	return after, wait, err
}

// judged is a session with what was found about it.
type judged struct {
	*transcript.Session
	Findings []Finding `json:"findings"`
}

// judged adds to sessions what was found about them, the worst first.
func (a *api) judged(ctx context.Context, sessions []*transcript.Session) []judged {
	a.Rig.Settle(ctx)
	found, _, _ := a.Rig.Findings(0)
	about := map[string][]Finding{}
	for _, f := range found {
		if f.Severity == good {
			continue
		}
		for _, id := range f.Sessions {
			about[id] = append(about[id], f)
		}
	}
	out := make([]judged, 0, len(sessions))
	for _, s := range sessions {
		l := list(about[s.ID])
		slices.SortStableFunc(l, func(a, b Finding) int {
			return slices.Index(severities, a.Severity) - slices.Index(severities, b.Severity)
		})
		out = append(out, judged{s, l})
	}
	return out
}
