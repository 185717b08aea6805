package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/server"
)

type sessionsFlags struct {
	http         string
	follow, json bool
}

// sessionList is what GET /api/v1/sessions answers.
type sessionList struct {
	Sessions []*server.Session `json:"sessions"`
	Next     uint64            `json:"next"`
}

func (a *app) sessionsCommand() *cobra.Command {
	var f sessionsFlags
	cmd := &cobra.Command{
		Use:   "sessions [NUMBER...]",
		Short: "What clients did",
		Long: `List what the clients of a running mailrig did, one line for each connection, the
newest last; or show the whole dialogue of some by their numbers.` + aboutVariables,
		Example: `  mailrig sessions
  mailrig sessions 12
  mailrig sessions --follow --json | jq .logins`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect(f.http)
			if err != nil {
				return err
			}
			switch {
			case f.follow && len(args) > 0:
				return usage("--follow and numbers of sessions contradict each other; give one or the other")
			case f.follow:
				return a.followSessions(cmd.Context(), c, f)
			case len(args) > 0:
				return a.showSessions(cmd.Context(), c, f, args)
			default:
				return a.listSessions(cmd.Context(), c, f)
			}
		},
	}
	httpFlag(cmd, &f.http)
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with sessions as they end, until Ctrl-C")
	cmd.Flags().BoolVar(&f.json, "json", false, "print each session as one line of JSON, with its dialogue")
	return cmd
}

func (a *app) listSessions(ctx context.Context, c *client, f sessionsFlags) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var l sessionList
	if err := c.do(ctx, "GET", "/api/v1/sessions", nil, &l); err != nil {
		return talkError(err)
	}
	return a.printSessions(l.Sessions, f.json)
}

func (a *app) showSessions(ctx context.Context, c *client, f sessionsFlags, ids []string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for _, id := range ids {
		var s server.Session
		if err := c.do(ctx, "GET", "/api/v1/sessions/"+url.PathEscape(id), nil, &s); err != nil {
			return talkError(err)
		}
		if f.json {
			if err := a.printSessions([]*server.Session{&s}, true); err != nil {
				return err
			}
			continue
		}
		fmt.Fprint(a.stdout, printable(s.Dialogue()))
	}
	return nil
}

// followSessions prints the sessions that have ended and then each as it ends.
// Ctrl-C is the way to stop, and so is the end of the rig.
func (a *app) followSessions(ctx context.Context, c *client, f sessionsFlags) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	const wait = 30 * time.Second
	for next, first := uint64(0), true; ; first = false {
		poll, cancel := context.WithTimeout(ctx, wait+answerTime)
		var l sessionList
		err := c.do(poll, "GET", fmt.Sprintf("/api/v1/sessions?after=%d&wait=%s", next, wait), nil, &l)
		cancel()
		var refused *apiError
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && !first && !errors.As(err, &refused):
			fmt.Fprintln(a.stderr, "mailrig: it has stopped; no more sessions will come")
			return nil
		case err != nil:
			return talkError(err)
		}
		if err := a.printSessions(l.Sessions, f.json); err != nil {
			return err
		}
		next = l.Next
	}
}

func (a *app) printSessions(list []*server.Session, asJSON bool) error {
	for _, s := range list {
		var err error
		if asJSON {
			err = writeJSON(a.stdout, s)
		} else {
			_, err = fmt.Fprintln(a.stdout, sessionLine(s))
		}
		if err != nil {
			return notStarted("print sessions: %w", err)
		}
	}
	return nil
}
