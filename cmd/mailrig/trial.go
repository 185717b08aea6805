package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/certs"
	"github.com/mailrig/mailrig/internal/proctree"
	"github.com/mailrig/mailrig/internal/trial"
	"github.com/mailrig/mailrig/scenarios"
	"github.com/mailrig/mailrig/server"
)

type trialFlags struct {
	rig       rigFlags
	scenarios []string
	jobs      int
	timeout   time.Duration
	grace     time.Duration
	reports   []string
	baseline  string
	failed    string
	resume    string
	shard     string
	retries   string
	noTrust   bool
	verbose   bool
}

func (a *app) trialCommand() *cobra.Command {
	var f trialFlags
	cmd := &cobra.Command{
		Use:   "trial [flags] -- CMD [ARG...]",
		Short: "Run CMD once per scenario and judge what the client did",
		Long: `Run CMD once for each scenario, every time against a fresh rig on free ports, and
judge what the client did. The verdict is pass, fail, not exercised (the scenario
told us nothing about this client) or could not run. A control run without any
scenario comes first. If CMD doesn't succeed there, the trial stops.

CMD gets the same variables as with "mailrig run". MAILRIG_SCENARIO is empty in the
control run. CMD must end by itself, and its exit status must say whether it
succeeded. Several runs share one directory at the same time: have CMD write to a
directory of its own, or use --jobs 1. Without --seed, the user's INBOX holds three
messages.

Exit status: 0 nothing failed; 1 something failed or couldn't be judged, or nothing
was exercised; 2 wrong usage; 3 CMD can't be run, or fails without a scenario; 130
after Ctrl-C, with a report of what is known so far.

Every flag has an environment variable: --jobs is MAILRIG_JOBS. Where both are given,
the flag wins.`,
		Example: `  mailrig trial -- ./send-and-fetch.sh
  mailrig trial --scenario 'starttls-*,cert-*' --report trial.html -- ./send.sh
  mailrig trial --failed trial.json --report again.html -- ./send.sh
  mailrig trial --resume trial.json -- ./send.sh   # again, if it was interrupted
  mailrig trial --shard 3/8 --report 3.json -- ./send.sh
  mailrig trial --report junit.xml --baseline known.txt -- go test -count 1 ./mail`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("no command to try; give one: mailrig trial [flags] -- CMD [ARG...]")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := f.rig.config(a, cmd.Flags())
			if err != nil {
				return err
			}
			a.tellLateFlags(cmd, args)
			return a.trial(cmd.Context(), cfg, f, args)
		},
	}
	fs := cmd.Flags()
	fs.SortFlags = false
	listFlag(fs, &f.scenarios, "scenario", "try only these: `names`, groups, globs such as cert-* or smtp/*, or paths of YAML files; repeatable (default the whole catalogue)")
	fs.IntVar(&f.jobs, "jobs", 0, "run at most `N` at a time (default two per core, and more while slow ones wait)")
	fs.DurationVar(&f.timeout, "timeout", trial.DefaultTimeout, "stop each run after this `time`")
	listFlag(fs, &f.reports, "report", "write the report to these `files`: .html, .xml (JUnit) or .json; repeatable")
	fs.StringVar(&f.baseline, "baseline", "", "tolerate the failures listed in `FILE`: a JSON report, or a list of scenarios")
	fs.StringVar(&f.failed, "failed", "", "try only what failed or could not run in the trial whose JSON report, or list, is in `FILE`")
	fs.StringVar(&f.resume, "resume", "", "keep what is known in `FILE` while the trial runs, and go on from there if it was interrupted; at the end it is the JSON report")
	fs.StringVar(&f.shard, "shard", "", "try only part `I/N`, such as 3/8, and leave the rest to other machines (\"mailrig trial merge\" makes one report of theirs)")
	fs.StringVar(&f.retries, "retries", "inside", "`where` a try is repeated after a temporary failure: inside CMD, or outside, by whoever calls it; then a failure that CMD reports as temporary passes")
	fs.BoolVar(&f.noTrust, "no-trust", false, "don't make CMD trust the rig's CA")
	graceFlag(fs, &f.grace)
	f.rig.registerForTrial(cmd)
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "print a line for every scenario, not only for failures")
	fs.SetInterspersed(false) // what follows CMD belongs to CMD
	cmd.AddCommand(a.trialMergeCommand())
	return cmd
}

