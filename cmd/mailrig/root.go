package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// Exit statuses besides 0, success.
const (
	statusNegative   = 1 // a check, trial or wait had a negative result
	statusUsage      = 2 // wrong usage
	statusNotStarted = 3 // mailrig could not start, or no mailrig answers
)

// exitError carries an exit status. Without err, nothing is printed.
type exitError struct {
	status int
	err    error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit status %d", e.status)
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exitError{statusUsage, fmt.Errorf(format, args...)}
}

func notStarted(format string, args ...any) error {
	return &exitError{statusNotStarted, fmt.Errorf(format, args...)}
}

func negative(format string, args ...any) error {
	return &exitError{statusNegative, fmt.Errorf(format, args...)}
}

// execute runs mailrig with these arguments and returns the exit status.
func (a *app) execute(args []string) int {
	root := a.root()
	root.SetArgs(args)
	cmd, err := root.ExecuteC()
	if err == nil {
		return 0
	}
	var exit *exitError
	if !errors.As(err, &exit) {
		// All our own errors have a status, so this one is cobra's: wrong usage.
		exit = &exitError{statusUsage, adviseUsage(root, cmd, err)}
	}
	if exit.err != nil {
		fmt.Fprintf(a.stderr, "mailrig: %s\n", printable(exit.err.Error()))
	}
	return exit.status
}

const about = `mailrig is a mock mail server for testing mail clients. It opens every standard
mail port with the right behaviour, misbehaves on request (a scenario), and
shows what each client did. It never sends mail to another host.

Without a command, mailrig does what "mailrig serve" does.`

const aboutVariables = `

Every flag has an environment variable: --port-offset is MAILRIG_PORT_OFFSET. Where
both are given, the flag wins. Separate the values of a list by commas or spaces:
MAILRIG_USER="alice:secret bob:secret".

Exit status: 0 done; 1 a check, trial or wait came out negative; 2 wrong usage;
3 could not start, or no mailrig is running. run exits with its command's status.`

func (a *app) root() *cobra.Command {
	serve := a.serveCommand()
	root := &cobra.Command{
		Use:   "mailrig",
		Short: "A mock mail server for testing mail clients",
		Long:  about + aboutVariables,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 { // they follow "--"; otherwise cobra has called the first one an unknown command
				return meantRun(args)
			}
			return serve.RunE(cmd, args)
		},
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			a.tellUnknownVariables(cmd.Root())
			return a.applyEnv(cmd)
		},
		// adviseUsage does this, on one line.
		DisableSuggestions: true,
	}
	root.SetVersionTemplate("mailrig {{.Version}}\n")
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return adviseFlag(cmd, err) })
	root.Flags().SortFlags = false
	root.Flags().AddFlagSet(serve.Flags()) // the same flags, and the same variables for them
	root.AddCommand(serve, a.runCommand(), a.trialCommand(), a.checkCommand(), a.scenariosCommand(), a.useCommand(), a.sessionsCommand(),
		a.waitCommand(), a.resetCommand(), a.dataCommand(), a.explainCommand(), a.caCommand(), a.versionCommand(), a.manCommand())
	nameVariables(root)
	completeFlags(root)
	root.SetHelpCommand(helpCommand(root))
	strictCompletion(root)
	return root
}

// meantRun returns the error for a command line behind "--" that nothing would run.
func meantRun(args []string) error {
	return usage("this starts a server, and doesn't run %s; did you mean `mailrig run -- %s`?", args[0], strings.Join(args, " "))
}

// adviseUsage adds to cobra's message what to do.
func adviseUsage(root, cmd *cobra.Command, err error) error {
	if rest, ok := strings.CutPrefix(err.Error(), `unknown command "`); ok {
		name, _, _ := strings.Cut(rest, `"`)
		if cmd != root { // cobra.NoArgs has the same message
			return fmt.Errorf("%s takes no arguments, but got %q; see `%s --help`", cmd.CommandPath(), name, cmd.CommandPath())
		}
		if number, percent := strings.CutSuffix(name, "%"); percent {
			return usage("there is no command %q; did you mean --chaos=%s%%?", name, number)
		}
		return unknownCommand(root, name)
	}
	return fmt.Errorf("%w; see `%s --help`", err, cmd.CommandPath())
}

// needs demands at least one argument, which what describes.
func needs(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("%s needs %s; see `%s --help`", cmd.CommandPath(), what, cmd.CommandPath())
		}
		return nil
	}
}

// atMostOne allows one argument, which what describes.
func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage("%s accepts at most 1 %s, but got %q too; see `%s --help`", cmd.CommandPath(), what, args[1], cmd.CommandPath())
		}
		return nil
	}
}

// unknownCommand returns the error for a sub-command that parent doesn't have.
func unknownCommand(parent *cobra.Command, name string) error {
	if near := similar(parent, name); len(near) > 0 {
		return usage("there is no command %q; did you mean %s? (`%s --help` lists them)", name, strings.Join(near, " or "), parent.CommandPath())
	}
	return usage("there is no command %q; `%s --help` lists them", name, parent.CommandPath())
}

// similar lists the sub-commands with similar names.
func similar(parent *cobra.Command, name string) []string {
	parent.SuggestionsMinimumDistance = 2 // misspellings
	if len(name) <= 3 {
		parent.SuggestionsMinimumDistance = 1
	}
	return parent.SuggestionsFor(name)
}
