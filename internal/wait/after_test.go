package wait

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// TestNothingStaleCounts checks that neither an old message counts nor a new copy of one.
func TestNothingStaleCounts(t *testing.T) {
	t.Parallel()
	r := newRig()
	r.mail = []Mail{{Subject: "old", Arrival: 1, First: 1}, {Subject: "copy", Arrival: 2, First: 1}}
	c := Condition{What: Messages, After: 1}
	if o, err := wait(r, 10*time.Millisecond, c); err != nil || o.Met || o.Count != 0 || o.Next != 2 {
		t.Errorf("%+v, %v", o, err)
	}
	r.with(func() { r.mail = append(r.mail, Mail{Subject: "new", Arrival: 3, First: 3}) })
	if o, err := wait(r, time.Minute, c); err != nil || !o.Met || o.Count != 1 || o.Messages[0].Subject != "new" || o.Next != 3 {
		t.Errorf("%+v, %v", o, err)
	}
	for _, c := range []Condition{{What: Messages, After: 4}, {What: Sessions, After: 1}, {What: Findings, IDs: []string{"f1"}, After: 1}} {
		if _, err := wait(r, time.Minute, c); err == nil || !strings.Contains(err.Error(), "earlier run") {
			t.Errorf("a number that none of the %s has: %v", c.What, err)
		}
	}
}

// TestLastMoment checks that what comes in the pause between two checks counts, although the time ends in that pause.
func TestLastMoment(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		go func() {
			time.Sleep(95 * time.Millisecond)
			r.with(func() {}) // a pause begins
			time.Sleep(time.Millisecond)
			r.with(func() { r.mail = append(r.mail, Mail{Subject: "late"}) })
		}()
		o, err := wait(r, 100*time.Millisecond, Condition{What: Messages})
		if err != nil || !o.Met || o.Count != 1 || o.Next != 1 {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

// TestNoTime checks that what is there counts even if there is no time to wait.
func TestNoTime(t *testing.T) {
	t.Parallel()
	r := newRig()
	r.mail = []Mail{{Subject: "Hi"}}
	r.found = []diagnose.Finding{{ID: "f1"}}
	over, cancel := context.WithTimeout(context.Background(), 0)
	defer cancel()
	for _, c := range []Condition{{What: Messages}, {What: Findings, IDs: []string{"f1"}}} {
		if o, err := For(over, r, c); err != nil || !o.Met || o.Count != 1 {
			t.Errorf("%+v, %v", o, err)
		}
	}
	if o, err := For(over, r, Condition{What: Sessions}); err != nil || o.Met || !strings.Contains(o.Text, "no session within 0s") {
		t.Errorf("%+v, %v", o, err)
	}
}
