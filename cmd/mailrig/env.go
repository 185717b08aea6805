package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// variable returns the name of a flag's environment variable.
func variable(flag string) string {
	return "MAILRIG_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// noVariable marks a flag whose variable means something else.
const noVariable = "no-variable"

// hasVariable reports whether a flag has a variable. Flags that ask for another action don't.
func hasVariable(f *pflag.Flag) bool {
	return f.Name != "help" && f.Name != "version" && f.Annotations[noVariable] == nil
}

// applyEnv gives every flag that wasn't set the value of its variable. An empty variable counts as unset.
func (a *app) applyEnv(cmd *cobra.Command) error {
	a.fromEnv = map[string]bool{}
	var wrong error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := variable(f.Name)
		value := a.getenv(name)
		if f.Changed || value == "" || !hasVariable(f) || wrong != nil {
			return
		}
		var err error
		if l, ok := f.Value.(*list); ok {
			l.setVariable(value)
		} else {
			err = f.Value.Set(value)
		}
		if err != nil {
			wrong = usage("the variable %s is %q, which isn't %s; correct or unset it", name, value, wanted(f, value))
			return
		}
		f.Changed = true
		a.fromEnv[f.Name] = true
	})
	return wrong
}

// source says where a flag's value came from, for messages.
func (a *app) source(flag string) string {
	if a.fromEnv[flag] {
		return "the variable " + variable(flag)
	}
	return "--" + flag
}

// nameVariables appends its variable to every flag's help, and lets switches take the words of variables.
func nameVariables(cmd *cobra.Command) {
	note := func(f *pflag.Flag) {
		if suffix := fmt.Sprintf(" [$%s]", variable(f.Name)); hasVariable(f) && !strings.HasSuffix(f.Usage, suffix) {
			f.Usage += suffix
		}
		if _, done := f.Value.(yesNo); f.Value.Type() == "bool" && !done {
			f.Value = yesNo{f.Value}
		}
	}
	cmd.Flags().VisitAll(note)
	for _, sub := range cmd.Commands() {
		nameVariables(sub)
	}
}
