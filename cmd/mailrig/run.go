package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailrig/mailrig/internal/proctree"
	"github.com/mailrig/mailrig/internal/trial"
	"github.com/mailrig/mailrig/server"
)

type runFlags struct {
	rigFlags
	noTrust, quiet bool
	grace          time.Duration
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:   "run [flags] -- CMD [ARG...]",
		Short: "Start on free ports, run CMD, stop; exit with CMD's status",
		Long: `Start a rig on free ports, run CMD with variables that say where everything is, and
stop the rig. mailrig exits with CMD's status. If a signal killed CMD, the status is
128 plus the signal's number.

CMD gets MAILRIG_HOST, MAILRIG_HTTP, MAILRIG_CA_FILE, MAILRIG_USER, MAILRIG_PASSWORD
and MAILRIG_SCENARIO. For every door it gets the real port in a variable with the
standard number: MAILRIG_PORT_25, MAILRIG_PORT_993 and so on. CMD also trusts the
rig's certificate, unless --no-trust is given: SSL_CERT_FILE, CURL_CA_BUNDLE,
REQUESTS_CA_BUNDLE and GIT_SSL_CAINFO name a file with the system's CAs and the
rig's, and NODE_EXTRA_CA_CERTS names the rig's.

If CMD starts a mailrig of its own, that one reads the same variables. Unset
MAILRIG_USER and MAILRIG_SCENARIO first if you don't want that.

When CMD has ended, mailrig prints errors and warnings about what it did to standard
error, each with its advice. The exit status is still CMD's.

mailrig then ends what CMD has left running, also in sessions of its own (Linux): with
SIGTERM, and after --grace with SIGKILL. When mailrig gets SIGTERM itself, CMD and all
that it has started get it too, and SIGKILL after --grace. CMD gets other signals alone.` + aboutVariables,
		Example: `  mailrig run -- go test ./...
  mailrig run --scenario greylisting -- ./send.sh
  mailrig run -- sh -c 'curl -v --ssl-reqd imap://$MAILRIG_HOST:$MAILRIG_PORT_143 -u $MAILRIG_USER:$MAILRIG_PASSWORD'`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usage("no command to run; give one: mailrig run [flags] -- CMD [ARG...]")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := f.config(a, cmd.Flags())
			if err != nil {
				return err
			}
			a.tellLateFlags(cmd, args)
			return a.run(cmd.Context(), cfg, f, args)
		},
	}
	f.register(cmd, true)
	cmd.Flags().BoolVar(&f.noTrust, "no-trust", false, "don't make CMD trust the rig's CA")
	graceFlag(cmd.Flags(), &f.grace)
	cmd.Flags().BoolVarP(&f.quiet, "quiet", "q", false, "don't print findings at the end, nor what was left running")
	cmd.Flags().SetInterspersed(false) // what follows CMD belongs to CMD
	return cmd
}

