package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/mailrig/mailrig/internal/trial"
)

// progress shows how far a trial is. On a terminal this is a bar; elsewhere it is a line for each failure (with
// verbose, for each scenario).
type progress struct {
	w        io.Writer
	terminal bool
	verbose  bool
	all      int
	began    time.Time

	mu     sync.Mutex
	done   int
	failed int

	stopping chan struct{}
	stopped  chan struct{}
}

// terminal says that w is a terminal on which a bar can be drawn.
func newProgress(w io.Writer, terminal bool, all int, verbose bool) *progress {
	return &progress{w: w, terminal: terminal, verbose: verbose, all: all, began: time.Now(),
		stopping: make(chan struct{}), stopped: make(chan struct{})}
}

// start keeps the bar's clock running.
func (p *progress) start() {
	go func() {
		defer close(p.stopped)
		if !p.terminal {
			return
		}
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			p.mu.Lock()
			p.draw()
			p.mu.Unlock()
			select {
			case <-tick.C:
			case <-p.stopping:
				return
			}
		}
	}()
}

func (p *progress) stop() {
	close(p.stopping)
	<-p.stopped
	p.clear()
}

// result is a trial's OnResult.
func (p *progress) result(r *trial.Result, left int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done = p.all - left
	if r.Against() {
		p.failed++
	}
	if r.Against() || p.verbose {
		p.clear()
		text := ""
		if len(r.Reasons) > 0 {
			text = ": " + r.Reasons[0].Line()
		}
		fmt.Fprintf(p.w, "%s %s%s\n", verdictWord(r), printableLine(r.Scenario), printableLine(text))
	}
	p.draw()
}

func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.w, clearLine)
	}
}

const barWidth = 30

func (p *progress) draw() {
	if !p.terminal {
		return
	}
	full := barWidth * p.done / max(p.all, 1)
	what := fmt.Sprintf("%d of %d", p.done, p.all)
	if p.done == 0 {
		what = "control run, then " + fmt.Sprint(p.all)
	}
	if p.failed > 0 {
		what += fmt.Sprintf(", %d failed", p.failed)
	}
	fmt.Fprintf(p.w, "%s[%s%s] %s, %s", clearLine, strings.Repeat("#", full), strings.Repeat(".", barWidth-full), what, time.Since(p.began).Round(time.Second))
}

// verdictWord returns a verdict as the table shows it.
func verdictWord(r *trial.Result) string {
	switch {
	case r.Known:
		return "known failure"
	case r.Verdict == trial.NotExercised:
		return "not exercised"
	case r.Verdict == trial.CouldNotRun:
		return "could not run"
	}
	return string(r.Verdict)
}

