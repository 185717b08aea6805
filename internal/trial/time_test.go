package trial

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailrig/mailrig/internal/transcript"
)

// stubborn is a command without a process. It records what is done to it, and when.
type stubborn struct {
	running
	began time.Time
	notes []string
}

// newStubborn returns a command that ends by itself after lasts, or some time after SIGTERM (heeds), or when it is
// killed, if it is mortal. 0 means never. Its output ends with it, unless another process keeps it open.
func newStubborn(lasts, heeds time.Duration, mortal, keptOpen bool) *stubborn {
	s := &stubborn{began: time.Now()}
	note := func(what string) { s.notes = append(s.notes, what+" "+time.Since(s.began).String()) }
	s.running = running{
		ended: make(chan error, 1), copied: make(chan struct{}), grace: time.Second,
		terminate: func() {
			note("term")
			if heeds > 0 {
				time.AfterFunc(heeds, func() { s.stop("heeded", !keptOpen) })
			}
		},
		kill: func() {
			note("kill")
			if mortal {
				s.stop("killed", !keptOpen)
			}
		},
		endRest: func() { note("rest") },
		hangUp: func() {
			note("hang up")
			close(s.copied)
		},
	}
	if lasts > 0 {
		time.AfterFunc(lasts, func() { s.stop("by itself", !keptOpen) })
	}
	return s
}

func (s *stubborn) stop(why string, closes bool) {
	s.ended <- errors.New(why)
	if closes {
		close(s.copied)
	}
}

// TestHowLongACommandMayTake checks when a command gets SIGTERM and SIGKILL, and when waiting for it ends.
func TestHowLongACommandMayTake(t *testing.T) {
	t.Parallel()
	const limit = 10 * time.Second
	for name, tc := range map[string]struct {
		lasts, heeds     time.Duration
		mortal, keptOpen bool
		cancel           time.Duration // of the trial
		notes            []string
		why              string
		after            time.Duration // that it takes in all
		killed, gone     bool
	}{
		"ends by itself":        {lasts: 3 * time.Second, notes: []string{"rest 3s"}, why: "by itself", after: 3 * time.Second, gone: true},
		"leaves its output":     {lasts: 3 * time.Second, keptOpen: true, notes: []string{"rest 3s", "hang up 3.3s"}, why: "by itself", after: 3300 * time.Millisecond, gone: true},
		"ends when told to":     {heeds: 900 * time.Millisecond, notes: []string{"term 10s", "rest 10.9s"}, why: "heeded", after: 10900 * time.Millisecond, killed: true, gone: true},
		"heeds nothing":         {mortal: true, notes: []string{"term 10s", "kill 11s", "rest 11s"}, why: "killed", after: 11 * time.Second, killed: true, gone: true},
		"heeds it too late":     {heeds: 1100 * time.Millisecond, notes: []string{"term 10s", "kill 11s", "rest 11.1s"}, why: "heeded", after: 11100 * time.Millisecond, killed: true, gone: true},
		"is held by the kernel": {keptOpen: true, notes: []string{"term 10s", "kill 11s", "rest 13s", "hang up 13.3s"}, after: 13300 * time.Millisecond, killed: true},
		"the trial ends":        {mortal: true, cancel: time.Second, notes: []string{"term 1s", "kill 2s", "rest 2s"}, why: "killed", after: 2 * time.Second, killed: true, gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx := t.Context()
				if tc.cancel > 0 {
					var stop context.CancelFunc
					ctx, stop = context.WithTimeout(ctx, tc.cancel)
					defer stop()
				}
				s := newStubborn(tc.lasts, tc.heeds, tc.mortal, tc.keptOpen)
				var o outcome
				err, gone := s.await(ctx, limit, s.began, &o)
				if took := time.Since(s.began); took != tc.after {
					t.Errorf("took %v, want %v", took, tc.after)
				}
				if !slices.Equal(s.notes, tc.notes) {
					t.Errorf("%q\nwant %q", s.notes, tc.notes)
				}
				if gone != tc.gone || o.killed != tc.killed || (err == nil) != (tc.why == "") || err != nil && err.Error() != tc.why {
					t.Errorf("%v, gone %v, killed %v", err, gone, o.killed)
				}
				if told := min(tc.after, limit); o.took > told || tc.cancel > 0 && o.took != tc.cancel {
					t.Errorf("took %v until it was over", o.took)
				}
			})
		})
	}
}

// slowLog is a rig whose sessions begin and end at given times.
type slowLog struct {
	began time.Time
	times [][2]time.Duration // begin, end; no end: never
	kept  int                // 0: all
}

func (l *slowLog) Sessions() (all []*transcript.Session) {
	now := time.Since(l.began)
	for _, at := range l.times {
		if at[0] > now {
			continue
		}
		s := &transcript.Session{Start: l.began.Add(at[0])}
		if at[1] > 0 && at[1] <= now {
			s.End = l.began.Add(at[1])
		}
		all = append(all, s)
	}
	if l.kept > 0 && len(all) > l.kept {
		all = all[len(all)-l.kept:]
	}
	return all
}

