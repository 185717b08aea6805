package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// variable is the environment variable of a flag.
func variable(flag string) string {
	return "MAILRIG_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// noVariable marks a flag whose variable means something else.
const noVariable = "no-variable"

// hasVariable leaves out the flags that ask for something else to be done.
func hasVariable(f *pflag.Flag) bool {
	return f.Name != "help" && f.Name != "version" && f.Annotations[noVariable] == nil
}

// applyEnv gives every flag that wasn't given the value of its variable. An empty
// variable is one that isn't set.
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
			wrong = usage("the variable %s is %q, which isn't %s; correct or unset it", name, value, expected(f))
			return
		}
		f.Changed = true
		a.fromEnv[f.Name] = true
	})
	return wrong
}

// source names where a flag's value came from, for messages.
func (a *app) source(flag string) string {
	if a.fromEnv[flag] {
		return "the variable " + variable(flag)
	}
	return "--" + flag
}

func expected(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "int", "int64":
		return "a whole number"
	case "duration":
		return "a duration such as 30s"
	default:
		return "a " + f.Value.Type()
	}
}

// nameVariables ends every flag's help with its variable.
func nameVariables(cmd *cobra.Command) {
	note := func(f *pflag.Flag) {
		if suffix := fmt.Sprintf(" [$%s]", variable(f.Name)); hasVariable(f) && !strings.HasSuffix(f.Usage, suffix) {
			f.Usage += suffix
		}
	}
	cmd.Flags().VisitAll(note)
	for _, sub := range cmd.Commands() {
		nameVariables(sub)
	}
}
