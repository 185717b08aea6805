package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailrig/mailrig/internal/suggest"
)

// This file says what is wrong with a flag, in words for people who don't know the libraries behind it.

// adviseFlag puts pflag's errors into words.
func adviseFlag(cmd *cobra.Command, err error) error {
	var (
		unknown *pflag.NotExistError
		missing *pflag.ValueRequiredError
		invalid *pflag.InvalidValueError
		syntax  *pflag.InvalidSyntaxError
	)
	switch {
	case errors.As(err, &unknown) && unknown.GetSpecifiedShortnames() != "":
		return usage("there is no flag -%s; `%s --help` lists them", unknown.GetSpecifiedName(), cmd.CommandPath())
	case errors.As(err, &unknown):
		return unknownFlag(cmd, unknown.GetSpecifiedName())
	case errors.As(err, &missing):
		f := missing.GetFlag()
		return usage("--%s needs a value: %s", f.Name, expected(f))
	case errors.As(err, &invalid):
		f := invalid.GetFlag()
		return usage("--%s is %q, which isn't %s", f.Name, invalid.GetValue(), wanted(f, invalid.GetValue()))
	case errors.As(err, &syntax):
		return usage("%q isn't a flag; write --name or --name=value", syntax.GetSpecifiedFlag())
	}
	return usage("%w; see `%s --help`", err, cmd.CommandPath())
}

func unknownFlag(cmd *cobra.Command, name string) error {
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if near := suggest.Nearest(name, names); near != "" {
		return usage("there is no flag --%s; did you mean --%s? (`%s --help` lists them)", name, near, cmd.CommandPath())
	}
	return usage("there is no flag --%s; `%s --help` lists them", name, cmd.CommandPath())
}

// expected says what a flag's value must be.
func expected(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "int", "int64", "uint64":
		return "a whole number"
	case "size":
		return "a size such as 512MB or 2GiB"
	case "duration":
		return "a duration such as 30s"
	default:
		name, _ := pflag.UnquoteUsage(f)
		return name
	}
}

// wanted is expected, with what was probably meant.
func wanted(f *pflag.Flag, value string) string {
	text := expected(f)
	if f.Value.Type() == "duration" && value != "" && strings.Trim(value, "0123456789.") == "" {
		text += fmt.Sprintf("; did you mean %ss?", value)
	}
	return text
}

// yesNo is the value of a switch that also takes the words that people put into variables.
type yesNo struct{ pflag.Value }

// Set takes what strconv.ParseBool does, and yes, no, on, off, y and n, in any case.
func (v yesNo) Set(text string) error {
	switch strings.ToLower(text) {
	case "yes", "on", "y":
		text = "true"
	case "no", "off", "n":
		text = "false"
	}
	return v.Value.Set(strings.ToLower(text))
}

// IsBoolFlag says that the flag needs no value.
func (yesNo) IsBoolFlag() bool { return true }
