package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/server"
)

type waitFlags struct {
	http             string
	ready, json      bool
	message, session string
	findings         []string
	count            int
	after            uint64
	timeout          time.Duration
}

func (a *app) waitCommand() *cobra.Command {
	var f waitFlags
	cmd := &cobra.Command{
		Use:   "wait --ready | --message MATCH... | --session MATCH... | --finding ID...",
		Short: "Block until ready, or until a message, session or finding is there",
		Long: `Block until every door of a mailrig accepts connections, or until a message, session
or finding is there. One that is there already counts. Exit status 1 means that the
wait timed out; what arrived instead is printed to standard error.

Matchers for a message: to:ADDRESS from:ADDRESS subject:TEXT body:TEXT text:TEXT (in
the subject, an address or the body) folder:NAME id:ID.
Matchers for a session: door:PORT protocol:smtp|imap|pop3 login:ok|refused|none
user:NAME tls:yes|no client:ADDRESS scenario:NAME ended:yes|no. All must match. Words
without a "name:" continue the matcher before them. "any" alone matches everything.
Give matchers in one argument or in several. A TEXT matches anywhere in the field;
upper and lower case are the same. Of several findings, one is enough; docs/findings.md
lists their ids.

--count says how many must be there at the same time. A message to two recipients
counts twice; a deleted one doesn't count. Sessions and findings count from the start
or the last reset, as long as mailrig keeps them. --after leaves out what was there
before: give the "next" that an earlier answer had (--json, or GET /api/v1/mail).` + aboutVariables,
		Example: `  mailrig serve & mailrig wait --ready
  mailrig wait --ready --timeout 2s   # as a container's health check
  mailrig wait --message to:alice@example.test subject:Welcome
  mailrig wait --session 'door:993 login:ok' --count 2
  mailrig wait --finding password-sent-in-clear --timeout 10s`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.wait(cmd.Context(), f, args) },
	}
	a.httpFlag(cmd, &f.http)
	cmd.Flags().BoolVar(&f.ready, "ready", false, "wait until every door accepts connections")
	cmd.Flags().StringVar(&f.message, "message", "", "wait for a message that fits `MATCH`")
	cmd.Flags().StringVar(&f.session, "session", "", "wait for a session that fits `MATCH`")
	listFlag(cmd.Flags(), &f.findings, "finding", "wait for a finding with one of these `IDs`; repeatable")
	cmd.Flags().IntVar(&f.count, "count", 1, "wait for this `many`")
	cmd.Flags().Uint64Var(&f.after, "after", 0, "count only what came later than `N`, the \"next\" of an earlier answer")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 30*time.Second, "give up after this `time`, ten minutes at most")
	cmd.Flags().BoolVar(&f.json, "json", false, "print what was found, or what arrived instead, as one line of JSON")
	return cmd
}

func (a *app) wait(ctx context.Context, f waitFlags, args []string) error {
	query := url.Values{}
	add := func(what string, words ...string) {
		for _, w := range append(words, args...) {
			if strings.TrimSpace(w) != "" {
				query.Add(what, w)
			}
		}
	}
	asked := 0
	for _, given := range []bool{f.ready, f.message != "", f.session != "", len(f.findings) > 0} {
		if given {
			asked++
		}
	}
	switch {
	case asked == 0:
		return usage("what should it wait for? Give --ready, --message, --session or --finding; see `mailrig wait --help`")
	case asked > 1:
		return usage("one wait is for one thing; run mailrig wait once for each")
	case f.timeout <= 0:
		return usage("%s is %s; give a duration above 0, such as 30s", a.source("timeout"), f.timeout)
	case f.ready && len(args) > 0:
		return usage("--ready takes no arguments, but got %q; leave it out", args[0])
	case !f.ready && f.timeout > longestWait:
		return usage("%s is %s; give %s at most", a.source("timeout"), f.timeout, longestWait)
	case f.count < 1:
		return usage("%s is %d; give at least 1", a.source("count"), f.count)
	case f.message != "":
		add("message", f.message)
	case f.session != "":
		add("session", f.session)
	default:
		add("finding", f.findings...)
	}
	c, err := a.connect(f.http)
	if err != nil {
		return err
	}
	if f.ready {
		return waitReady(ctx, c, f.timeout)
	}
	query.Set("count", strconv.Itoa(f.count))
	if f.after > 0 {
		query.Set("after", strconv.FormatUint(f.after, 10))
	}
	query.Set("timeout", f.timeout.String())
	return a.waitFor(ctx, c, f, query)
}

// longestWait is the longest wait that the server allows.
const longestWait = 10 * time.Minute

// waitFor lets the server wait.
func (a *app) waitFor(ctx context.Context, c *client, f waitFlags, query url.Values) error {
	ctx, cancel := context.WithTimeout(ctx, f.timeout+answerTime)
	defer cancel()
	var raw json.RawMessage
	if err := c.do(ctx, "GET", "/api/v1/wait?"+query.Encode(), nil, &raw); err != nil {
		return talkError(err)
	}
	var answer struct {
		Met      bool             `json:"met"`
		Text     string           `json:"text"`
		Messages []server.Mail    `json:"messages"`
		Sessions []judged         `json:"sessions"`
		Findings []server.Finding `json:"findings"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return notStarted("what answers at %s isn't a mailrig (%w); say where it is with --http or MAILRIG_HTTP", c.base, err)
	}
	if f.json {
		fmt.Fprintln(a.stdout, strings.TrimSpace(string(raw)))
	}
	if !answer.Met {
		return negative("%s", printable(answer.Text))
	}
	if f.json {
		return nil
	}
	for i := range answer.Messages {
		if _, err := fmt.Fprintln(a.stdout, printableLine(answer.Messages[i].String())); err != nil {
			return notStarted("%w: %w", errPrint, err)
		}
	}
	if err := a.printSessions(answer.Sessions, false); err != nil {
		return err
	}
	return a.printFindings(answer.Findings, false)
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
		// The timeout often interrupts the last attempt, and that error explains nothing.
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

// plain returns an error without its exit status, because an outer error replaces it.
func plain(err error) error {
	var exit *exitError
	if errors.As(err, &exit) {
		return exit.err
	}
	return err
}