func (a *app) trial(ctx context.Context, cfg server.Config, f trialFlags, args []string) (err error) {
	switch {
	case f.jobs < 0:
		return usage("%s is %d; give at least 1, or leave it out", a.source("jobs"), f.jobs)
	case f.grace < 0:
		return usage("%s is %s; give a duration such as 2s, or 0 to kill at once", a.source("grace"), f.grace)
	case f.timeout <= 0:
		return usage("%s is %s; give a duration above 0, such as 30s", a.source("timeout"), f.timeout)
	}
	if f.retries != "inside" && f.retries != "outside" {
		return usage("%s is %q; give inside (CMD itself tries again) or outside (whoever calls CMD does)", a.source("retries"), f.retries)
	}
	shareMemory(&cfg, f.jobs)
	var doors []server.Door
	for _, host := range cfg.Hosts {
		doors = append(doors, server.Door{Addresses: []string{net.JoinHostPort(host, "25")}})
	}
	a.warnExposed(&cfg, doors)
	t := &trial.Trial{Args: args, Jobs: f.jobs, Timeout: f.timeout, Grace: max(f.grace, 1), RetriesOutside: f.retries == "outside", Rig: cfg}
	if t.Scenarios, err = trial.Select(f.scenarios); err != nil {
		return usage("%w", err)
	}
	if f.failed != "" {
		if t.Scenarios, err = trial.Failed(f.failed, t.Scenarios); err != nil {
			return usage("%w", err)
		}
		if len(t.Scenarios) == 0 {
			fmt.Fprintf(a.stdout, "Nothing failed in %s, so there is nothing to try.\n", f.failed)
			return nil
		}
	}
	if t.Shard, err = trial.ParseShard(f.shard); err != nil {
		return usage("%s: %w", a.source("shard"), err)
	}
	if err := checkFiles(f.reports); err != nil {
		return err
	}
	if f.baseline != "" {
		if t.Baseline, err = trial.LoadBaseline(f.baseline); err != nil {
			return usage("%w", err)
		}
	}
	if f.resume != "" {
		if t.Journal, err = trial.OpenJournal(f.resume); err == nil {
			err = t.CheckJournal()
		}
		if err != nil {
			return usage("%s: %w", a.source("resume"), err)
		}
	}
	if t.Journal.Whole() {
		fmt.Fprintf(a.stderr, "mailrig: the trial in %s had ended, so this is its result; remove the file to begin anew\n", f.resume)
	}
	if t.Path, err = findProgram(args[0]); err != nil {
		return err
	}

	dir, err := os.MkdirTemp("", "mailrig-trial-")
	if err != nil {
		return notStarted("make a temporary directory: %w", err)
	}
	defer os.RemoveAll(dir)
	trust, err := a.trialCA(&t.Rig, dir, f.noTrust)
	if err != nil {
		return err
	}
	t.Environ = func(srv *server.Server) []string {
		return withVariables(a.environ(), append(rigVariables(srv), trust...))
	}

	if t.Rig.RandomSeed == 0 {
		t.Rig.RandomSeed = uint64(rand.Uint32()) | 1 // one for all rigs
	}
	ctx, interrupted := untilSignal(ctx)
	p := newProgress(a.stderr, a.steerable(a.stderr), len(t.Mine()), f.verbose)
	t.OnResult = p.result
	p.start()
	reaping, stopReaping := context.WithCancel(context.Background())
	go proctree.Reap(reaping)
	report, err := t.Run(ctx)
	stopReaping()
	p.stop()
	if _, left := proctree.EndAll(f.grace); len(left) > 0 {
		fmt.Fprintf(a.stderr, "mailrig: these processes can't be ended: %s; look at them with ps\n", printableLine(proctree.List(left)))
	}
	if _, used := scenarios.Compile(t.Scenarios).Seed(); used {
		fmt.Fprintf(a.stderr, "mailrig: --random-seed %d throws the dice in the same way again\n", t.Rig.RandomSeed)
	}
	sig := interrupted()
	if report == nil {
		return notStarted("%w", err)
	}
	if report.Interrupted && f.resume != "" && err == nil {
		fmt.Fprintf(a.stderr, "mailrig: the same command goes on from here; what is known is in %s\n", f.resume)
	}
	return a.verdict(report, f.reports, errors.Join(err, writeFiles(report, f.reports)), sig)
}

// checkFiles checks before anything is done whether reports can be written.
func checkFiles(files []string) error {
	for _, file := range files {
		if err := trial.CheckFile(file); err != nil {
			return usage("%w", err)
		}
	}
	return nil
}

