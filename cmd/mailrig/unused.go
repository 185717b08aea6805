package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/suggest"
)

// This file tells of what was meant for mailrig and reaches nobody: a variable with a slip in its name, a flag behind
// the command that run or trial runs.

// tellUnknownVariables tells of each variable MAILRIG_… that no command reads.
func (a *app) tellUnknownVariables(root *cobra.Command) {
	var known []string
	for _, kv := range a.environ() {
		name, value, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "MAILRIG_") || value == "" || fromService(name) {
			continue
		}
		if known == nil {
			known = knownVariables(root)
		}
		if slices.Contains(known, name) {
			continue
		}
		advice := "`mailrig serve --help` lists them"
		if near := nearestVariable(name, known); near != "" {
			advice = "did you mean " + near + "?"
		}
		fmt.Fprintf(a.stderr, "mailrig: there is no variable %s; %s\n", printableLine(name), advice)
	}
}

// nearestVariable returns the variable that was probably meant, or "". What all of them begin with makes none alike.
func nearestVariable(name string, known []string) string {
	const all = "MAILRIG_"
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = strings.TrimPrefix(k, all)
	}
	if near := suggest.Nearest(strings.TrimPrefix(name, all), words); near != "" {
		return all + near
	}
	return ""
}

// fromService reports whether Kubernetes or Docker set a variable because a service is called mailrig.
func fromService(name string) bool {
	return name == "MAILRIG_PORT" || name == "MAILRIG_NAME" || strings.HasPrefix(name, "MAILRIG_SERVICE_") || strings.HasPrefix(name, "MAILRIG_ENV_") ||
		strings.HasPrefix(name, "MAILRIG_PORT_") && (strings.Contains(name, "_TCP") || strings.Contains(name, "_UDP"))
}

// knownVariables lists the variables of all flags, and those that run gives its command.
func knownVariables(root *cobra.Command) []string {
	known := []string{"MAILRIG_HOST", "MAILRIG_CA_FILE", "MAILRIG_PASSWORD", "MAILRIG_PROCESS_TREE"}
	for _, d := range door.All() {
		known = append(known, fmt.Sprintf("MAILRIG_PORT_%d", d.Port))
	}
	var visit func(*cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if name := variable(f.Name); hasVariable(f) && !slices.Contains(known, name) {
				known = append(known, name)
			}
		})
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit(root)
	return known
}

// tellLateFlags tells of flags of mailrig's behind the command, which gets them. Whoever writes -- knows that.
func (a *app) tellLateFlags(cmd *cobra.Command, args []string) {
	if cmd.ArgsLenAtDash() >= 0 {
		return
	}
	for _, arg := range args[1:] {
		name, isFlag := strings.CutPrefix(arg, "--")
		if name, _, _ = strings.Cut(name, "="); !isFlag {
			continue
		}
		if name == "" {
			return
		}
		if cmd.Flags().Lookup(name) != nil {
			fmt.Fprintf(a.stderr, "mailrig: --%s goes to %s, because it stands behind it; if it is meant for mailrig, put it before the command, and otherwise put -- before the command\n", name, printableLine(args[0]))
		}
	}
}
