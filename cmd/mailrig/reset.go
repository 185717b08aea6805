package main

import (
	"context"
	"fmt"
	"net/url"

	"github.com/spf13/cobra"
)

func (a *app) resetCommand() *cobra.Command {
	var address, user string
	cmd := &cobra.Command{
		Use:   "reset [--user NAME]",
		Short: "Make a running mailrig forget mail, sessions and findings",
		Long: `Make a running mailrig forget all mail, reports of failed delivery that are still to
come, finished sessions and findings. It loads its --seed again, and starts the counters
of the active scenarios at zero.

With --user it forgets only that user's mail, loads only that user's part of the seed, and
restarts only the scenarios that are active for that user alone.` + aboutVariables,
		Example: `  mailrig reset
  mailrig reset --user alice@example.test`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if user == "" && cmd.Flags().Changed("user") {
				return usage("--user needs a name, such as --user alice@example.test")
			}
			c, err := a.connect(address)
			if err != nil {
				return err
			}
			return a.reset(cmd.Context(), c, user)
		},
	}
	a.httpFlag(cmd, &address)
	cmd.Flags().StringVar(&user, "user", "", "reset this user only (`address`)")
	// Inside `mailrig run`, MAILRIG_USER is who logs in, whoever is to be reset.
	_ = cmd.Flags().SetAnnotation("user", noVariable, []string{"true"})
	return cmd
}

func (a *app) reset(ctx context.Context, c *client, user string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	path, what := "/api/v1/reset", "all mail, finished sessions and findings"
	if user != "" {
		path, what = path+"?user="+url.QueryEscape(user), "the mail of "+user
	}
	if err := c.do(ctx, "POST", path, nil, nil); err != nil {
		return talkError(err)
	}
	fmt.Fprintf(a.stdout, "forgotten: %s\n", printableLine(what))
	return nil
}