func (l *slowLog) SessionsSince(uint64) (_ []*transcript.Session, next uint64, _ <-chan struct{}) {
	for _, at := range l.times {
		if at[1] > 0 && at[1] <= time.Since(l.began) {
			next++
		}
	}
	return nil, next, nil
}

// TestSettled checks how long a rig waits for its sessions after the run.
func TestSettled(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, tc := range map[string]struct {
		times            [][2]time.Duration
		kept             int
		drops            bool
		after            time.Duration
		sessions, missed int
	}{
		"all is over":             {times: [][2]time.Duration{{0, 1}}, after: 5 * ms, sessions: 1},
		"one ends soon":           {times: [][2]time.Duration{{0, 1}, {0, 48 * ms}}, after: 50 * ms, sessions: 2},
		"one is held":             {times: [][2]time.Duration{{0, 0}}, after: 305 * ms, sessions: 1},
		"none, and none comes":    {after: 105 * ms},
		"one is accepted late":    {times: [][2]time.Duration{{80 * ms, 92 * ms}}, after: 95 * ms, sessions: 1},
		"a door drops, and tells": {times: [][2]time.Duration{{0, 1}, {240 * ms, 241 * ms}}, drops: true, after: 255 * ms, sessions: 2},
		"some are forgotten":      {times: [][2]time.Duration{{0, 1}, {0, 1}, {0, 1}}, kept: 2, after: 5 * ms, sessions: 2, missed: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &slowLog{began: time.Now(), times: tc.times, kept: tc.kept}
				sessions, forgotten := settled(l, tc.drops)
				if took := time.Since(l.began); took != tc.after {
					t.Errorf("waited %v, want %v", took, tc.after)
				}
				if len(sessions) != tc.sessions || forgotten != tc.missed {
					t.Errorf("%d sessions and %d forgotten, want %d and %d", len(sessions), forgotten, tc.sessions, tc.missed)
				}
			})
		})
	}
}

// when runs a schedule whose runs take this many seconds. It returns when each run began, and how many were left when
// each ended.
func when(ctx context.Context, s schedule, lasts ...int) (began []time.Duration, left []int, begun int) {
	start := time.Now()
	began = make([]time.Duration, len(lasts))
	begun = s.each(ctx, len(lasts), func(i int) {
		began[i] = time.Since(start)
		time.Sleep(time.Duration(lasts[i]) * time.Second)
	}, func(_, n int) { left = append(left, n) })
	return began, left, begun
}

func atSeconds(list ...int) (all []time.Duration) {
	for _, n := range list {
		all = append(all, time.Duration(n)*time.Second)
	}
	return all
}

func TestSchedule(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		schedule schedule
		lasts    []int
		began    []time.Duration
		left     []int
	}{
		"no more places than that":   {schedule{places: 2, most: 9}, []int{5, 1, 1, 9}, atSeconds(0, 0, 1, 2), []int{3, 2, 1, 0}},
		"who waits makes place":      {schedule{places: 1, most: 9, patience: 3 * time.Second}, []int{9, 9, 1, 1}, atSeconds(0, 3, 6, 7), []int{3, 2, 1, 0}},
		"but there are so many":      {schedule{places: 1, most: 2, patience: 3 * time.Second}, []int{9, 9, 1}, atSeconds(0, 3, 9), []int{2, 1, 0}},
		"it is over before the next": {schedule{places: 1, most: 9, patience: 3 * time.Second}, []int{4, 9, 1}, atSeconds(0, 3, 6), []int{2, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began, left, begun := when(t.Context(), tc.schedule, tc.lasts...)
				if begun != len(tc.lasts) || !slices.Equal(began, tc.began) || !slices.Equal(left, tc.left) {
					t.Errorf("%d began at %v, left %v\nwant %v, %v", begun, began, left, tc.began, tc.left)
				}
			})
		})
	}
}

// TestScheduleEndsWithItsContext checks that nothing begins after a trial has been interrupted, and that the trial
// waits for runs that have begun.
func TestScheduleEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		_, left, begun := when(ctx, schedule{places: 1, most: 1}, 2, 2, 2)
		if begun != 2 || !slices.Equal(left, []int{2, 1}) || time.Since(start) != 4*time.Second {
			t.Errorf("%d have begun, left %v, after %v", begun, left, time.Since(start))
		}
	})
}

// TestWhichSchedule checks that --jobs limits all runs, and that a trial without it starts more runs when some are
// waiting.
func TestWhichSchedule(t *testing.T) {
	t.Parallel()
	control := &Run{Took: time.Second}
	if s := (&Trial{Jobs: 3}).schedule(control); s != (schedule{places: 3, most: 3}) {
		t.Errorf("%+v", s)
	}
	if s := (&Trial{}).schedule(control); s.patience != 4300*time.Millisecond || s.most <= s.places {
		t.Errorf("%+v", s)
	}
}
