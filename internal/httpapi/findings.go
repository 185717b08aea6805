package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/answer"
	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/transcript"
)

// Judge is what the HTTP door needs to know about findings.
type Judge interface {
	// FindingsSince returns the findings with numbers above n, oldest first. It also returns the n for the next call,
	// and a channel that is closed when there is another finding.
	FindingsSince(ctx context.Context, n uint64) (found []diagnose.Finding, next uint64, more <-chan struct{}, err error)
	// Settle waits a short time for findings about sessions that have just ended.
	Settle(ctx context.Context)
	// CheckFindings reports unknown ids of findings.
	CheckFindings(ids ...string) error
}

// severities are the values of "severity", the worst first. Good findings are listed only on request.
var severities = []string{string(diagnose.Error), string(diagnose.Warning), string(diagnose.Info), string(diagnose.Good)}

type findingList struct {
	Findings []diagnose.Finding `json:"findings"`
	Next     uint64             `json:"next"` // value of "after" in the next request
}

// findings lists the findings. ?id=, ?severity= and ?client= filter them; each may have several values.
// ?after=N&wait=30s waits for more, as it does for sessions.
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
		found, next, more, err := a.Rig.FindingsSince(r.Context(), after)
		if err != nil {
			a.broken(w, r, "list the findings", err)
			return
		}
		l := findingList{[]diagnose.Finding{}, next}
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
		case <-r.Context().Done(): // the client left, or mailrig is stopping
			wait = 0
		}
	}
}

func (a *api) findingFilter(ids, levels, clients []string) (func(*diagnose.Finding) bool, error) {
	ids, levels, clients = commas(ids), commas(levels), commas(clients)
	if err := a.Rig.CheckFindings(ids...); err != nil {
		return nil, err
	}
	for _, l := range levels {
		if !slices.Contains(severities, l) {
			return nil, fmt.Errorf(`"severity" is %q; it can be %s`, l, strings.Join(severities, ", "))
		}
	}
	return func(f *diagnose.Finding) bool {
		shown := f.Severity != diagnose.Good || slices.Contains(ids, f.ID)
		if len(levels) > 0 {
			shown = slices.Contains(levels, string(f.Severity))
		}
		return shown && (len(ids) == 0 || slices.Contains(ids, f.ID)) && (len(clients) == 0 || slices.Contains(clients, f.Client))
	}, nil
}

// commas splits values at commas.
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

// afterAndWait parses ?after=N&wait=30s. Without "after" it returns 0.
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

// judged is a session and the findings about it.
type judged struct {
	*transcript.Session
	Findings []diagnose.Finding `json:"findings"`
}

// about holds the findings about each session, by id.
type about map[string][]diagnose.Finding

// about returns the findings about all sessions. If they can't be read, there are none.
func (a *api) about(ctx context.Context) about {
	all := about{}
	for _, f := range a.bad(ctx) {
		for _, id := range f.Sessions {
			all[id] = append(all[id], f)
		}
	}
	return all
}

// judged adds the findings to a session, the worst first.
func (m about) judged(s *transcript.Session) judged {
	l := answer.List(m[s.ID])
	slices.SortStableFunc(l, func(a, b diagnose.Finding) int {
		return slices.Index(severities, string(a.Severity)) - slices.Index(severities, string(b.Severity))
	})
	return judged{s, l}
}

// bad returns the findings that aren't Good, including those of the last moment. If they can't be read, it returns
// none.
func (a *api) bad(ctx context.Context) []diagnose.Finding {
	a.Rig.Settle(ctx)
	found, _, _, err := a.Rig.FindingsSince(ctx, 0)
	if err != nil {
		a.Logger.Error("list the findings", "err", err)
	}
	return slices.DeleteFunc(found, func(f diagnose.Finding) bool { return f.Severity == diagnose.Good })
}
