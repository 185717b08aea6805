package watch

import (
	"errors"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
)

// entry is the watcher's note of a finding in the book.
type entry struct {
	Finding
	key      Key
	reported time.Time // when it was last reported
	early    bool      // it was reported while its session was open
}

// judge makes the findings about a client and reports the new ones.
func (w *Watcher) judge(c *client, at time.Time) {
	if c == nil || len(c.sessions) == 0 {
		return
	}
	facts, byID := c.facts(w.clients[""])
	kase := w.cfg.Table.CaseOf(facts, at)
	found := slices.DeleteFunc(oldestFirst(kase.Findings(!w.loaded), facts), func(f Finding) bool { return w.tooEarly(&f, kase, byID) })
	matched := match(found, byID)
	failed := false
	for i, f := range found {
		e := matched[i]
		var err error
		switch {
		case e == nil:
			e = &entry{Finding: f, early: isOpen(&f, byID)}
			if err = w.report(e, at); err == nil {
				e.belongs(byID)
			}
		case grown(&e.Finding, &f):
			if err = w.grow(e, f, at); err == nil {
				e.belongs(byID)
			}
		}
		failed = failed || err != nil
	}
	failed = !w.retract(c, matched) || failed
	if failed {
		c.retry = at.Add(retryPause)
	}
}

// tooEarly reports whether a finding may still turn out to be wrong because a session is open.
func (w *Watcher) tooEarly(f *Finding, c *diagnose.Case, byID map[string]*watched) bool {
	if row := w.rows[f.ID]; row != nil && row.Early != nil {
		return !row.Early(c)
	}
	return isOpen(f, byID)
}

func isOpen(f *Finding, byID map[string]*watched) bool {
	return slices.ContainsFunc(f.Sessions, func(id string) bool { s := byID[id]; return s != nil && s.End.IsZero() })
}

// report adds a new finding to the book.
func (w *Watcher) report(e *entry, at time.Time) error {
	key, err := w.cfg.Book.Add(w.ctx, w.generation, e.Finding)
	if err != nil {
		return w.failed(err)
	}
	e.key, e.reported = key, at
	w.tell(&e.Finding)
	return nil
}

// grow updates a finding, and reports it again if at least 10 s have passed.
func (w *Watcher) grow(e *entry, f Finding, at time.Time) error {
	again := at.Sub(e.reported) >= againAfter
	if err := w.cfg.Book.Grow(w.ctx, w.generation, e.key, f, again); err != nil {
		return w.failed(err)
	}
	e.Finding = f
	if again {
		e.reported = at
		w.tell(&e.Finding)
	}
	return nil
}

// failed logs an error of the book. An emptied book isn't an error: the next turn notices it.
func (w *Watcher) failed(err error) error {
	if errors.Is(err, ErrEmptied) {
		return nil
	}
	w.cfg.Logger.Error("a finding can't be kept, and will be tried again", "error", err)
	return err
}

func (w *Watcher) tell(f *Finding) {
	if w.cfg.OnFinding != nil && f.Severity != diagnose.Good {
		w.cfg.OnFinding(*f)
	}
}

// belongs adds the entry to all sessions that the finding is about.
func (e *entry) belongs(byID map[string]*watched) {
	for _, id := range e.Sessions {
		if s := byID[id]; s != nil && !slices.Contains(s.entries, e) {
			s.entries = append(s.entries, e)
		}
	}
}

// retract takes back findings that were reported while a session was open and that aren't true now that it has ended.
// It reports whether the book has followed.
func (w *Watcher) retract(c *client, matched []*entry) (ok bool) {
	ok = true
	for _, s := range c.sessions {
		if s.End.IsZero() {
			continue
		}
		if len(s.entries) > maxEntries {
			s.entries = slices.Delete(s.entries, 0, len(s.entries)-maxEntries)
		}
		s.entries = slices.DeleteFunc(s.entries, func(e *entry) bool {
			if !e.early || len(e.Sessions) > 1 {
				return false
			}
			if slices.Contains(matched, e) {
				e.early = false
				return false
			}
			if err := w.cfg.Book.Retract(w.ctx, e.key); err != nil {
				w.cfg.Logger.Error("a finding can't be taken back, and will be tried again", "error", err)
				ok = false
				return false
			}
			e.early = false
			return true
		})
	}
	return ok
}

// match returns, for each finding, the entry that is the same finding, or nil if it is new. Findings with the same
// words are matched first, because a session may have two findings with one id.
func match(found []Finding, byID map[string]*watched) []*entry {
	matched := make([]*entry, len(found))
	taken := map[*entry]bool{}
	for _, exact := range []bool{true, false} {
		for i := range found {
			if matched[i] != nil {
				continue
			}
			for _, id := range found[i].Sessions {
				s := byID[id]
				if s == nil {
					continue
				}
				for _, e := range s.entries {
					if matched[i] == nil && e.ID == found[i].ID && !taken[e] && (!exact || e.Title == found[i].Title) {
						matched[i], taken[e] = e, true
					}
				}
			}
		}
	}
	return matched
}

// grown reports whether a finding is about sessions that the earlier one wasn't about.
func grown(old, f *Finding) bool {
	return slices.ContainsFunc(f.Sessions, func(id string) bool { return !slices.Contains(old.Sessions, id) })
}
