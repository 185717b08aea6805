package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/internal/handout"
	"github.com/mailrig/mailrig/server"
)

type sessionsFlags struct {
	http                   string
	follow, json, findings bool
	html, text, scenario   string
	last                   int
	match                  string
}

// judged is a session and the findings about it.
type judged struct {
	server.Session
	Findings []server.Finding `json:"findings"`
}

// findingList is the answer to GET /api/v1/findings.
type findingList struct {
	Findings []server.Finding `json:"findings"`
	Next     uint64           `json:"next"`
}

func (a *app) sessionsCommand() *cobra.Command {
	var f sessionsFlags
	cmd := &cobra.Command{
		Use:   "sessions [NUMBER...]",
		Short: "List what clients did, with findings",
		Long: `List what the clients of a running mailrig did: one line for each connection, the
newest last, and below it what the client did wrong. Give numbers of sessions to see
their whole dialogues, or to write them to a file. --scenario writes what the server
was like in them, as a scenario that plays this server again. --findings lists findings
only, including those that several sessions show together and those that come to light
later.

--match chooses sessions by the matchers of "mailrig wait --session": door:PORT
protocol:smtp|imap|pop3 login:ok|refused|none user:NAME tls:yes|no client:ADDRESS
scenario:NAME ended:yes|no. All must match.` + aboutVariables,
		Example: `  mailrig sessions
  mailrig sessions 12
  mailrig sessions -n 5
  mailrig sessions --match 'door:993 login:refused'
  mailrig sessions 12 --html session.html
  mailrig sessions 12 --scenario that-server.yaml
  mailrig sessions --findings --follow
  mailrig sessions --follow --json | jq .logins`,
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.connect(f.http)
			if err != nil {
				return err
			}
			switch {
			case f.last < 0, f.last == 0 && cmd.Flags().Changed("last"):
				return usage("%s is %d; give how many to list, from 1 on", a.source("last"), f.last)
			case f.findings && f.match != "":
				return usage("--match chooses sessions, and --findings lists findings; leave out one of them")
			case len(args) > 0 && (f.match != "" || f.last > 0):
				return usage("--match, --last and numbers of sessions contradict each other; give only one of them")
			case f.findings && len(args) > 0:
				return usage("--findings and numbers of sessions contradict each other; leave out --findings, since a session is shown with its findings anyway")
			case f.follow && len(args) > 0:
				return usage("--follow and numbers of sessions contradict each other; give only one of them")
			case len(args) == 0 && (f.html != "" || f.text != ""):
				return usage("--html and --text write sessions that you name; give their numbers, such as mailrig sessions 12 --html session.html")
			case len(args) == 0 && f.scenario != "":
				return usage("--scenario writes what sessions show of the server; give their numbers, such as mailrig sessions 12 --scenario that-server.yaml")
			case f.scenario != "" && (f.html != "" || f.text != ""):
				return usage("--scenario writes a file of its own; leave out --html and --text")
			case f.scenario != "":
				return a.recordServer(cmd.Context(), c, f.scenario, args)
			case f.html != "" || f.text != "":
				return a.handOut(cmd.Context(), c, f, args)
			case f.follow:
				return a.followSessions(cmd.Context(), c, f)
			case len(args) > 0:
				return a.showSessions(cmd.Context(), c, f, args)
			default:
				return a.listSessions(cmd.Context(), c, f)
			}
		},
	}
	cmd.ValidArgsFunction = a.sessionNumbers(&f.http)
	a.httpFlag(cmd, &f.http)
	cmd.Flags().BoolVarP(&f.follow, "follow", "f", false, "keep printing sessions as they end, until Ctrl-C")
	cmd.Flags().BoolVar(&f.json, "json", false, "print each session (or finding) as one line of JSON, with its dialogue and findings")
	cmd.Flags().BoolVar(&f.findings, "findings", false, "list findings instead of sessions")
	cmd.Flags().IntVarP(&f.last, "last", "n", 0, "list only the last `N`; with --follow, begin with these (default all)")
	cmd.Flags().StringVar(&f.match, "match", "", "list only sessions that fit `MATCH`")
	cmd.Flags().StringVar(&f.html, "html", "", "write the dialogues to `FILE`, as a page to hand on with the findings beside the lines; - is standard output")
	cmd.Flags().StringVar(&f.text, "text", "", "the same as text, to `FILE`")
	cmd.Flags().StringVar(&f.scenario, "scenario", "", "write what the server was like as a scenario to `NAME.yaml`; - is standard output")
	_ = cmd.Flags().SetAnnotation("scenario", noVariable, []string{"true"}) // it names the scenarios of a rig
	return cmd
}

// listTime is how long a list of sessions may take: it can be long, and is printed as it comes.
const listTime = 10 * time.Minute

func (a *app) listSessions(ctx context.Context, c *client, f sessionsFlags) error {
	ctx, cancel := context.WithTimeout(ctx, listTime)
	defer cancel()
	_, err := a.printNews(ctx, c, f, nil, f.last)
	if err != nil {
		return talkError(err)
	}
	return nil
}

