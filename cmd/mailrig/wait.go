package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) waitCommand() *cobra.Command {
	var address string
	var ready bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait --ready",
		Short: "Block until a mailrig is ready",
		Long: `Block until every door of a mailrig accepts connections. Exit status 1 says that
the time was over first.` + aboutVariables,
		Example: `  mailrig serve & mailrig wait --ready
  mailrig wait --ready --timeout 2s   # as a container's health check`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !ready {
				return usage("say what to wait for: mailrig wait --ready")
			}
			if timeout <= 0 {
				return usage("%s is %s; give a duration above 0, such as 30s", a.source("timeout"), timeout)
			}
			c, err := a.connect(address)
			if err != nil {
				return err
			}
			return waitReady(cmd.Context(), c, timeout)
		},
	}
	httpFlag(cmd, &address)
	cmd.Flags().BoolVar(&ready, "ready", false, "wait until every door accepts")
	cmd.Flags().DurationVar(&timeout, "timeout", 30*time.Second, "give up after this `time`")
	return cmd
}

func waitReady(ctx context.Context, c *client, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		err := c.do(ctx, "GET", "/readyz", nil, nil)
		if err == nil {
			return nil
		}
		// The last try is often cut off by the end of the time, which explains nothing.
		if last == nil || !errors.Is(err, context.DeadlineExceeded) {
			last = err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return negative("not ready after %s: %w", timeout, plain(last))
		}
	}
}

// plain is an error without its exit status, which an outer one replaces.
func plain(err error) error {
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.err
	}
	return err
}
