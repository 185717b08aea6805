package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/internal/trial"
)

func (a *app) trialMergeCommand() *cobra.Command {
	var reports []string
	cmd := &cobra.Command{
		Use:   "merge FILE.json...",
		Short: "Make one report of those that several machines wrote",
		Long: `Make one report of the JSON reports of a trial that was spread over several machines
with --shard, or done in parts with different scenarios. The result is what one
machine would have reported. If the report of a shard is missing, its scenarios count
as interrupted.

Exit status: 0 nothing failed; 1 something failed, couldn't be judged or is missing,
or nothing was exercised; 2 wrong usage; 3 a control run failed.`,
		Example: `  mailrig trial merge shard-*.json --report trial.html
  mailrig trial merge 1.json 2.json 3.json --report junit.xml,trial.json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("no reports to merge; give the JSON reports of the shards: mailrig trial merge 1.json 2.json …")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return a.mergeTrials(args, reports) },
	}
	listFlag(cmd.Flags(), &reports, "report", "write the report to these `files`: .html, .xml (JUnit) or .json; repeatable")
	return cmd
}

func (a *app) mergeTrials(files, reports []string) error {
	if err := checkFiles(reports); err != nil {
		return err
	}
	report, missing, err := trial.Merge(files)
	if err != nil {
		return usage("%w", err)
	}
	if len(missing) > 0 {
		fmt.Fprintf(a.stderr, "mailrig: the reports of these shards are missing: %s; give them too\n", strings.Join(missing, ", "))
	}
	return a.verdict(report, reports, writeFiles(report, reports), nil)
}