func writeFiles(r *trial.Report, files []string) error {
	var failed []error
	for _, file := range files {
		failed = append(failed, r.WriteFile(file))
	}
	return errors.Join(failed...)
}

// trialCA makes one CA for all rigs of a trial, so that what CMD must trust is written only once. It returns the
// variables for that.
func (a *app) trialCA(cfg *server.Config, dir string, noTrust bool) ([]string, error) {
	if cfg.CADir == "" {
		cfg.CADir = filepath.Join(dir, "ca")
	}
	ca, err := certs.LoadOrCreate(cfg.CADir, certs.Options{Hostnames: cfg.Hostnames})
	if err != nil {
		return nil, notStarted("%w", err)
	}
	if noTrust {
		return nil, nil
	}
	file, err := filepath.Abs(filepath.Join(cfg.CADir, "ca.pem"))
	if err != nil {
		return nil, notStarted("find the CA's certificate: %w", err)
	}
	trust, err := trustVariables(dir, ca.PEM(), file, a.getenv)
	if err != nil {
		return nil, notStarted("write the CAs for the command: %w", err)
	}
	return trust, nil
}

// untilSignal returns a context that ends with the first signal to stop. stop returns which signal it was, or nil.
func untilSignal(ctx context.Context) (_ context.Context, stop func() os.Signal) {
	ctx, cancel := context.WithCancel(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, notIgnored(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)...)
	done := make(chan os.Signal, 1)
	go func() {
		var got os.Signal
		select {
		case got = <-signals:
			cancel()
		case <-ctx.Done():
		}
		done <- got
	}()
	return ctx, func() os.Signal {
		cancel()
		got := <-done
		signal.Stop(signals)
		return got
	}
}

// verdict prints the result and chooses the exit status.
func (a *app) verdict(r *trial.Report, files []string, unwritten error, sig os.Signal) error {
	if r.Control.Problem == "" {
		if err := writeTrial(a.stdout, r, a.coloured(a.stdout), columns(a.stdout)); err != nil {
			return notStarted("print the results: %w", err)
		}
	}
	for _, file := range files {
		if unwritten == nil {
			fmt.Fprintf(a.stderr, "mailrig: the report is in %s\n", file)
		}
	}
	var err error
	switch {
	case r.Interrupted:
		status := statusNegative
		if s, ok := sig.(syscall.Signal); ok {
			status = 128 + int(s)
		}
		err = &exitError{status, errors.New("the trial was interrupted")}
	case r.Control.Problem != "":
		err = notStarted("the control run (without a scenario) failed: %s%s", r.Control.Problem, lastOutput(r.Control.Output))
	case !r.Negative():
		fmt.Fprintln(a.stdout, map[bool]string{true: "Nothing failed.", false: "Only known failures."}[r.Counts.Known == 0])
	case r.Unexercising():
		err = negative("nothing was exercised: no scenario told us anything about this client; choose others with --scenario")
	default:
		hint := ""
		if len(files) == 0 {
			hint = "; see the transcripts with --report trial.html"
		}
		err = negative("the trial came out negative: %s%s", against(r), hint)
	}
	if unwritten != nil {
		if err == nil {
			return notStarted("%w", unwritten)
		}
		fmt.Fprintf(a.stderr, "mailrig: %v\n", unwritten)
	}
	return err
}

// against counts what made a trial's result negative.
func against(r *trial.Report) string {
	n := map[trial.Verdict]int{}
	for _, x := range r.Results {
		if x.Against() {
			n[x.Verdict]++
		}
	}
	var parts []string
	if k := n[trial.Fail]; k > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d failed", k, len(r.Results)))
	}
	if k := n[trial.CouldNotRun]; k > 0 {
		parts = append(parts, fmt.Sprintf("%d could not run", k))
	}
	return strings.Join(parts, ", ")
}

// lastOutput returns the end of what a command printed, for an error message.
func lastOutput(text string) string {
	const most = 20
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	if len(lines) == 1 && lines[0] == "" {
		return "\nIt printed nothing."
	}
	lines = lines[max(0, len(lines)-most):]
	for i, l := range lines {
		l = printable(strings.ToValidUTF8(l, "\uFFFD"))
		if r := []rune(l); len(r) > 300 {
			l = string(r[:300]) + "…"
		}
		lines[i] = "  " + l
	}
	return "\nThe end of its output:\n" + strings.Join(lines, "\n")
}