func (a *app) run(ctx context.Context, cfg server.Config, f runFlags, args []string) error {
	if f.grace < 0 {
		return usage("%s is %s; give a duration such as 2s, or 0 to kill at once", a.source("grace"), f.grace)
	}
	path, err := findProgram(args[0])
	if err != nil {
		return err
	}
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, notIgnored(forwarded()...)...)
	defer signal.Stop(signals)

	stopLines := func() {}
	if f.verbose {
		lines := newSessionLines()
		lines.all, lines.colour = true, a.coloured(a.stderr)
		lines.attach(&cfg)
		lines.start(a.stderr)
		defer lines.stop()
		stopLines = lines.stop
	}
	boundMemory(&cfg)
	srv, err := server.New(cfg)
	if err != nil {
		return notStarted("%w", err)
	}
	if err := srv.Start(ctx); err != nil {
		return notStarted("%w", err)
	}
	_, before, _ := srv.SessionsSince(math.MaxUint64) // with --data, those of earlier runs
	shutdown := sync.OnceFunc(func() {
		deadline, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		if stuck := srv.Shutdown(deadline); stuck != nil && f.verbose {
			fmt.Fprintf(a.stderr, "mailrig: %v\n", stuck)
		}
	})
	defer shutdown()

	dir, err := os.MkdirTemp("", "mailrig-run-")
	if err != nil {
		return notStarted("make a temporary directory: %w", err)
	}
	defer os.RemoveAll(dir)
	a.warnExposed(&cfg, srv.Doors())
	env := rigVariables(srv)
	if len(f.httpAuth) > 0 {
		env = append(env, "MAILRIG_HTTP_AUTH="+strings.Join(f.httpAuth, ","))
	}
	if !f.noTrust {
		trust, err := trustVariables(dir, srv.CAPEM(), started(srv).CAFile, a.getenv)
		if err != nil {
			return notStarted("write the CAs for the command: %w", err)
		}
		env = append(env, trust...)
	}

	cmd := exec.Command(path, args[1:]...)
	cmd.Args[0] = args[0]
	cmd.Stdin, cmd.Stdout, cmd.Stderr = a.stdin, a.stdout, a.stderr
	cmd.Env = withVariables(a.environ(), env)
	reaping, stopReaping := context.WithCancel(ctx)
	defer stopReaping()
	go proctree.Reap(reaping)
	tree, err := proctree.Start(cmd, proctree.Options{})
	if err != nil {
		return notStarted("can't run %s: %w; check that it is a program for this machine, and executable", args[0], err)
	}
	err = waitFor(cmd, tree, signals, f.grace)
	a.endRest(tree, f)
	if !f.quiet {
		// The connections of a command that has ended soon end too.
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTime/4)
		srv.Quiesce(ctx)
		cancel()
		shutdown()
		stopLines()
		// The status says nothing about the client: a test may want it to fail.
		sessions, _, _ := srv.SessionsSince(before)
		a.conclude(srv.Conclude(), sessions)
		a.unmet(cfg.Scenarios, sessions, srv.Idle)
		if seed, used := srv.RandomSeed(); used {
			fmt.Fprintf(a.stderr, "mailrig: --random-seed %d throws the dice in the same way again\n", seed)
		}
	}
	return err
}

// reason strips what package exec and the system call put before the reason.
func reason(err error) error {
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner
	}
	return err
}

// settleTime is how long what a command has left may take to end by itself, as the programs of a pipe do.
const settleTime = 100 * time.Millisecond

// endRest ends what a command has left running, and says so.
func (a *app) endRest(tree *proctree.Tree, f runFlags) {
	ended, left := tree.End(settleTime, f.grace)
	more, stuck := proctree.EndAll(f.grace)
	if ended = append(ended, more...); len(ended) > 0 && !f.quiet {
		fmt.Fprintf(a.stderr, "mailrig: the command left processes running, and mailrig has ended them: %s\n", printableLine(proctree.List(ended)))
	}
	if left = append(left, stuck...); len(left) > 0 {
		fmt.Fprintf(a.stderr, "mailrig: these processes can't be ended: %s; look at them with ps\n", printableLine(proctree.List(left)))
	}
}

// graceFlag adds the flag --grace.
func graceFlag(fs *pflag.FlagSet, value *time.Duration) {
	fs.DurationVar(value, "grace", trial.DefaultGrace, "`time` between SIGTERM and SIGKILL for CMD and all that it has started")
}

// waitFor forwards signals until the command has ended, and returns its status. SIGTERM is for all that it has started;
// whatever is still there after grace is killed.
func waitFor(cmd *exec.Cmd, tree *proctree.Tree, signals <-chan os.Signal, grace time.Duration) error {
	var over <-chan time.Time
	for {
		select {
		case s := <-signals:
			switch {
			case s == syscall.SIGTERM:
				tree.Terminate()
				if over == nil {
					over = time.After(grace)
				}
			case !alreadyGot(s):
				_ = cmd.Process.Signal(s) // it may have ended meanwhile
			}
		case <-over:
			tree.Kill()
			_ = cmd.Process.Kill() // where no tree is known
		case <-tree.Done():
			err := tree.Err()
			var exit *exec.ExitError
			switch {
			case err == nil:
				return nil
			case errors.As(err, &exit):
				return &exitError{status: exitStatus(exit.ProcessState)}
			default:
				return notStarted("wait for the command: %w", err)
			}
		}
	}
}
