package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/server"
)

// shutdownTime is how long open connections have to end.
const shutdownTime = 800 * time.Millisecond

type serveFlags struct {
	rigFlags
	json, quiet, mailpit bool
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Open every door and wait; Ctrl-C stops",
		Long: `Open every door and print its address. Then print a line for each connection when
it ends, and below it what the client did wrong. Ctrl-C stops.` + aboutVariables,
		Example: `  mailrig serve
  mailrig serve --scenario greylisting
  mailrig serve --host 0.0.0.0 --http 0.0.0.0:8025 --hostname mail.corp.test --ca-dir ca`,
		Args: func(cmd *cobra.Command, args []string) error {
			if at := cmd.ArgsLenAtDash(); at == 0 && len(args) > 0 {
				return meantRun(args)
			}
			return cobra.NoArgs(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			var pit *server.Mailpit
			if f.mailpit {
				var err error
				if pit, err = a.asMailpit(&f.rigFlags, cmd.Flags()); err != nil {
					return err
				}
			}
			cfg, err := f.config(a, cmd.Flags())
			cfg.Mailpit = pit
			switch {
			case err != nil:
				return err
			case pit != nil && (cfg.HTTP == "" || cfg.HTTP == "off"):
				return usage("--mailpit needs the web address, and it is switched off; leave out --http off")
			}
			return a.serve(cmd.Context(), cfg, f)
		},
	}
	f.register(cmd, false)
	cmd.Flags().BoolVar(&f.mailpit, "mailpit", false, "take Mailpit's place: SMTP also on port 1025, Mailpit's API on 8025, its variables (docs/mailpit.md)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print the doors as one line of JSON; sessions and findings go to standard error")
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "print no table of doors, no sessions and no findings")
	return cmd
}

func (a *app) serve(ctx context.Context, cfg server.Config, f serveFlags) error {
	// After stop, a second Ctrl-C ends the process at once.
	ctx, stop := signal.NotifyContext(ctx, notIgnored(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)...)
	defer stop()

	var lines *sessionLines
	if !f.quiet {
		lines = newSessionLines()
		lines.all = f.verbose
		lines.attach(&cfg)
	}
	boundMemory(&cfg)
	srv, err := server.New(cfg)
	if err != nil {
		return notStarted("%w", err)
	}
	if err := srv.Start(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return notStarted("%w", err)
	}
	a.warnExposed(&cfg, srv.Doors())
	sessionsTo := a.stdout
	switch {
	case f.json:
		err = writeJSON(a.stdout, started(srv))
		sessionsTo = a.stderr
	case !f.quiet:
		err = writeTable(a.stdout, started(srv), srv.Moved(), srv.HTTPTaken(), srv.LoginRule(), srv.Scenarios(), srv.Notes())
	}
	if smtp := srv.MailpitSMTP(); smtp != "" { // container libraries wait for the second line
		fmt.Fprintf(a.stderr, "[smtpd] starting on %s\n[http] accessible via %s/\n", smtp, srv.HTTPURL())
	}
	if lines != nil {
		lines.colour = a.coloured(sessionsTo)
		lines.start(sessionsTo)
		defer lines.stop()
	}
	if err == nil {
		<-ctx.Done()
	}
	stop()
	signal.Ignore(syscall.SIGTERM, syscall.SIGHUP) // timeout(1) sends the first one twice; the process is about to end anyway

	deadline, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	if stuck := srv.Shutdown(deadline); stuck != nil && f.verbose {
		fmt.Fprintf(a.stderr, "mailrig: %v\n", stuck)
	}
	if err != nil {
		return notStarted("print the doors: %w", err)
	}
	return nil
}

// notIgnored leaves out signals that the process was started to ignore, as with nohup.
func notIgnored(signals ...os.Signal) []os.Signal {
	var out []os.Signal
	for _, s := range signals {
		// Shells ignore SIGINT for what they start with &. For such a process it is still the way to stop.
		if s == os.Interrupt || !signal.Ignored(s) {
			out = append(out, s)
		}
	}
	return out
}

// startup is the line that --json prints.
type startup struct {
	Doors    []server.Door `json:"doors"`
	HTTP     string        `json:"http"`
	HTTPS    string        `json:"https,omitempty"`
	CAFile   string        `json:"ca_file"`
	User     string        `json:"user"`
	Password string        `json:"password"`
	server.Bounds
	Data      string   `json:"data,omitempty"`   // the directory, with --data
	Kept      *int     `json:"kept,omitempty"`   // messages that are there
	Seeded    *int     `json:"seeded,omitempty"` // messages, with --seed
	Scenarios []string `json:"scenarios"`
	// RandomSeed is there if a scenario has a chance.
	RandomSeed uint64 `json:"random_seed,omitempty"`
}

func started(srv *server.Server) startup {
	user, password := srv.Credentials()
	caFile := srv.CAFile()
	if abs, err := filepath.Abs(caFile); err == nil {
		caFile = abs // whoever reads it may be in another directory
	}
	s := startup{
		Doors: srv.Doors(), HTTP: srv.HTTPURL(), HTTPS: srv.HTTPSURL(), CAFile: caFile,
		User: user, Password: password, Scenarios: append([]string{}, srv.Active()...),
		Bounds: srv.Bounds(),
	}
	if seed, used := srv.RandomSeed(); used {
		s.RandomSeed = seed
	}
	if dir, n, ok := srv.Kept(context.Background()); ok {
		s.Data, s.Kept = dir, &n
	}
	if n, ok := srv.Seeded(); ok {
		s.Seeded = &n
	}
	return s
}

// writeJSON writes one line. Unlike json.Marshal, it leaves <, > and & readable.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}
