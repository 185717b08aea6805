package trial

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

// The test binary itself is the client in its trials.
func TestMain(m *testing.M) {
	if mode := os.Getenv("TRIAL_CLIENT"); mode != "" {
		os.Exit(client(mode))
	}
	os.Exit(m.Run())
}

// client connects to door 25 and does what the mode says. exit:N exits with N. gather:N:DIR waits under a scenario
// until N clients have come to a directory. many:N connects N more times.
func client(mode string) int {
	conn, err := net.Dial("tcp", os.Getenv("DOOR25"))
	if err == nil {
		_, err = bufio.NewReader(conn).ReadString('\n')
		fmt.Fprint(conn, "EHLO client\r\nQUIT\r\n")
		defer conn.Close()
	}
	if os.Getenv("SCENARIO") == "" {
		if err != nil {
			fmt.Println(err)
			return 1
		}
		return 0
	}
	what, rest, _ := strings.Cut(mode, ":")
	number, dir, _ := strings.Cut(rest, ":")
	n, _ := strconv.Atoi(number)
	switch what {
	case "exit":
		return n
	case "many":
		for range n {
			c, err := net.Dial("tcp", os.Getenv("DOOR25"))
			if err != nil {
				return 8
			}
			if _, err := bufio.NewReader(c).ReadString('\n'); err != nil {
				return 7
			}
			c.Close()
		}
		return 0
	case "gather":
		mine := filepath.Join(dir, os.Getenv("SCENARIO"))
		if os.WriteFile(mine, nil, 0o600) != nil {
			return 9
		}
		for {
			there, err := os.ReadDir(dir)
			switch {
			case err != nil:
				return 9
			case len(there) >= n:
				return 0
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	return 9
}

func newTrial(t *testing.T, mode string, names ...string) *Trial {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tr := &Trial{Path: self, Args: []string{"client"}, Timeout: soonTimeout, Rig: server.Config{CADir: filepath.Join(t.TempDir(), "ca"), Version: "test"}}
	for _, n := range names {
		tr.Scenarios = append(tr.Scenarios, find(t, n))
	}
	tr.Environ = func(srv *server.Server) []string {
		env := append(os.Environ(), "TRIAL_CLIENT="+mode, "SCENARIO="+strings.Join(srv.Active(), ","))
		for _, d := range srv.Doors() {
			if d.Port == 25 && strings.HasPrefix(d.Address, "127.") {
				env = append(env, "DOOR25="+d.Address)
			}
		}
		return env
	}
	return tr
}

// soonTimeout is more than any client here needs.
const soonTimeout = 2 * time.Minute

// names lists scenarios that might do something at door 25, and that never affect a client which sends no mail.
func names(n int) (list []string) {
	harmless := func(r fault.Rule) bool {
		return slices.Equal(r.Match.Command, []string{"RCPT"}) || slices.Equal(r.Match.Command, []string{"DATA", "BDAT"})
	}
	for _, s := range scenarios.All() {
		if s.Group == "smtp" && !slices.ContainsFunc(s.Rules, func(r fault.Rule) bool { return !harmless(r) }) && len(list) < n {
			list = append(list, s.Name)
		}
	}
	return list
}

// TestUntouched checks that a scenario that can't affect the client isn't run.
func TestUntouched(t *testing.T) {
	t.Parallel()
	r, err := newTrial(t, "exit:0", "pop3-locked").Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if x := r.Results[0]; x.Verdict != NotExercised || x.Status != -1 || len(x.Sessions) != 0 || !strings.Contains(x.Reasons[0].Text, "didn't run the command") {
		t.Errorf("%+v", x)
	}
}

// TestWhoWaitsMakesPlace checks that there are more runs at a time than places if all of them wait.
func TestWhoWaitsMakesPlace(t *testing.T) {
	t.Parallel()
	n := placesPerCore*runtime.GOMAXPROCS(0) + 3
	if most := mostPerCore * runtime.GOMAXPROCS(0); n > most {
		t.Skip("too few cores")
	}
	list := names(n)
	tr := newTrial(t, fmt.Sprintf("gather:%d:%s", len(list), t.TempDir()), list...)
	var told atomic.Int32
	tr.OnResult = func(r *Result, left int) {
		if got := int(told.Add(1)); left != len(list)-got {
			t.Errorf("%d told, %d left", got, left)
		}
	}
	r, err := tr.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if r.Control.Problem != "" || r.Interrupted || int(told.Load()) != len(list) {
		t.Fatalf("%+v, told %d", r.Control, told.Load())
	}
	var got []string
	for _, x := range r.Results {
		got = append(got, x.Scenario)
		if x.Verdict != NotExercised || x.Status != 0 || len(x.Sessions) != 1 {
			t.Errorf("%s: %s, status %d, %v", x.Scenario, x.Verdict, x.Status, x.Reasons)
		}
	}
	if !slices.Equal(got, list) {
		t.Errorf("in the order %v, want %v", got, list)
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	list := names(3)
	tr := newTrial(t, "exit:0", list...)
	tr.Jobs = 1
	tr.OnResult = func(*Result, int) { cancel() } // after the first result
	r, err := tr.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Interrupted || len(r.Results) != len(list) || !r.Negative() {
		t.Fatalf("%+v", r)
	}
	if last := r.Results[2]; last.Verdict != CouldNotRun || last.Scenario != list[2] || !strings.Contains(last.Reasons[0].Text, "interrupted") {
		t.Errorf("%+v", last)
	}
	if n := r.Counts.CouldNotRun; n != 2 {
		t.Errorf("%d could not run, want 2", n)
	}
}

func TestTrialThatCannotBegin(t *testing.T) {
	t.Parallel()
	tr := newTrial(t, "exit:0", "greylisting")
	tr.Path = t.TempDir()
	if _, err := tr.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "can't run client") {
		t.Errorf("%v", err)
	}
	tr = newTrial(t, "exit:0")
	if _, err := tr.Run(t.Context()); err == nil {
		t.Error("a trial of nothing")
	}
	tr = newTrial(t, "exit:0", "greylisting")
	tr.Rig.Domain = "no domain"
	if _, err := tr.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "isn't a domain") {
		t.Errorf("%v", err)
	}
}

func TestDefaultMail(t *testing.T) {
	t.Parallel()
	users := []server.User{{Name: "carol", Password: "x"}, {Name: "dave@other.example", Password: "x"}}
	srv, err := server.New(server.Config{Users: users})
	if err != nil {
		t.Fatal(err)
	}
	if err := defaultMail(srv, users); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{"carol@example.test", "dave@other.example"} {
		mail, err := srv.MailIn(t.Context(), address, "INBOX")
		if err != nil {
			t.Fatal(err)
		}
		if n := len(mail); n != len(messages) {
			t.Errorf("%s has %d messages, want %d", address, n, len(messages))
		}
	}
}

// TestForgottenSessions checks that a client with more sessions than are kept doesn't pass because of that.
func TestForgottenSessions(t *testing.T) {
	t.Parallel()
	tr := newTrial(t, fmt.Sprintf("many:%d", keptSessions), "cert-expired")
	r, err := tr.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if x := r.Results[0]; x.Verdict != CouldNotRun || !strings.Contains(x.Reasons[0].Text, fmt.Sprintf("connected %d times", keptSessions+1)) {
		t.Errorf("%s: %v", x.Verdict, x.Reasons)
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	if d := differences(&Run{}, &Run{}); len(d) > 0 {
		t.Errorf("%v", d)
	}
	if d := differences(&Run{}, &Run{Status: 1}); len(d) != 1 || !strings.Contains(d[0], "exit status 0 and 1") {
		t.Errorf("%v", d)
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	if got, want := Quote([]string{"./a", "", "b c", "it's", "$X"}), `./a '' 'b c' 'it'\''s' '$X'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// BenchmarkRig measures the cost of a fresh rig that shares its CA.
func BenchmarkRig(b *testing.B) {
	ca := filepath.Join(b.TempDir(), "ca")
	for b.Loop() {
		s, err := server.New(server.Config{PortOffset: "random", HTTP: "127.0.0.1:0", CADir: ca})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Start(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := s.Shutdown(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
