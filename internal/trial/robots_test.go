package trial_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/testkit/robot"
	"github.com/mailrig/mailrig/internal/trial"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

var only = flag.String("scenario", "*", "run the robots under scenarios that fit this pattern only")

const (
	limit  = 90 * time.Second // for the careful robot, which needs a fraction of it
	sooner = 8 * time.Second  // for robots that may wait for ever
)

// window is a time in which something is counted. It is long enough for a busy machine to fill it, and short enough for
// the careful robot to wait until it is over.
const window = 3500 * time.Millisecond

// usual is how long a robot takes for everything, at most, on a machine that isn't overloaded. An idle one needs
// a tenth of this.
const usual = 250 * time.Millisecond

// atOnce returns how many robots work at the same time. Most of their time they wait.
func atOnce() int {
	if racing {
		return 6
	}
	return 48
}

// faster returns a copy of a scenario that takes a hundredth of the time, or more on a slow machine. A wait stays long
// enough to be distinguished from a busy machine.
func (l *lab) faster(s *scenarios.Scenario) *scenarios.Scenario {
	const by = 100
	quick := *s
	quick.Rules = slices.Clone(s.Rules)
	for i := range quick.Rules {
		if f, ok := quick.Rules[i].Fault.(*fault.Issuer); ok { // tokens that last a hundredth are over before anybody can use them
			f := *f
			f.Delay = f.Delay / 5 * l.pace
			quick.Rules[i].Fault = &f
			continue
		}
		quick.Rules[i].Fault = shortened(reflect.ValueOf(quick.Rules[i].Fault), func(d time.Duration) time.Duration {
			short := d / by
			switch {
			case d >= 5*time.Minute:
				short = d / 2 / by
			case d >= time.Minute:
				short = window
			case d >= time.Second:
				short = max(d/by, 300*time.Millisecond)
			}
			return min(d, short*l.pace)
		}).Interface().(fault.Fault)
		switch f := quick.Rules[i].Fault.(type) {
		case *fault.Fill:
			f.Messages = min(f.Messages, 3000) // this makes the point, and spares a busy machine
		case *fault.RateLimit:
			f.Within = window * l.pace
		case *fault.Idle:
			if f.Then == fault.Mute { // soon: the robot's message comes at once
				f.For = min(f.For, time.Millisecond)
			}
		}
	}
	return &quick
}

// shortened copies settings and changes their durations.
func shortened(v reflect.Value, change func(time.Duration) time.Duration) reflect.Value {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(shortened(v.Elem(), change))
		return p
	case v.Kind() == reflect.Struct:
		out := reflect.New(v.Type()).Elem()
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() { // the rest is state
				out.Field(i).Set(shortened(v.Field(i), change))
			}
		}
		return out
	case v.Kind() == reflect.Int64 && v.Type().ConvertibleTo(reflect.TypeFor[time.Duration]()) && v.Type() != reflect.TypeFor[int64]():
		return reflect.ValueOf(change(time.Duration(v.Int()))).Convert(v.Type())
	}
	return v
}

// lab runs robots.
type lab struct {
	seed  string
	known *robot.Shapes
	pace  time.Duration // how many times longer everything takes that is timed, because the machine is busy

	mu       sync.Mutex
	controls map[string]*trial.Run
}

