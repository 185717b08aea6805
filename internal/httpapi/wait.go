package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/answer"
	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/wait"
)

// Waiter is what the HTTP door needs to know about waiting.
type Waiter interface {
	// WaitFor returns when count of what is waited for have arrived after the first after, or when ctx ends. The words
	// are matchers, or ids of findings. If the caller is to blame, the error is a *wait.BadCondition.
	WaitFor(ctx context.Context, what wait.What, words []string, count int, after uint64) (wait.Outcome, error)
}

const (
	defaultWait = 30 * time.Second
	longestWait = 10 * time.Minute // of GET /api/v1/wait
)

// outcome is a wait.Outcome with what is known of its messages and sessions.
type outcome struct {
	Met      bool               `json:"met"`
	Count    int                `json:"count"`
	Text     string             `json:"text,omitempty"`
	Messages []fullMail         `json:"messages"`
	Findings []diagnose.Finding `json:"findings"`
	Sessions []judged           `json:"sessions"`
	Next     uint64             `json:"next"`
}

// waitFor blocks until a condition is met: ?message=to:bob@example.test&message=subject:Hi, ?session=door:993+login:ok
// or ?finding=ID, with &count=N and &timeout=30s. A timeout isn't an error: the answer then has "met": false.
func (a *api) waitFor(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var what wait.What
	var words []string
	for _, one := range []wait.What{wait.Messages, wait.Sessions, wait.Findings} {
		if !q.Has(string(one)) {
			continue
		}
		if what != "" {
			a.fail(w, r, http.StatusBadRequest, fmt.Sprintf("a request waits for one thing, not for a %s and a %s; send two", what, one))
			return
		}
		what, words = one, q[string(one)]
	}
	if what == "" {
		a.fail(w, r, http.StatusBadRequest, "what should it wait for? Give ?message=to:bob@example.test, ?session=door:993 or ?finding=ID")
		return
	}
	for key := range q {
		switch key {
		case "message", "session", "finding", "count", "timeout", "after":
		default:
			a.fail(w, r, http.StatusBadRequest, fmt.Sprintf("there is no parameter %q; use message, session or finding, and count, after and timeout", key))
			return
		}
	}
	if what == wait.Findings {
		words = commas(words)
	}
	count := 1
	if s := q.Get("count"); q.Has("count") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			a.fail(w, r, http.StatusBadRequest, fmt.Sprintf(`"count" is %q; give a number from 1`, s))
			return
		}
		count = n
	}
	after := uint64(0)
	if s := q.Get("after"); q.Has("after") {
		n, err := strconv.ParseUint(s, 10, 63)
		if err != nil {
			a.fail(w, r, http.StatusBadRequest, fmt.Sprintf(`"after" is %q, not a number: give the "next" of an earlier answer`, s))
			return
		}
		after = n
	}
	timeout := defaultWait
	if s := q.Get("timeout"); q.Has("timeout") {
		if strings.Trim(s, "0123456789") == "" {
			s += "s"
		}
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 || d > longestWait {
			a.fail(w, r, http.StatusBadRequest, fmt.Sprintf(`"timeout" is %q; give a time such as 30s, at most %s`, q.Get("timeout"), longestWait))
			return
		}
		timeout = d
	}
	deadline(w, timeout)
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	o, err := a.Rig.WaitFor(ctx, what, words, count, after)
	var bad *wait.BadCondition
	switch {
	case errors.As(err, &bad):
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	case err != nil:
		a.broken(w, r, "wait", err)
		return
	}
	ctx = context.WithoutCancel(r.Context()) // what has been met is answered, even if the time is over meanwhile
	messages, err := a.openAll(ctx, o.Messages)
	if err != nil {
		a.broken(w, r, "read messages", err)
		return
	}
	o.Findings = answer.List(o.Findings)
	about, sessions := a.about(ctx), []judged{}
	for _, s := range o.Sessions {
		sessions = append(sessions, about.judged(s))
	}
	a.json(w, http.StatusOK, outcome{o.Met, o.Count, o.Text, messages, o.Findings, sessions, o.Next})
}

// deadline gives an answer this much time. A server's write timeout counts from the request on. If no deadline can be
// set, as in tests, there is no write timeout.
func deadline(w http.ResponseWriter, wait time.Duration) {
	if wait > 0 {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait + writeMargin))
	}
}
