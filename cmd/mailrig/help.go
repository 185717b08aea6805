package main

import (
	"github.com/spf13/cobra"
)

// helpCommand prints the help of a command. Cobra's own answers a misspelt name with status 0.
func helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:               "help [COMMAND]",
		Short:             "Print the help of a command",
		ValidArgsFunction: commandNames,
		RunE: func(_ *cobra.Command, args []string) error {
			at, err := descend(root, args)
			if err != nil {
				return err
			}
			at.InitDefaultHelpFlag()
			return at.Help()
		},
	}
}

// commandNames completes the names of commands and of those below them.
func commandNames(cmd *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
	at, err := descend(cmd.Root(), args)
	if err == nil {
		for _, sub := range subcommands(at) {
			names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// descend returns the command to which these names lead.
func descend(from *cobra.Command, names []string) (*cobra.Command, error) {
	for _, name := range names {
		next := child(from, name)
		if next == nil {
			return nil, unknownCommand(from, name)
		}
		from = next
	}
	return from, nil
}

// subcommands lists the sub-commands that help shows.
func subcommands(cmd *cobra.Command) (subs []*cobra.Command) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			subs = append(subs, sub)
		}
	}
	return subs
}

// child returns a command's sub-command, or nil.
func child(parent *cobra.Command, name string) *cobra.Command {
	for _, sub := range parent.Commands() {
		if sub.Name() == name || sub.HasAlias(name) {
			return sub
		}
	}
	return nil
}

// strictCompletion makes the command "completion" refuse a shell that it doesn't know, which cobra answers with help.
func strictCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd("serve")
	if c := child(root, "completion"); c != nil {
		c.Args = func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return nil
		}
		c.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
}
