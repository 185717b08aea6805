package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

func (a *app) manCommand() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use:   "man [COMMAND...]",
		Short: "Print the manual page of a command, or write all pages",
		Long: `Print the manual page of mailrig, or of one of its commands, in the language of
man(7). Packages come with these pages. With --dir, mailrig writes one file for the
command and one for each command below it.`,
		Example: `  mailrig man run | man -l -
  mailrig man --dir ~/.local/share/man/man1`,
		ValidArgsFunction: commandNames,
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := descend(cmd.Root(), args)
			if err != nil {
				return err
			}
			if dir == "" {
				_, err := a.stdout.Write(manPage(at))
				return err
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return notStarted("can't make the directory for the manual pages: %w; give another --dir", err)
			}
			return writeManPages(at, dir)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "write the pages to `DIR`, as mailrig.1, mailrig-run.1 and so on")
	_ = cmd.Flags().SetAnnotation("dir", noVariable, []string{"true"}) // fails only for a flag that isn't there
	return cmd
}

// writeManPages writes the pages of a command and of those below it.
func writeManPages(cmd *cobra.Command, dir string) error {
	file := filepath.Join(dir, manName(cmd)+".1")
	if err := os.WriteFile(file, manPage(cmd), 0o644); err != nil {
		return notStarted("can't write a manual page: %w; give another --dir", err)
	}
	for _, sub := range subcommands(cmd) {
		if err := writeManPages(sub, dir); err != nil {
			return err
		}
	}
	return nil
}
