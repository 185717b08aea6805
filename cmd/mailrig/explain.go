package main

import (
	"errors"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/internal/explain"
)

func (a *app) explainCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "explain [flags] TEXT...",
		Short: "Say what is behind a mail client's message, error code or log",
		Long: `Say what is behind what a mail client said: an error message, a code such as
0x800CCC0E, a server's reply, a log, a whole dialogue, or a user's own words ("it
hangs"). explain prints the likely causes, the likeliest first, what to change, and the
scenario that reproduces it. It asks no server; a table in mailrig has the answers.

With - instead of TEXT, or with a pipe, it reads standard input, at most 4 MiB. A text
that begins with a hyphen needs -- before it.

Exit status: 0 it found a cause; 1 nothing in the text is known; 2 wrong usage.
docs/explain.md says how sure the answers are; docs/symptoms.md lists what users say.` + aboutVariables,
		Example: `  mailrig explain 'wrong version number'
  mailrig explain Outlook says 0x800CCC0E
  mailrig explain - < client.log
  swaks --server mail.example.org --to bob@example.org 2>&1 | mailrig explain`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(_ *cobra.Command, args []string) error {
			text, err := a.explainInput(args)
			if err != nil {
				return err
			}
			return a.explain(text, asJSON)
		},
	}
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		if strings.Contains(err.Error(), "shorthand") {
			return usage("%w; put -- before a text that begins with a hyphen", err)
		}
		return adviseFlag(cmd, err)
	})
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return cmd
}

// explainInput returns the text to explain.
func (a *app) explainInput(args []string) (string, error) {
	text := strings.Join(args, " ")
	if text == "-" || len(args) == 0 && !isTerminal(a.stdin) {
		data, err := io.ReadAll(io.LimitReader(a.stdin, explain.MaxInput+1))
		if errors.Is(err, os.ErrClosed) {
			data, err = nil, nil
		}
		if err != nil {
			return "", notStarted("read standard input: %w", err)
		}
		text = string(data)
	}
	switch {
	case len(text) > explain.MaxInput:
		return "", usage("the text is longer than 4 MiB; give the last part of it (`tail -c 4M client.log | mailrig explain -`)")
	case strings.TrimSpace(text) == "":
		return "", usage("no text to explain; give what the client said, or pipe its log to `mailrig explain -`")
	}
	return text, nil
}

func (a *app) explain(text string, asJSON bool) error {
	table, err := explain.Load()
	if err != nil {
		return notStarted("read the table: %w", err)
	}
	answer := table.Explain(text)
	if asJSON {
		err = writeJSON(a.stdout, answer)
	} else {
		_, err = io.WriteString(a.stdout, printable(table.Text(answer)))
	}
	switch {
	case err != nil:
		return notStarted("print the answer: %w", err)
	case len(answer.Causes) == 0:
		return &exitError{status: statusNegative}
	}
	return nil
}
