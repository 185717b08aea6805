package main

import (
	"bufio"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

const (
	// sampleEvery says that the test tries one in so many of the cells of installed, and sampleFrom where it begins.
	sampleEvery, sampleFrom = 41, 7
	// leastRight is how many of the wrong settings must get the right explanation, in percent.
	leastRight = 85
	// known lists cells in which a finding is known to be wrong, one a line.
	known = folder + "/known.txt"
)

// installed are the programs that CI has. The other ones are left out everywhere, so that each machine tries the same cells.
var installed = []string{
	"curl", "swaks", "openssl s_client", "msmtp", "mbsync", "NeoMutt", "fetchmail", "Python smtplib, imaplib, poplib", "nodemailer", "imapflow",
	"Go net/smtp", "Go go-imap", "curl for the web", "Python urllib", "Node fetch",
}

// TestSample sets up some of the programs wrongly, and checks that mailrig says nothing wrong about them: no cell may be worse
// than it is known to be, and who mends one must take it from the list. go run ./e2e/settings tries all.
func TestSample(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short: make e2e-all runs it")
	}
	t.Chdir("../..")
	programs, err := readPrograms(folder + "/programs.txt")
	if err != nil {
		t.Fatal(err)
	}
	kept := readKnown(t)
	var sample []*cell
	for i, c := range cellsOf(slices.DeleteFunc(programs, func(p *program) bool { return !slices.Contains(installed, p.name) })) {
		if i%sampleEvery == sampleFrom || slices.Contains(kept, c.String()) {
			sample = append(sample, c)
		}
	}
	if len(sample) < 30 || len(names(sample)) < len(installed)*2/3 {
		t.Fatalf("the sample has %d cells of %q, which is too few to show anything", len(sample), names(sample))
	}
	b, err := newBench(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.remove)
	turns := make(chan struct{}, 8) // most of the time they wait
	var mu sync.Mutex
	var tried []*cell
	t.Run("cells", func(t *testing.T) {
		for _, c := range sample {
			t.Run(c.String(), func(t *testing.T) {
				t.Parallel()
				if missing := c.program.missing(); missing != nil {
					if os.Getenv("CI") == "true" {
						t.Fatalf("%s isn't installed, and with CI=true nothing may be left out", strings.Join(missing, ", "))
					}
					t.Skipf("%s isn't installed: this program isn't tried here", strings.Join(missing, ", "))
				}
				turns <- struct{}{}
				defer func() { <-turns }()
				if err := b.try(t.Context(), c); err != nil {
					t.Fatal(err)
				}
				switch is, listed := c.grade == wrong || c.grade == falseError, slices.Contains(kept, c.String()); {
				case c.grade == broken:
					t.Errorf("the program didn't do what it is set to:\n%s", c.details())
				case is && !listed:
					t.Errorf("what is said is wrong:\n%s", c.details())
				case !is && listed:
					t.Errorf("nothing wrong is said any more: take it from %s\n%s", known, c.details())
				}
				mu.Lock()
				defer mu.Unlock()
				tried = append(tried, c)
			})
		}
	})
	all, _ := scores(tried)
	t.Log(summary(tried))
	if all[not]*4 > len(tried) {
		t.Errorf("%d of %d programs never connected", all[not], len(tried))
	}
	if all.wrongs() > 0 && all.share(right) < leastRight {
		for _, c := range failing(tried) {
			t.Log(c.details())
		}
		t.Errorf("%.1f %% are right, want %d %%", all.share(right), leastRight)
	}
}

// readKnown reads the list of known wrong cells.
func readKnown(t *testing.T) (all []string) {
	t.Helper()
	f, err := os.Open(known)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if line := lines.Text(); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
