// Command settings sets up real mail programs wrongly and grades what mailrig says about it. Run it in the root of the
// project:
//
//	go run ./e2e/settings                    # all programs, all mistakes; prints the score; some minutes
//	go run ./e2e/settings -update            # writes the score to docs/accuracy.md too
//	go run ./e2e/settings -program curl -v   # one program, with all that was said
//	go run ./e2e/settings -every 10          # each tenth cell
//
// programs.txt lists the programs, cases.go the mistakes, and want.go says how a cell is graded. The rules know the settings
// and nothing of how package diagnose works. To add a program, add it to programs.txt, with a script that reads its
// settings from the environment (run.go). To add a mistake, add it to cases.go.
//
// It exits with status 1 if a finding is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	folder = "e2e/settings"
	doc    = "docs/accuracy.md"
)

type options struct {
	program, kind, match string
	every, jobs          int
	from                 []int
	update, verbose      bool
}

func main() {
	var o options
	flag.StringVar(&o.program, "program", "", "only programs with this in their name")
	flag.StringVar(&o.kind, "kind", "", "only mistakes with this in the name of their kind")
	flag.StringVar(&o.match, "match", "", "only cells with this in their description")
	flag.IntVar(&o.every, "every", 1, "only each `N`th cell")
	flag.Func("from", "with -every: leave out this many cells first; several numbers with commas between them are as many slices", o.setFrom)
	flag.IntVar(&o.jobs, "jobs", 4, "try this many cells at a time; most of the time they wait")
	flag.BoolVar(&o.update, "update", false, "write the score to "+doc)
	flag.BoolVar(&o.verbose, "v", false, "show all about each cell, not only about those that aren't right")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "settings: %v\n", err)
		os.Exit(1)
	}
}

func (o *options) run(ctx context.Context) error {
	programs, err := readPrograms(folder + "/programs.txt")
	if err != nil {
		return err
	}
	cells := o.choose(programs)
	b, err := newBench(ctx, folder)
	if err != nil {
		return err
	}
	defer b.remove()
	if err := tryAll(ctx, b, cells, o.jobs); err != nil {
		return err
	}
	for _, c := range cells {
		if o.verbose {
			fmt.Println(c.details())
		}
	}
	for _, c := range failing(cells) {
		if !o.verbose {
			fmt.Println(c.details())
		}
	}
	fmt.Print(summary(cells))
	if o.update {
		if err := os.WriteFile(doc, []byte(page(cells, o.command(), time.Now().Format(time.DateOnly))), 0o644); err != nil {
			return err
		}
	}
	if all, _ := scores(cells); all[wrong]+all[falseError] > 0 {
		return errors.New("some findings are wrong")
	}
	return nil
}

// choose makes the cells that were asked for. It says which programs are missing.
func (o *options) choose(programs []*program) (cells []*cell) {
	here := slices.DeleteFunc(programs, func(p *program) bool {
		if !strings.Contains(p.name, o.program) {
			return true
		}
		missing := p.missing()
		if missing != nil {
			fmt.Fprintf(os.Stderr, "settings: %s is left out: %s isn't installed\n", p.name, strings.Join(missing, ", "))
		}
		return missing != nil
	})
	n := 0
	for _, c := range cellsOf(here) {
		if !strings.Contains(c.wrongly.kind, o.kind) || !strings.Contains(c.String(), o.match) {
			continue
		}
		if o.chosen(n) {
			cells = append(cells, c)
		}
		n++
	}
	return cells
}

// setFrom reads the numbers of -from.
func (o *options) setFrom(list string) error {
	o.from = nil
	for number := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		o.from = append(o.from, n)
	}
	return nil
}

// chosen reports whether -every and -from take the cell with this number, from 0.
func (o *options) chosen(number int) bool {
	if o.from == nil {
		return number%max(1, o.every) == 0
	}
	return slices.ContainsFunc(o.from, func(from int) bool { return number >= from && (number-from)%max(1, o.every) == 0 })
}

// cellsOf makes a cell of each program and each mistake that it can make.
func cellsOf(programs []*program) (cells []*cell) {
	list := cases()
	for _, p := range programs {
		for i := range list {
			if p.can(&list[i].account) {
				cells = append(cells, &cell{program: p, wrongly: &list[i]})
			}
		}
	}
	return cells
}

// command is what a person types to measure the same again.
func (o *options) command() string {
	text := "go run ./" + folder
	for _, flag := range []struct{ name, value string }{{"program", o.program}, {"kind", o.kind}, {"match", o.match}} {
		if flag.value != "" {
			text += fmt.Sprintf(" -%s '%s'", flag.name, flag.value)
		}
	}
	if o.every > 1 {
		text += fmt.Sprintf(" -every %d", o.every)
	}
	if o.from != nil {
		text += " -from " + strings.ReplaceAll(strings.Trim(fmt.Sprint(o.from), "[]"), " ", ",")
	}
	return text + " -update"
}

// tryAll tries cells, some at a time.
func tryAll(ctx context.Context, b *bench, cells []*cell, jobs int) error {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex // of errs
		errs  []error
		turns = make(chan struct{}, max(1, jobs))
	)
	for _, c := range cells {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			if err := b.try(ctx, c); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("%s: %w", c, err))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