// printNews requests sessions or findings, prints them, and returns the number for the next request. last is how many it
// prints, the last ones; 0 means all.
func (a *app) printNews(ctx context.Context, c *client, f sessionsFlags, query url.Values, last int) (next uint64, err error) {
	if f.findings {
		var l findingList
		if err := c.do(ctx, "GET", "/api/v1/findings?"+query.Encode(), nil, &l); err != nil {
			return 0, err
		}
		if last > 0 {
			l.Findings = l.Findings[max(0, len(l.Findings)-last):]
		}
		return l.Next, a.printFindings(l.Findings, f.json)
	}
	if query = maps.Clone(query); query == nil {
		query = url.Values{}
	}
	if f.match != "" {
		query.Set("match", f.match)
	}
	var kept []*judged // those that may be among the last
	err = c.do(ctx, "GET", "/api/v1/sessions?"+query.Encode(), nil, reader(func(d *json.Decoder) (err error) {
		next, err = readSessions(d, func(s *judged) error {
			if last == 0 {
				return a.printSession(s, f.json)
			}
			kept = append(kept, s)
			kept = kept[max(0, len(kept)-last):]
			return nil
		})
		return err
	}))
	for _, s := range kept {
		if err == nil {
			err = a.printSession(s, f.json)
		}
	}
	return next, err
}

// readSessions reads {"sessions":[…],"next":N} one session at a time: all of them together can be large.
func readSessions(d *json.Decoder, each func(*judged) error) (next uint64, err error) {
	for depth, key := 0, ""; ; {
		token, err := d.Token()
		if err != nil {
			return 0, err
		}
		switch t := token.(type) {
		case json.Delim:
			if t == '}' {
				return next, nil
			}
			if depth++; t != '{' || depth > 1 {
				return 0, errors.New("no list of sessions")
			}
			continue
		case string:
			key = t
		}
		switch key {
		case "sessions":
			if token, err = d.Token(); token != json.Delim('[') {
				return 0, errors.Join(err, errors.New("no list of sessions"))
			}
			for d.More() {
				s := new(judged)
				if err := d.Decode(s); err != nil {
					return 0, err
				}
				if err := each(s); err != nil {
					return 0, err
				}
			}
			_, err = d.Token()
		case "next":
			err = d.Decode(&next)
		default:
			var skipped json.RawMessage
			err = d.Decode(&skipped)
		}
		if err != nil {
			return 0, err
		}
	}
}

func (a *app) showSessions(ctx context.Context, c *client, f sessionsFlags, ids []string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	for _, id := range ids {
		var s judged
		if err := c.do(ctx, "GET", "/api/v1/sessions/"+url.PathEscape(id), nil, &s); err != nil {
			return talkError(err)
		}
		if f.json {
			if err := a.printSession(&s, true); err != nil {
				return err
			}
			continue
		}
		fmt.Fprint(a.stdout, printable(s.Dialogue()))
		for i := range s.Findings {
			fmt.Fprintln(a.stdout, fullFinding(&s.Findings[i], a.coloured(a.stdout)))
		}
	}
	return nil
}

// handOut writes sessions as pages to hand on.
func (a *app) handOut(ctx context.Context, c *client, f sessionsFlags, ids []string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	var all []handout.Session
	for _, id := range ids {
		var s judged
		if err := c.do(ctx, "GET", "/api/v1/sessions/"+url.PathEscape(id), nil, &s); err != nil {
			return talkError(err)
		}
		all = append(all, handout.Session{Session: &s.Session, Findings: s.Findings})
	}
	for _, page := range []struct {
		file  string
		write func(io.Writer, string, []handout.Session) error
	}{{f.html, handout.HTML}, {f.text, handout.Text}} {
		var b bytes.Buffer
		if page.file == "" {
			continue
		}
		err := page.write(&b, version(), all)
		if err == nil && page.file == "-" {
			_, err = b.WriteTo(a.stdout)
		} else if err == nil {
			err = os.WriteFile(page.file, b.Bytes(), 0o666)
		}
		if err != nil {
			return notStarted("can't write %s: %w; give the name of a file in a directory that is there", page.file, reason(err))
		}
	}
	return nil
}

// followSessions prints the sessions that have ended, and then each session when it ends. Ctrl-C stops it, and so does
// the end of the rig.
func (a *app) followSessions(ctx context.Context, c *client, f sessionsFlags) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	const wait = 30 * time.Second
	last := f.last
	for next, first := uint64(0), true; ; first, last = false, 0 {
		poll, cancel := context.WithTimeout(ctx, wait+listTime)
		after, err := a.printNews(poll, c, f, url.Values{"after": {strconv.FormatUint(next, 10)}, "wait": {wait.String()}}, last)
		cancel()
		var refused *apiError
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errPrint):
			return err
		case err != nil && !first && !errors.As(err, &refused):
			fmt.Fprintln(a.stderr, "mailrig: the running mailrig has stopped; there will be no more sessions")
			return nil
		case err != nil:
			return talkError(err)
		}
		next = after
	}
}

// errPrint says that standard output can't be written to.
var errPrint = errors.New("print what came")

func (a *app) printSessions(list []judged, asJSON bool) error {
	for i := range list {
		if err := a.printSession(&list[i], asJSON); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printSession(s *judged, asJSON bool) (err error) {
	if asJSON {
		err = writeJSON(a.stdout, s)
	} else {
		text := sessionLine(&s.Session)
		for i := range s.Findings {
			text += "\n" + findingLine(&s.Findings[i], false, a.coloured(a.stdout))
		}
		_, err = fmt.Fprintln(a.stdout, text)
	}
	if err != nil {
		return notStarted("%w: %w", errPrint, err)
	}
	return nil
}

func (a *app) printFindings(list []server.Finding, asJSON bool) error {
	for i := range list {
		var err error
		if asJSON {
			err = writeJSON(a.stdout, &list[i])
		} else {
			_, err = fmt.Fprintln(a.stdout, list[i].At.Local().Format(time.TimeOnly)+strings.TrimPrefix(findingLine(&list[i], false, a.coloured(a.stdout)), "        "))
		}
		if err != nil {
			return notStarted("%w: %w", errPrint, err)
		}
	}
	return nil
}
