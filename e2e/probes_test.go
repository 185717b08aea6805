package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/scenarios"
)

// A probe is a real client at work under one scenario of the catalogue. Probes are in the files of testdata/probes.
// Empty lines separate them, and
// # begins a comment line.
//
//	scenario: cert-expired
//	needs: curl
//	run: curl -sS imaps://localhost:$MAILRIG_PORT_993
//	exit: 60
//	shows: certificate has expired
//
// "run" goes to sh -c, inside mailrig run; its further lines begin with " ". It has the variables of mailrig run, MSG
// (a file with a small message) and PROBES (this folder, for scripts). alice@example.test has three messages in INBOX
// (testdata/seed). "exit" is the client's status. "shows" and "hides" are regular expressions for what it prints, and
// may be repeated. "flags" go to mailrig run. "platform: linux" restricts it to Linux.
//
// Each probe runs a second time without the scenario, and must then give another result: a scenario that no client can
// tell from a correct server is worth nothing.
type probe struct {
	where    string
	scenario string
	needs    []string
	run      string
	exit     int
	shows    []*regexp.Regexp
	hides    []*regexp.Regexp
	flags    []string
	linux    bool
}

func TestProbes(t *testing.T) {
	t.Parallel()
	probes := readProbes(t)
	probed := map[string]bool{}
	for i, p := range probes {
		probed[p.scenario] = true
		if testing.Short() && i%shortSample != 0 {
			continue
		}
		t.Run(p.scenario, func(t *testing.T) {
			t.Parallel()
			p.play(t)
		})
	}
	for _, s := range scenarios.All() {
		if !probed[s.Name] {
			t.Errorf("no probe shows what a client makes of %s: add one to testdata/probes/%s.txt", s.Name, s.Group)
		}
	}
}

func (p *probe) play(t *testing.T) {
	for _, program := range p.needs {
		if program == "node" {
			needNode(t, "nodemailer", "imapflow")
		} else {
			need(t, program)
		}
	}
	if p.linux && runtime.GOOS != "linux" {
		t.Skip("this needs Linux")
	}
	with := p.once(t, p.scenario)
	if wrong := p.wrong(with); wrong != "" {
		t.Errorf("%s: with %s: %s\n%s%s", p.where, p.scenario, wrong, with.out, with.err)
	}
	without := p.once(t, "")
	if p.wrong(without) == "" {
		t.Errorf("%s: without %s the client sees the same\n%s%s", p.where, p.scenario, without.out, without.err)
	}
}

// once runs the client, with a scenario or without one.
func (p *probe) once(t *testing.T, scenario string) result {
	t.Helper()
	folder, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"run", "--quiet", "--seed", filepath.Join(folder, "seed")}
	if scenario != "" {
		args = append(args, "--scenario", scenario)
	}
	args = append(append(args, p.flags...), "--", "sh", "-c", p.run)
	return execute(t, invocation{program: binary, args: args, limit: 60 * time.Second, env: []string{
		"PROBES=" + filepath.Join(folder, "probes"), "MSG=" + filepath.Join(folder, "probes", "message.eml"),
	}})
}

// wrong says what differs from the probe, or returns "".
func (p *probe) wrong(r result) string {
	said := r.out + r.err
	if r.code != p.exit {
		return fmt.Sprintf("the client ended with %d, want %d", r.code, p.exit)
	}
	for _, re := range p.shows {
		if !re.MatchString(said) {
			return fmt.Sprintf("the client doesn't show %q", re)
		}
	}
	for _, re := range p.hides {
		if re.MatchString(said) {
			return fmt.Sprintf("the client shows %q", re)
		}
	}
	return ""
}

func readProbes(t *testing.T) (all []*probe) {
	t.Helper()
	files, err := filepath.Glob("testdata/probes/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no probes: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var p *probe
		for i, line := range strings.Split(string(data)+"\n", "\n") {
			where := fmt.Sprintf("%s:%d", file, i+1)
			key, value, _ := strings.Cut(line, ": ")
			switch {
			case strings.HasPrefix(line, "#"):
			case line == "":
				if p != nil {
					all = append(all, p)
				}
				p = nil
			case strings.HasPrefix(line, "  ") && p != nil:
				p.run += "\n" + strings.TrimPrefix(line, "  ")
			default:
				if p == nil {
					p = &probe{where: where}
				}
				if err := p.set(key, strings.TrimSpace(value)); err != nil {
					t.Fatalf("%s: %v", where, err)
				}
			}
		}
	}
	for _, p := range all {
		if p.scenario == "" || p.run == "" || len(p.needs) == 0 {
			t.Fatalf("%s: a probe needs scenario, needs and run", p.where)
		}
	}
	return all
}

func (p *probe) set(key, value string) (err error) {
	switch strings.TrimSuffix(key, ":") {
	case "scenario":
		p.scenario = value
	case "needs":
		p.needs = strings.Fields(value)
	case "run":
		p.run = value
	case "flags":
		p.flags = strings.Fields(value)
	case "platform":
		p.linux = value == "linux"
	case "exit":
		p.exit, err = strconv.Atoi(value)
	case "shows", "hides":
		var re *regexp.Regexp
		if re, err = regexp.Compile(value); key == "shows" {
			p.shows = append(p.shows, re)
		} else {
			p.hides = append(p.hides, re)
		}
	default:
		err = fmt.Errorf("unknown key %q", key)
	}
	return err
}
