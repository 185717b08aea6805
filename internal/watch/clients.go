package watch

import (
	"net/netip"
	"slices"
	"time"

	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/event"
)

// How much the watcher remembers of a client.
const (
	windowSize = 64 // ended sessions
	// mostMinor is how many of these may be ones in which the client only looked before they leave ahead of older ones.
	// Otherwise a health check a second would leave nothing of what a client did a minute ago.
	mostMinor = windowSize / 2
	// maxWatchedOpen is how many open sessions it remembers besides.
	maxWatchedOpen = 2 * openMost
	windowTime     = 30 * time.Minute
	maxClients     = 32
	// windowEvents bounds the work of a turn: as many events as all ended sessions of a client may have.
	windowEvents = 16 << 10
	// stepCost is how many bytes a command takes besides its event, which the record has counted.
	stepCost = 512
	// maxEntries is how many findings one session remembers.
	maxEntries = 256
)

// client is everything that comes from one address. All loopback addresses count as one client, because a program that
// connects to localhost may use any of them.
type client struct {
	sessions []*watched // in the order in which they ended; open ones last
	last     time.Time  // when something last happened
	due      time.Time  // when to check again although nothing has happened; zero: never
	quiet    time.Time  // when to check again because nothing has happened in an open session; zero: never
	retry    time.Time  // when to check again because the book failed; zero: never
	size     int64      // bytes that the sessions take, as trim has counted them
}

// watched is a session and the findings about it.
type watched struct {
	*diagnose.Facts
	minor   bool  // it has ended, and the client only looked
	size    int64 // bytes that it takes, its record included: the log may have forgotten that
	entries []*entry
}

// see returns what is known about a session.
func see(f *diagnose.Facts, minor bool) *watched {
	return &watched{Facts: f, minor: minor, size: f.Record.Size() + int64(len(f.Steps))*stepCost}
}

func (s *watched) ended() bool { return !s.End.IsZero() }

// clientKey returns which client a session belongs to. "" stands for connections that nobody saw, which may come from
// any client.
func clientKey(f *diagnose.Facts) string {
	if a, err := netip.ParseAddr(f.Host); err == nil && a.Unmap().IsLoopback() {
		return "loopback"
	}
	return f.Host
}

func (w *Watcher) client(key string, at time.Time) *client {
	c := w.clients[key]
	if c == nil {
		if len(w.clients) >= maxClients {
			oldest := key
			for k, x := range w.clients {
				if oldest == key || x.last.Before(w.clients[oldest].last) {
					oldest = k
				}
			}
			delete(w.clients, oldest)
		}
		c = &client{}
		w.clients[key] = c
	}
	c.last = at
	return c
}

// add adds an ended session to its client's case.
func (w *Watcher) add(s *event.Record, at time.Time) (key string) {
	f := w.cfg.Table.Extract(s)
	key = clientKey(f)
	c := w.client(key, at)
	c.put(f, w.cfg.Minor(s))
	c.due = at.Add(patience)
	c.trim(at)
	w.shed()
	return key
}

// shed forgets the ended sessions that ended first, of any client, until the others fit Config.Memory. The latest one
// stays, however large it is.
func (w *Watcher) shed() {
	if w.cfg.Memory <= 0 {
		return
	}
	size := int64(0)
	for _, c := range w.clients {
		size += c.size
	}
	for size > w.cfg.Memory {
		oldest, ended := w.oldest()
		if ended < 2 {
			return
		}
		i := slices.IndexFunc(oldest.sessions, (*watched).ended)
		n := oldest.sessions[i].size
		oldest.sessions = slices.Delete(oldest.sessions, i, i+1)
		oldest.size -= n
		size -= n
	}
}

// oldest returns the client whose session ended first, and counts the ended sessions of all of them.
func (w *Watcher) oldest() (oldest *client, ended int) {
	var first time.Time
	for _, c := range w.clients {
		for _, s := range c.sessions {
			if !s.ended() {
				continue
			}
			if ended == 0 || s.End.Before(first) {
				oldest, first = c, s.End
			}
			ended++
		}
	}
	return oldest, ended
}