func newLab(t *testing.T) *lab {
	l := &lab{seed: t.TempDir(), pace: 1, known: &robot.Shapes{Learning: true}, controls: map[string]*trial.Run{}}
	for _, user := range []string{"alice", "bob"} {
		dir := filepath.Join(l.seed, user+"@example.test", "INBOX")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for i, letters := 0, 2+len(user)%2; i < letters; i++ {
			text := fmt.Sprintf("From: \"Carol\" <carol@example.test>\r\nTo: %s@example.test\r\nSubject: Letter %d\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <seed%d@example.test>\r\n\r\n%s",
				user, i, i, strings.Repeat("A line of a letter that is long enough to be cut in the middle.\r\n", 5))
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%d.eml", i)), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	patient := robot.Careful()
	patient.Patience = robot.Patience{Connect: limit, Reply: limit, Final: limit}
	took := l.run(patient, robot.Everything(), limit).Took
	if l.pace = min(max(1, took/usual), 20); l.pace > 1 {
		t.Logf("this machine is busy: everything that is timed takes %d times as long", l.pace)
	}
	return l
}

// run lets a robot do a job at a fresh rig.
func (l *lab) run(h robot.Habits, j robot.Job, limit time.Duration, list ...*scenarios.Scenario) *trial.Run {
	config := server.Config{PortOffset: "random", SeedDir: l.seed, Scenarios: list}
	if j.SignIn {
		config.HTTP, config.HTTPExact, config.Auth = "127.0.0.1:0", true, []string{"tokens"}
	}
	s, err := server.New(config)
	if err == nil {
		err = s.Start(context.Background())
	}
	if err != nil {
		return &trial.Run{Err: err}
	}
	target := robot.Target{Ports: map[int]string{}, TLS: s.ClientTLS(), Second: "bob@example.test", Issuer: s.HTTPURL()}
	target.User, target.Password = s.Credentials()
	for _, d := range s.Doors() {
		_, port, _ := net.SplitHostPort(d.Address)
		target.Ports[d.Port] = port
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	for _, d := range []*time.Duration{&h.Patience.Connect, &h.Patience.Reply, &h.Patience.Final, &h.Patience.Issuer, &h.Patience.Pause} {
		*d *= l.pace
	}
	start := time.Now()
	err = robot.Run(ctx, h, target, j)
	run := &trial.Run{Took: time.Since(start), Killed: errors.Is(err, context.DeadlineExceeded)}
	if err != nil {
		run.Status = 1
	}
	if run.Killed {
		run.Overdue = start.Add(limit)
	}
	settle(s)
	run.Sessions = s.Sessions()
	down, stop := context.WithTimeout(context.Background(), limit)
	defer stop()
	if err := s.Shutdown(down); err != nil {
		run.Err = err
	}
	return run
}

// settle waits until the rig has noticed that its clients have left.
func settle(s *server.Server) {
	deadline := time.After(limit)
	for {
		_, _, more := s.SessionsSince(0)
		if !slices.ContainsFunc(s.Sessions(), func(s *server.Session) bool { return s.End.IsZero() }) {
			return
		}
		select {
		case <-more:
		case <-deadline:
			return
		}
	}
}

// control returns what a robot does at a correct server.
func (l *lab) control(h robot.Habits, j robot.Job) *trial.Run {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := fmt.Sprint(h.Name, j)
	if l.controls[key] == nil {
		l.controls[key] = l.run(h, j, limit)
	}
	return l.controls[key]
}

// learn shows the correct server to the brittle robot.
func (l *lab) learn(j robot.Job) {
	l.known.Learning = true
	l.control(robot.Brittle(l.known), j)
	l.known.Learning = false
}

// jobFor returns what a robot must do to meet a scenario: everything that a mail program does, and more of it if the
// scenario is about quantity.
func jobFor(s *scenarios.Scenario) robot.Job {
	name := s.Name
	j := robot.Everything()
	j.InTurn = slices.ContainsFunc(s.Rules, countsAcross)
	switch {
	case strings.HasPrefix(name, "auth-oauth"):
		j.Token = true
	case s.Group == "oauth":
		j.SignIn, j.POP3, j.InTurn = true, false, true
	}
	switch name {
	case "smtp-twenty-messages-per-connection":
		j.Letters = 22
	case "smtp-three-connections", "imap-too-many-connections":
		j.Connections = 5
	case "smtp-bounces-later":
		j.Look = true
	case "imap-idle-mute", "imap-idle-tells-later", "imap-idle-goes-quiet", "imap-idle-bye":
		j.Idle = true
	}
	return j
}

// countsAcross reports whether a rule has one counter for several protocols. Which of them it hits depends on which
// comes first, and a robot that does everything at once would leave that to chance.
func countsAcross(r fault.Rule) bool {
	counts := r.Times > 0 || r.Skip > 0 || r.Per != "" || len(r.Match.Connection) > 0
	return counts && len(r.Match.Protocol) != 1 && len(r.Match.Door) != 1
}

// sample is the fraction of scenarios that is tried under the race detector: one in 8. Without the race detector all
// are tried. With it, the robots' patience would be too short.
const sample = 8

// chosen returns the scenarios to run.
func chosen(t *testing.T) (list []*scenarios.Scenario) {
	for i, s := range scenarios.All() {
		if ok, err := path.Match(*only, s.Name); err != nil {
			t.Fatal(err)
		} else if ok && (!racing || *only != "*" || i%sample == 0 && s.Name != "imap-huge-inbox") {
			list = append(list, s)
		}
	}
	return list
}

// forEach works on the chosen scenarios, several at a time: robots wait most of their time, and -parallel is about
// processors. Their patience is real time, which a busy machine uses up. So a scenario that failed in the crowd is
// tried once more, alone.
func forEach(t *testing.T, work func(*scenarios.Scenario) string) {
	t.Helper()
	list := chosen(t)
	faults := make([]string, len(list))
	slots := make(chan struct{}, atOnce())
	var wg sync.WaitGroup
	for i, s := range list {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			faults[i] = work(s)
		})
	}
	wg.Wait()
	for i, s := range list {
		if faults[i] == "" {
			continue
		}
		if again := work(s); again != "" {
			t.Errorf("%s: %s", s.Name, again)
		} else {
			t.Logf("%s is right when tried alone, and wasn't in the crowd: %s", s.Name, faults[i])
		}
	}
}

// reasons lists briefly why a robot failed.
func reasons(j trial.Judgement) string {
	var all []string
	for _, r := range j.Reasons {
		text := r.Text
		if r.Finding != nil {
			text += " [" + r.Finding.ID + "]"
		}
		all = append(all, text)
	}
	return string(j.Verdict) + ": " + strings.Join(all, "; ")
}

func dialogues(run *trial.Run) string {
	if *only == "*" {
		return ""
	}
	text := ""
	for _, s := range run.Sessions {
		text += "\n" + s.Dialogue()
	}
	return text
}

// TestRobots checks that, under every scenario, the careful robot meets what is expected and another robot doesn't.
func TestRobots(t *testing.T) {
	l := newLab(t)
	jobs := []robot.Job{robot.Everything()}
	for _, s := range chosen(t) {
		if j := jobFor(s); !slices.Contains(jobs, j) {
			jobs = append(jobs, j)
		}
	}
	for _, j := range jobs {
		l.learn(j)
		for _, h := range []robot.Habits{robot.Careful(), robot.Careless(), robot.Brittle(l.known)} {
			if c := l.control(h, j); c.Err != nil || c.Status != 0 || c.Killed {
				t.Fatalf("%s isn't up to its job at a correct server: %+v%s", h.Name, c.Err, dialogues(c))
			} else if n := len(c.Sessions); n > 9+3*j.Connections {
				t.Fatalf("%s needs %d connections at a correct server: %s", h.Name, n, dialogues(c))
			}
		}
	}
	seen := &violations{}
	forEach(t, func(s *scenarios.Scenario) string { return l.both(s, seen) })
	if *only == "*" && !racing {
		for _, s := range scenarios.All() { // as in forEach
			if !seen.all(s) {
				l.both(s, seen)
			}
		}
		seen.check(t)
	}
}

// both judges the robots under a scenario and returns what is wrong with the scenario.
func (l *lab) both(s *scenarios.Scenario, seen *violations) string {
	quick, job, sooner := l.faster(s), jobFor(s), sooner*l.pace
	run := l.run(robot.Careful(), job, limit, quick)
	if j := trial.Judge(quick, l.control(robot.Careful(), job), run, trial.Terms{Limit: limit}); j.Verdict != trial.Pass {
		return "the careful robot: " + reasons(j) + dialogues(run)
	}
	seen.met(s)
	var tries []string
	byForbid := len(s.Expect.Forbid) == 0
	failed := false
	for _, h := range []robot.Habits{robot.Careless(), robot.Brittle(l.known), robot.Stubborn()} {
		like := h
		if h.Name == "stubborn" {
			like = robot.Careless() // a robot that does the same, in a hurry
		}
		run := l.run(h, job, sooner, quick)
		j := trial.Judge(quick, l.control(like, job), run, trial.Terms{Limit: sooner})
		tries = append(tries, fmt.Sprintf("%s (%v): %s%s", h.Name, run.Took.Round(time.Millisecond), reasons(j), dialogues(run)))
		failed = failed || j.Verdict == trial.Fail
		for _, r := range j.Reasons {
			byForbid = byForbid || j.Verdict == trial.Fail && r.Finding != nil && slices.Contains(s.Expect.Forbid, r.Finding.ID)
		}
		seen.broken(s, j)
		if failed && byForbid && seen.all(s) {
			return ""
		}
	}
	if failed && byForbid {
		return ""
	}
	if !failed {
		return "no robot can be told from one at a correct server:\n" + strings.Join(tries, "\n")
	}
	return "no robot does what it forbids:\n" + strings.Join(tries, "\n")
}

// violations are the expectations that robots have kept and broken.
type violations struct {
	mu           sync.Mutex
	kept, lapsed map[string]string // id -> a scenario
}

func (v *violations) met(s *scenarios.Scenario) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.kept == nil {
		v.kept, v.lapsed = map[string]string{}, map[string]string{}
	}
	for _, id := range slices.Concat(s.Expect.Require, s.Expect.Forbid) {
		v.kept[id] = s.Name
	}
}

func (v *violations) broken(s *scenarios.Scenario, j trial.Judgement) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, r := range j.Reasons {
		if j.Verdict == trial.Fail && r.Expectation != "" {
			v.lapsed[r.Expectation] = s.Name
		}
	}
}

// all reports whether robots have broken each of a scenario's expectations, here or elsewhere.
func (v *violations) all(s *scenarios.Scenario) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return !slices.ContainsFunc(slices.Concat(s.Expect.Require, s.Expect.Forbid), func(id string) bool { return v.lapsed[id] == "" })
}

// check requires that every expectation in the catalogue can be kept and broken.
func (v *violations) check(t *testing.T) {
	for _, s := range scenarios.All() {
		for _, id := range slices.Concat(s.Expect.Require, s.Expect.Forbid) {
			if v.kept[id] == "" {
				t.Errorf("%s expects %s, which the careful robot never kept", s.Name, id)
			}
			if v.lapsed[id] == "" {
				t.Errorf("%s expects %s, which no robot ever broke", s.Name, id)
			}
		}
	}
}