// writeTrial writes what people see at the end: the counts, a score for each group, then what is wrong and why, with the
// most harm first, then what wasn't exercised. columns is the width of the terminal; 0 means that w is none.
func writeTrial(w io.Writer, r *trial.Report, colours bool, columns int) error {
	var b bytes.Buffer
	paint := func(c colour, text string) string {
		if !colours {
			return text
		}
		return c.paint(text)
	}
	c := r.Counts
	plural := "s"
	if len(r.Results) == 1 {
		plural = ""
	}
	fmt.Fprintf(&b, "%d scenario%s in %s: %s, %s, %d not exercised, %d could not run\n", len(r.Results), plural, r.Took.Round(100*time.Millisecond),
		paint(green, fmt.Sprintf("%d passed", c.Pass)), paint(red, fmt.Sprintf("%d failed", c.Fail)), c.NotExercised, c.CouldNotRun)
	if c.Known > 0 {
		fmt.Fprintf(&b, "Known failures: %d (listed in %s)\n", c.Known, printableLine(r.Baseline))
	}
	for _, warning := range r.Control.Warnings {
		fmt.Fprintf(&b, "%s %s\n", paint(yellow, "warning:"), folded(printableLine(warning), 9, columns))
	}
	writeScores(&b, r.Scores(), paint)
	width := 0
	for _, x := range r.Results {
		if x.Verdict != trial.Pass && x.Verdict != trial.NotExercised {
			width = max(width, utf8.RuneCountInString(printableLine(x.Scenario)))
		}
	}
	for _, cause := range append(r.Causes(), r.Known()...) {
		if len(cause.Results) > 1 {
			fmt.Fprintf(&b, "%s\n", folded(printableLine(fmt.Sprintf("%d scenarios: %s", len(cause.Results), cause.Text)), 0, columns))
		}
		for _, x := range cause.Results {
			word := verdictWord(x)
			head := paint(verdictColours[word], fmt.Sprintf("%-13s", word)) + fmt.Sprintf("  %-*s", width, printableLine(x.Scenario))
			for _, why := range x.Reasons {
				line := printableLine(why.Line())
				if columns > 0 && columns-17-width < leastText { // below the name, then
					if head != "" {
						fmt.Fprintln(&b, strings.TrimRight(head, " "))
					}
					fmt.Fprintf(&b, "    %s\n", folded(line, 4, columns))
					head = ""
					continue
				}
				fmt.Fprintf(&b, "%s  %s\n", head, folded(line, 17+width, columns))
				head = strings.Repeat(" ", 15+width)
			}
		}
		if cause.Advice != "" {
			fmt.Fprintf(&b, "%s %s\n", paint(cyan, "advice:"), folded(printableLine(cause.Advice), 8, columns))
		}
	}
	list := 100
	if columns > 0 {
		list = columns
	}
	for _, cause := range r.Unexercised() {
		head := "not exercised"
		if cause.Text != "" {
			head += " (" + strings.TrimPrefix(cause.Text, "the scenario told us nothing about this client: ") + ")"
		}
		names := make([]string, len(cause.Results))
		for i, x := range cause.Results {
			names[i] = x.Scenario
		}
		wrapped(&b, folded(printableLine(head), 0, columns), names, list)
	}
	for _, x := range r.Results {
		if x.Group == "" && len(x.Idle) > 0 { // those of the catalogue have rules for clients of all kinds
			fmt.Fprintf(&b, "%s\n", folded(printableLine(fmt.Sprintf("never acted, in %s: %s", x.Scenario, few(x.Idle))), 0, columns))
		}
	}
	if len(r.Fixed) > 0 {
		wrapped(&b, "passes now, so remove from "+printableLine(r.Baseline), r.Fixed, list)
	}
	if len(r.Unknown) > 0 {
		wrapped(&b, "not the name of a scenario, in "+printableLine(r.Baseline), r.Unknown, list)
	}
	_, err := b.WriteTo(w)
	return err
}

// leastText is how many columns the text of a reason gets beside its scenario, at least.
const leastText = 30

var verdictColours = map[string]colour{"fail": red, "could not run": magenta, "known failure": yellow}

// scoreWidth is the length of the bar of a full score.
const scoreWidth = 20

// writeScores writes a bar for each group in which anything was judged. One group needs none: the counts say it all.
func writeScores(w io.Writer, scores []trial.Score, paint func(colour, string) string) {
	if len(scores) < 2 {
		return
	}
	width := 0
	for _, s := range scores {
		width = max(width, len(s.Group))
	}
	for _, s := range scores {
		if s.Judged() > 0 {
			full := scoreWidth * s.Pass / s.Judged()
			fmt.Fprintf(w, "%-*s  %s%s  %d of %d passed\n", width, printableLine(s.Group),
				paint(green, strings.Repeat("#", full)), paint(red, strings.Repeat(".", scoreWidth-full)), s.Pass, s.Judged())
		}
	}
}

// folded breaks a text that begins in column indent, so that it fits into columns. 0 columns means no limit. What
// doesn't fit into the rest of the terminal at all isn't broken.
func folded(text string, indent, columns int) string {
	if columns-indent < 20 {
		return text
	}
	var b strings.Builder
	at := indent
	for i, word := range strings.Fields(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case at+1+n > columns:
			b.WriteString("\n" + strings.Repeat(" ", indent))
			at = indent
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += n
	}
	return b.String()
}

// wrapped writes names below a head, as many on a line as fit.
func wrapped(w io.Writer, head string, names []string, columns int) {
	if len(names) == 0 {
		return
	}
	fmt.Fprintf(w, "%s:", head)
	at := len(head) - 1 - strings.LastIndexByte(head, '\n') + 1
	for i, name := range names {
		name = printableLine(name)
		if i < len(names)-1 {
			name += ","
		}
		if at+1+len(name) > columns {
			fmt.Fprint(w, "\n ")
			at = 1
		}
		fmt.Fprint(w, " ", name)
		at += 1 + len(name)
	}
	fmt.Fprintln(w)
}
