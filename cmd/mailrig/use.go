package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/scenarios"
)

// switchRequest is the body of PUT /api/v1/scenario.
type switchRequest struct {
	Scenarios []string `json:"scenarios"`
	Inline    []inline `json:"inline,omitempty"`
}

type inline struct {
	File string `json:"file"`
	YAML string `json:"yaml"`
}

func (a *app) useCommand() *cobra.Command {
	var address, user string
	var none bool
	var next int
	cmd := &cobra.Command{
		Use:   "use [--user NAME] [--next N] NAME... | --none",
		Short: "Switch a running mailrig to these scenarios",
		Long: `Switch a running mailrig to these scenarios: names from its catalogue, or paths of
YAML files. mailrig consults the names first, then the files. New connections follow
the new scenarios; open connections keep the ones they began with.

With --user the scenarios apply to this user's logins only, in addition to those that
are active for everybody. So one mailrig serves many testers.

With --next 1 the scenarios apply to the next connection only, or to the user's next
login, before those that are active. Connections at doors that the scenarios have no
rule for don't count.` + aboutVariables,
		Example: `  mailrig use cert-expired
  mailrig use greylisting ./mine.yaml
  mailrig use --user alice@example.test mailbox-full
  mailrig use --next 1 smtp-reply-lost
  mailrig use --none`,
		ValidArgsFunction: scenarioNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			req, err := a.switchTo(args)
			if err != nil {
				return err
			}
			switch asked := len(req.Scenarios)+len(req.Inline) > 0; {
			case asked && none:
				return usage("--none and names of scenarios contradict each other; give only one of them")
			case !asked && !none:
				return usage("no scenario given; name some (`mailrig scenarios` lists them), or switch all off with --none")
			}
			switch given := cmd.Flags().Changed("next"); {
			case given && none:
				return usage("--none switches everything off, also what is coming for the next connections; leave out --next")
			case given && next < 1:
				return usage("--next is %d; give 1 or more", next)
			}
			c, err := a.connect(address)
			if err != nil {
				return err
			}
			if user == "" && cmd.Flags().Changed("user") {
				return usage("--user needs a name, such as --user alice@example.test")
			}
			return a.use(cmd.Context(), c, user, next, req)
		},
	}
	a.httpFlag(cmd, &address)
	cmd.Flags().BoolVar(&none, "none", false, "switch off what is active for everybody or, with --user, for that user")
	cmd.Flags().IntVar(&next, "next", 0, "apply to the next `N` connections only")
	cmd.Flags().StringVar(&user, "user", "", "apply to this user's logins only (`address`)")
	// Inside `mailrig run`, MAILRIG_USER is who logs in, whichever user a scenario is for.
	_ = cmd.Flags().SetAnnotation("user", noVariable, []string{"true"})
	return cmd
}

// switchTo reads the files among the names, because the running mailrig may be on another machine.
func (a *app) switchTo(args []string) (switchRequest, error) {
	req := switchRequest{Scenarios: []string{}}
	for _, arg := range args {
		for name := range strings.SplitSeq(arg, ",") {
			switch name = strings.TrimSpace(name); {
			case name == "":
			case isPath(name):
				data, err := scenarios.ReadFile(name)
				if err != nil {
					return req, usage("%w", err)
				}
				req.Inline = append(req.Inline, inline{name, string(data)})
			default:
				req.Scenarios = append(req.Scenarios, name)
			}
		}
	}
	return req, nil
}

// isPath reports whether a name is a path, by the rule of package scenarios.
func isPath(name string) bool {
	return strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

func (a *app) use(ctx context.Context, c *client, user string, next int, req switchRequest) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var answer struct {
		Scenarios []string `json:"scenarios"`
		Notes     []string `json:"notes"`
		Next      struct {
			Scenarios []string `json:"scenarios"`
			Left      int      `json:"left"`
		} `json:"next"`
	}
	path, query, whose := "/api/v1/scenario", url.Values{}, ""
	if user != "" {
		query.Set("user", user)
		whose = " for " + user
	}
	if next > 0 {
		query.Set("next", strconv.Itoa(next))
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	if err := c.do(ctx, "PUT", path, req, &answer); err != nil {
		return talkError(err)
	}
	switch {
	case next > 0:
		what := map[bool]string{true: "connection", false: "login"}[user == ""]
		if next > 1 {
			what = fmt.Sprintf("%d %ss", next, what)
		}
		fmt.Fprintf(a.stdout, "active%s for the next %s: %s\n", printableLine(whose), what, printableLine(strings.Join(answer.Next.Scenarios, ", ")))
	case len(answer.Scenarios) > 0:
		fmt.Fprintf(a.stdout, "active%s: %s\n", printableLine(whose), printableLine(strings.Join(answer.Scenarios, ", ")))
	case user != "":
		fmt.Fprintf(a.stdout, "no scenario is active%s in particular\n", printableLine(whose))
	default:
		var now struct {
			Users map[string][]string `json:"users"`
		}
		if err := c.do(ctx, "GET", path, nil, &now); err != nil {
			return talkError(err)
		}
		if len(now.Users) == 0 {
			fmt.Fprintln(a.stdout, "no scenario is active: every door behaves correctly")
			break
		}
		fmt.Fprintln(a.stdout, "no scenario is active for everybody")
		for _, user := range slices.Sorted(maps.Keys(now.Users)) {
			fmt.Fprintf(a.stdout, "still active for %s: %s (`mailrig use --none --user %[1]s` ends it)\n", printableLine(user), printableLine(strings.Join(now.Users[user], ", ")))
		}
	}
	for _, n := range answer.Notes {
		fmt.Fprintf(a.stdout, "note: %s\n", printableLine(n))
	}
	return nil
}

// talkError gives an API error its exit status. A request that the API rejects counts as wrong usage.
func talkError(err error) error {
	var answer *apiError
	if !errors.As(err, &answer) {
		return err
	}
	if answer.status == 400 || answer.status == 404 || answer.status == 413 {
		return usage("%w", err)
	}
	return notStarted("%w", err)
}
