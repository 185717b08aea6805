// Command clients tries real mail clients against the catalogue with mailrig trial, and stores the results in
// verdicts.txt, docs/clients.md and docs/clients. Run it in the root of the project:
//
//	go run ./e2e/clients -update           # all clients, all scenarios; some minutes
//	go run ./e2e/clients -scenario cert-*  # some scenarios; reports what differs from what is stored
//	go run ./e2e/clients -render           # makes only the page again, from verdicts.txt
//	go run ./e2e/clients -words            # stores only what the clients said
//
// What the clients say when they fail goes to testdata/words.jsonl, with which internal/explain is measured.
//
// clients.txt lists the clients. notes.txt explains surprising verdicts. A verdict that differs from the stored one is
// checked once more before it counts, because a machine may be slow. To add a client, add it to clients.txt and run the
// command with -update.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/trial"
)

const (
	folder   = "e2e/clients"
	kept     = folder + "/verdicts.txt"
	notes    = folder + "/notes.txt"
	words    = folder + "/testdata/words.jsonl"
	page     = "docs/clients.md"
	runLimit = "20s" // of one run of a client
)

func main() {
	var o options
	flag.BoolVar(&o.update, "update", false, "keep what is found")
	flag.BoolVar(&o.render, "render", false, "only write the page from what is kept")
	flag.BoolVar(&o.words, "words", false, "keep only what the clients say, and no verdicts")
	flag.StringVar(&o.scenarios, "scenario", "", "only these, as mailrig trial takes them; default all")
	flag.StringVar(&o.clients, "client", "", "only clients with this in their name")
	flag.IntVar(&o.jobs, "jobs", 2, "try this many clients at a time")
	flag.Parse()
	o.jobs = max(1, o.jobs)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := o.run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "clients: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	update, render     bool
	words              bool
	said               []Words
	scenarios, clients string
	jobs               int
}

func (o *options) run(ctx context.Context) error {
	clients, err := readClients(folder + "/clients.txt")
	if err != nil {
		return err
	}
	all, err := readVerdicts(kept, clients)
	if errors.Is(err, os.ErrNotExist) && o.update {
		all = &Verdicts{}
	} else if err != nil {
		return err
	}
	if o.render {
		return o.write(clients, all)
	}
	if o.said, err = readWords(words); err != nil {
		return err
	}
	b, err := prepare(ctx)
	if err != nil {
		return err
	}
	defer b.remove()
	var (
		mu     sync.Mutex // of all, said, differ, errs and standard output
		differ []string
		errs   []error
		turns  = make(chan struct{}, o.jobs)
		wg     sync.WaitGroup
	)
	for _, c := range clients {
		if !strings.Contains(c.Name, o.clients) {
			continue
		}
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			found, err := o.one(ctx, b, c, all, &mu)
			mu.Lock()
			defer mu.Unlock()
			differ = append(differ, found...)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", c.Name, err))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if o.update || o.words {
		text, err := wordsText(o.said, clients)
		if err == nil {
			err = os.WriteFile(words, text, 0o644)
		}
		if err != nil || o.words {
			return err
		}
		return o.write(clients, all)
	}
	if len(differ) > 0 {
		return fmt.Errorf("these differ from %s:\n%s\nif they are right, keep them with -update, and say why in the commit", kept, strings.Join(differ, "\n"))
	}
	fmt.Println("all as kept")
	return nil
}

// one tries a client, and returns what differs from what is stored.
func (o *options) one(ctx context.Context, b *bench, c Client, all *Verdicts, mu *sync.Mutex) (differ []string, err error) {
	began := time.Now()
	report, err := b.try(ctx, c, o.scenarios)
	if err != nil {
		return nil, err
	}
	mu.Lock()
	fmt.Printf("%-50s %3d pass %3d fail %3d not exercised %3d could not run  %s\n", c.Name, report.Counts.Pass, report.Counts.Fail,
		report.Counts.NotExercised, report.Counts.CouldNotRun, time.Since(began).Round(time.Second))
	again := all.differing(c, report)
	if o.update || o.words {
		o.said = keepWords(o.said, c, report)
		again = nil
	}
	if o.update {
		all.keep(c, report)
	}
	mu.Unlock()
	if len(again) == 0 {
		return nil, nil
	}
	if report, err = b.try(ctx, c, strings.Join(again, ",")); err != nil {
		return nil, err
	}
	for _, name := range all.differing(c, report) {
		differ = append(differ, fmt.Sprintf("%s × %s: %s, and %s is kept", c.Name, name, describe(report, name), all.of(c, name)))
	}
	return differ, nil
}

func describe(report *trial.Report, scenario string) string {
	i := slices.IndexFunc(report.Results, func(r trial.Result) bool { return r.Scenario == scenario })
	if i < 0 {
		return "nothing"
	}
	return cell(&report.Results[i]).String()
}

func (o *options) write(clients []Client, all *Verdicts) error {
	if !o.render {
		if err := os.WriteFile(kept, all.text(clients), 0o644); err != nil {
			return err
		}
	}
	remarks, err := os.ReadFile(notes)
	if err != nil {
		return err
	}
	return writePages(pages(clients, all, string(remarks)))
}
