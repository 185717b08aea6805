package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/scenarios"
)

func (a *app) scenariosCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "scenarios [PATTERN...]",
		Short: "List the scenarios, explain one, check files",
		Long: `List the catalogue: every way in which mailrig can misbehave on request. A pattern
lists a part of it: the name of a scenario, a group such as smtp, or a glob over names
('smtp*') or over groups and names ('smtp/*'). Put globs into quotes.` + aboutVariables,
		Example: `  mailrig scenarios
  mailrig scenarios imap 'cert-*'
  mailrig scenarios show greylisting
  mailrig scenarios lint mine.yaml`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: scenarioPatterns,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := scenarios.Filter(scenarios.Index(), args...)
			if err != nil && len(args) > 0 && len(similar(cmd, args[0])) > 0 {
				return unknownCommand(cmd, args[0])
			}
			if err != nil {
				return usage("%w", err)
			}
			return a.listScenarios(found, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(a.showCommand(), a.lintCommand(), a.schemaCommand())
	return cmd
}

func (a *app) listScenarios(all []scenarios.Entry, asJSON bool) error {
	if asJSON {
		type info struct {
			Name  string `json:"name"`
			Title string `json:"title"`
			Story string `json:"story"`
			Group string `json:"group"`
		}
		list := []info{}
		for _, s := range all {
			list = append(list, info(s))
		}
		return writeJSON(a.stdout, list)
	}
	slices.SortStableFunc(all, func(x, y scenarios.Entry) int { return strings.Compare(x.Group, y.Group) })
	var b bytes.Buffer
	writeScenarios(&b, all, columns(a.stdout))
	_, err := b.WriteTo(a.stdout)
	return err
}

// leastTitle is how many columns a title gets beside its scenario's name, at least.
const leastTitle = 24

// writeScenarios writes scenarios by group. On a terminal, titles are folded; where they would be too narrow beside the
// names, they stand below them. columns is the width of the terminal; 0 means that there is none.
func writeScenarios(w io.Writer, all []scenarios.Entry, columns int) {
	below := columns > 0 && columns-titleColumn(all) < leastTitle
	for i, group := range byGroup(all) {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, strings.ToUpper(group[0].Group))
		at := titleColumn(group)
		for _, s := range group {
			title := printableLine(s.Title)
			if below {
				fmt.Fprintf(w, "  %s\n    %s\n", s.Name, folded(title, 4, columns))
			} else {
				fmt.Fprintf(w, "  %-*s%s\n", at-2, s.Name, folded(title, at, columns))
			}
		}
	}
}

// titleColumn is the column in which the titles of these scenarios begin, behind the longest name.
func titleColumn(list []scenarios.Entry) int {
	longest := 0
	for _, s := range list {
		longest = max(longest, len(s.Name))
	}
	return longest + 5
}

// byGroup divides scenarios that are sorted by group.
func byGroup(all []scenarios.Entry) (groups [][]scenarios.Entry) {
	for len(all) > 0 {
		n := 1
		for n < len(all) && all[n].Group == all[0].Group {
			n++
		}
		groups, all = append(groups, all[:n]), all[n:]
	}
	return groups
}

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of scenario files, for editors",
		Long: `Print the JSON Schema (draft-07) of scenario files. Save it as scenario.schema.json,
and make this the first line of a scenario:

  # yaml-language-server: $schema=./scenario.schema.json

Then your editor completes and explains what you write.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := a.stdout.Write(scenarios.JSONSchema())
			return err
		},
	}
}

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "show NAME...",
		Short:             "Explain what a scenario does, and what a good client does about it",
		Args:              needs("the name of a scenario"),
		ValidArgsFunction: scenarioNames,
		RunE: func(_ *cobra.Command, args []string) error {
			list, err := scenarios.Load(args...)
			if err != nil {
				return usage("%w", err)
			}
			for i, s := range list {
				if i > 0 {
					fmt.Fprintln(a.stdout)
				}
				fmt.Fprintln(a.stdout, strings.TrimRight(s.Explain(), "\n"))
			}
			return nil
		},
	}
}

// lintCommand prints every mistake as "file:line: message", which editors and CI can read.
func (a *app) lintCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "lint FILE...",
		Short: "Check scenario files; exit status 1 if one has a mistake",
		Args:  needs("the path of a scenario file"),
		RunE: func(_ *cobra.Command, args []string) error {
			bad := 0
			for _, file := range args {
				if _, err := scenarios.LoadFile(file); err != nil {
					bad++
					fmt.Fprintln(a.stderr, printable(err.Error()))
					continue
				}
				fmt.Fprintf(a.stdout, "%s: ok\n", file)
			}
			if bad > 0 {
				return &exitError{status: statusNegative}
			}
			return nil
		},
	}
}

// scenarioNames completes names in the catalogue, and files.
func scenarioNames(_ *cobra.Command, args []string, word string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return listOf(catalogue)(args, word), cobra.ShellCompDirectiveDefault
}

// scenarioPatterns completes names in the catalogue, and groups.
func scenarioPatterns(*cobra.Command, []string, string) (names []string, _ cobra.ShellCompDirective) {
	groups := map[string]int{}
	for _, s := range scenarios.Index() {
		names = append(names, s.Name+"\t"+s.Title)
		groups[s.Group]++
	}
	for group, n := range groups {
		names = append(names, fmt.Sprintf("%s\tthe group: %d scenarios", group, n))
	}
	slices.Sort(names)
	return names, cobra.ShellCompDirectiveNoFileComp
}
