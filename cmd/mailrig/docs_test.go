package main

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/mailrig/mailrig/internal/testkit/pages"
)

// TestDocsUseFlagsThatExist reads every mailrig command of every page as mailrig would: the sub-commands, flags and
// numbers of arguments must be right. e2e runs the commands; what can't run there is at least read here.
func TestDocsUseFlagsThatExist(t *testing.T) {
	t.Parallel()
	all, err := pages.All("../..")
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, page := range all {
		for _, c := range page.Commands {
			calls, err := pages.Calls(c.Text)
			if err != nil {
				t.Errorf("%s, line %d: %s: %v", c.Page, c.Line, c.Text, err)
			}
			for _, call := range calls {
				n, err := readCall(call, c.Prose)
				if err != nil {
					t.Errorf("%s, line %d: %s: %v", c.Page, c.Line, c.Text, err)
				}
				read += n
			}
		}
	}
	if read < 50 {
		t.Errorf("read only %d commands", read)
	}
}

// readCall reads a call of mailrig, and those in the command that it runs. In a sentence a value may be a placeholder
// such as NAME or n: there only flags and sub-commands count. It returns how many calls of mailrig it has read.
func readCall(words []string, prose bool) (int, error) {
	if words[0] == "sh" && len(words) > 2 && words[1] == "-c" {
		calls, err := pages.Calls(words[2])
		read := 0
		for _, call := range calls {
			n, wrong := readCall(call, prose)
			read += n
			if err == nil {
				err = wrong
			}
		}
		return read, err
	}
	if words[0] != "mailrig" {
		return 0, nil
	}
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }, environ: func() []string { return nil }}
	cmd, args, err := a.root().Find(words[1:])
	if err != nil {
		return 1, err
	}
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	if prose {
		cmd.Flags().VisitAll(func(f *pflag.Flag) { f.Value = anything{f.Value} })
	}
	if err := cmd.ParseFlags(args); err != nil {
		return 1, err
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil && !prose {
		return 1, err
	}
	read := 1
	if dash := slices.Index(args, "--"); dash >= 0 && dash+1 < len(args) && cmd.Name() == "run" {
		n, err := readCall(args[dash+1:], prose)
		return read + n, err
	}
	return read, nil
}

// anything is a flag's value that takes any word.
type anything struct{ pflag.Value }

func (anything) Set(string) error { return nil }

func (v anything) IsBoolFlag() bool { return v.Type() == "bool" }

// TestExamplesUseFlagsThatExist reads the examples of the help in the same way.
func TestExamplesUseFlagsThatExist(t *testing.T) {
	t.Parallel()
	a := &app{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }, environ: func() []string { return nil }}
	read := 0
	var check func(cmd *cobra.Command)
	check = func(cmd *cobra.Command) {
		calls, err := pages.Calls(cmd.Example)
		if err != nil {
			t.Errorf("%s: %v", cmd.CommandPath(), err)
		}
		for _, call := range calls {
			n, err := readCall(call, false)
			if err != nil {
				t.Errorf("%s: %q: %v", cmd.CommandPath(), call, err)
			}
			read += n
		}
		for _, sub := range cmd.Commands() {
			check(sub)
		}
	}
	check(a.root())
	if read < 20 {
		t.Errorf("read only %d examples", read)
	}
}

// TestReadCallFindsMistakes shows what the test above would notice.
func TestReadCallFindsMistakes(t *testing.T) {
	t.Parallel()
	for _, words := range [][]string{
		{"mailrig", "uze", "greylisting"},
		{"mailrig", "serve", "--scenari", "greylisting"},
		{"mailrig", "wait", "--count", "many"},
		{"mailrig", "version", "now"},
		{"mailrig", "run", "--", "mailrig", "wait", "--redy"},
		{"mailrig", "run", "--", "sh", "-c", "true && mailrig wait --redy"},
	} {
		if _, err := readCall(words, false); err == nil {
			t.Errorf("%q is no mistake", words)
		}
	}
	if _, err := readCall([]string{"mailrig", "wait", "--count", "n"}, true); err != nil {
		t.Errorf("a placeholder in a sentence: %v", err)
	}
}