// addOpen updates the open sessions that have changed, and those that Look asked for.
func (w *Watcher) addOpen(asked []string, changed map[string]bool, at time.Time) {
	open := w.cfg.Log.Open(openMost)
	for _, id := range asked {
		if s, ok := w.cfg.Log.Get(id); ok && s.End.IsZero() && !slices.ContainsFunc(open, func(x *event.Record) bool { return x.ID == id }) {
			open = append(open, s)
		}
	}
	open = append(open, w.lost(open)...)
	for _, s := range open {
		f := w.cfg.Table.Extract(s)
		key := clientKey(f)
		if c := w.client(key, at); c.put(f, !s.End.IsZero() && w.cfg.Minor(s)) || slices.Contains(asked, s.ID) {
			c.trim(at)
			changed[key] = true
			if s.End.IsZero() {
				c.quiet = at.Add(openAgain)
			}
		}
	}
}

// lost returns sessions that the watcher knows as open, and that ended unseen in a turn that was too large. It forgets
// those that the log has forgotten.
func (w *Watcher) lost(open []*event.Record) (ended []*event.Record) {
	still := map[string]bool{}
	for _, s := range open {
		still[s.ID] = true
	}
	for _, c := range w.clients {
		c.sessions = slices.DeleteFunc(c.sessions, func(x *watched) bool {
			if !x.End.IsZero() || still[x.ID] {
				return false
			}
			s, ok := w.cfg.Log.Get(x.ID)
			if ok && !s.End.IsZero() {
				ended = append(ended, s)
			}
			return !ok
		})
	}
	return ended
}

// put adds a session, or replaces what was known about it. changed reports whether anything is new.
func (c *client) put(f *diagnose.Facts, minor bool) (changed bool) {
	now := see(f, minor)
	for _, x := range c.sessions {
		if x.ID != f.ID {
			continue
		}
		if !x.End.IsZero() {
			return false
		}
		changed = !f.End.IsZero() || len(f.Events)+f.Elided != len(x.Events)+x.Elided || f.Counts != x.Counts || len(f.Logins) != len(x.Logins)
		x.Facts, x.minor, x.size = f, minor, now.size
		return changed
	}
	c.sessions = append(c.sessions, now)
	return true
}

// trim forgets old sessions, and sessions that the log doesn't list as open and that haven't ended in time.
func (c *client) trim(at time.Time) {
	// An open session stays. Otherwise a finding about it would be reported again.
	over, minor := -windowSize, -mostMinor
	for _, s := range c.sessions {
		if !s.End.IsZero() {
			over++
		}
		if s.minor {
			minor++
		}
	}
	minor = max(0, min(minor, over))    // how many must leave of those that only looked
	over -= minor                       // and how many of all
	first, events := len(c.sessions), 0 // the newest one stays, however large it is
	for first > 0 && (first == len(c.sessions) || events+len(c.sessions[first-1].Events) <= windowEvents) {
		first--
		events += len(c.sessions[first].Events)
	}
	index := -1
	c.sessions = slices.DeleteFunc(c.sessions, func(s *watched) bool {
		index++
		switch {
		case s.End.IsZero():
			return false
		case s.minor && minor > 0:
			minor--
			return true
		case over > 0:
			over--
			return true
		}
		return index < first || at.Sub(s.End) > windowTime
	})
	if over := len(c.sessions) - windowSize - maxWatchedOpen; over > 0 {
		c.sessions = slices.Delete(c.sessions, 0, over)
	}
	c.size = 0
	for _, s := range c.sessions {
		c.size += s.size
	}
}

// facts returns the sessions of a client and of the strangers, oldest first.
func (c *client) facts(strangers *client) (all []*diagnose.Facts, byID map[string]*watched) {
	byID = map[string]*watched{}
	list := c.sessions
	if strangers != nil && strangers != c {
		list = slices.Concat(list, strangers.sessions)
	}
	for _, s := range list {
		byID[s.ID] = s
		all = append(all, s.Facts)
	}
	slices.SortStableFunc(all, func(a, b *diagnose.Facts) int { return a.Start.Compare(b.Start) })
	return all, byID
}

// strangers marks the clients that may be the ones nobody saw, so that they are checked. If there are none, the
// strangers are a client of their own.
func (w *Watcher) strangers(changed map[string]bool, at time.Time) {
	const most = 8
	var keys []string
	for key := range w.clients {
		if key != "" {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return
	}
	delete(changed, "")
	slices.SortFunc(keys, func(a, b string) int { return w.clients[b].last.Compare(w.clients[a].last) })
	for _, key := range keys[:min(most, len(keys))] {
		changed[key] = true
		w.clients[key].due = at.Add(patience)
	}
}
