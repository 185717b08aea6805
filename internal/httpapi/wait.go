package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/transcript"
)

// Waiter is what the HTTP door must know of waiting.
type Waiter interface {
	// WaitFor returns when a condition is met or ctx ends. The error is a *BadCondition
	// when the caller is to blame.
	WaitFor(ctx context.Context, c Condition) (Outcome, error)
}

// Condition is what a request waits for.
type Condition struct {
	What  string   // message, session or finding
	Words []string // matchers, or the ids of findings
	Count int      // at least so many
}

// BadCondition says why a condition makes no sense.
type BadCondition struct{ Err error }

func (e *BadCondition) Error() string { return e.Err.Error() }
func (e *BadCondition) Unwrap() error { return e.Err }

// Outcome is what came of waiting.
type Outcome struct {
	Met      bool                  `json:"met"`
	Count    int                   `json:"count"`          // how many fit
	Text     string                `json:"text,omitempty"` // what did come, when the time was over first
	Messages []Mail                `json:"messages"`
	Sessions []*transcript.Session `json:"-"`
	Findings []Finding             `json:"findings"`
}

// Mail is a message in a mailbox, in short.
type Mail struct {
	Mailbox    string   `json:"mailbox"` // the account's address
	Folder     string   `json:"folder"`
	UID        uint32   `json:"uid"`
	From       string   `json:"from"` // of the envelope
	Recipients []string `json:"recipients"`
	FromHeader string   `json:"from_header"`
	Subject    string   `json:"subject"`
	Bytes      int64    `json:"bytes"`
	Session    string   `json:"session"`
}

const (
	defaultWait = 30 * time.Second
	longestWait = 10 * time.Minute // of GET /api/v1/wait
)

// wait blocks until a condition is met: ?message=to:bob@example.test&message=subject:Hi,
// ?session=door:993+login:ok or ?finding=ID, with &count=N and &timeout=30s. That the time
// was over first is an answer like others: "met" is false.
func (a *api) wait(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var c Condition
	for _, what := range []string{"message", "session", "finding"} {
		if !q.Has(what) {
			continue
		}
		if c.What != "" {
			a.fail(w, r, http.StatusBadRequest, fmt.Sprintf("a request waits for one thing, not for a %s and a %s; send two", c.What, what))
			return
		}
		c.What, c.Words = what, q[what]
	}
	if c.What == "" {
		a.fail(w, r, http.StatusBadRequest, "say what to wait for: ?message=to:bob@example.test, ?session=door:993 or ?finding=ID")
		return
	}
	for key := range q {
		switch key {
		case "message", "session", "finding", "count", "timeout":
		default:
			a.fail(w, r, http.StatusBadRequest, fmt.Sprintf("there is no parameter %q; use message, session or finding, and count and timeout", key))
			return
		}
	}
	if c.What == "finding" {
		c.Words = commas(c.Words)
	}
	c.Count = 1
	if s := q.Get("count"); q.Has("count") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			a.fail(w, r, http.StatusBadRequest, fmt.Sprintf(`"count" is %q; give a number from 1`, s))
			return
		}
		c.Count = n
	}
	timeout := defaultWait
	if s := q.Get("timeout"); q.Has("timeout") {
		if strings.Trim(s, "0123456789") == "" {
			s += "s"
		}
		d, err := time.ParseDuration(s)
		if err != nil || d < 0 || d > longestWait {
			a.fail(w, r, http.StatusBadRequest, fmt.Sprintf(`"timeout" is %q; say 30s, at most %s`, q.Get("timeout"), longestWait))
			return
		}
		timeout = d
	}
	deadline(w, timeout)
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	o, err := a.Rig.WaitFor(ctx, c)
	var bad *BadCondition
	switch {
	case errors.As(err, &bad):
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	case err != nil:
		a.Logger.Error("wait", "err", err)
		a.fail(w, r, http.StatusInternalServerError, err.Error())
		return
	}
	o.Messages, o.Findings = list(o.Messages), list(o.Findings)
	a.json(w, http.StatusOK, struct {
		Outcome
		Sessions []judged `json:"sessions"`
	}{o, a.judged(context.WithoutCancel(r.Context()), o.Sessions)})
}

// deadline lets an answer take so long. A server's write timeout counts from the request
// on; where there is none to set, as in tests, there is none to exceed.
func deadline(w http.ResponseWriter, wait time.Duration) {
	if wait > 0 {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(wait + writeMargin))
	}
}
