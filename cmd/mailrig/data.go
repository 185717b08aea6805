package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/postgres"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/kept"
	"github.com/mailrig/mailrig/internal/store/seed"
	"github.com/mailrig/mailrig/internal/store/shared"
	"github.com/mailrig/mailrig/internal/store/tables"
)

func (a *app) dataCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "data",
		Short: "Check, compact or export mail that --data keeps",
		Long: `Work on a directory in which "mailrig serve --data DIR" keeps mail. mailrig must not
run with that directory meanwhile. With a database, it may: give the URL instead of DIR.` + aboutVariables,
		Example: `  mailrig data check mail
  mailrig data check postgres://rig:secret@db/rig
  mailrig data compact mail
  mailrig data export mail seed && mailrig serve --seed seed`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return usage("say what to do: check, compact or export; see `mailrig data --help`")
		},
	}
	cmd.AddCommand(a.dataCheckCommand(), a.dataCompactCommand(), a.dataExportCommand())
	return cmd
}

func (a *app) dataCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "check DIR",
		Short: "Read everything, and say whether it agrees",
		Long: `Read everything that is kept: the file's structure, the sums of each mailbox, and each
message's bytes against their digest. Exit status 1 means that something is wrong.`,
		Example: `  mailrig data check mail`,
		Args:    exactly(1, "a directory, or the URL of a database"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withData(cmd.Context(), args[0], func(s keptData) error {
				r, err := s.Check(cmd.Context())
				if err != nil {
					return negative("%w", err)
				}
				for _, p := range r.Problems {
					fmt.Fprintln(a.stdout, printableLine(p))
				}
				if len(r.Problems) > 0 {
					return negative("%s has %d problems; export what can be read with `mailrig data export`", placeOf(args[0]), len(r.Problems))
				}
				fmt.Fprintf(a.stdout, "%d accounts, %d mailboxes, %d messages, %s: all in order\n", r.Accounts, r.Mailboxes, r.Messages, budget.FormatSize(r.Bytes))
				return nil
			})
		},
	}
}

func (a *app) dataCompactCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "compact DIR",
		Short: "Give the room of removed mail back to the disk",
		Long: `Give the room of removed mail back to the disk. Without this, mailrig uses it for new
mail. It needs as much free room as the mail that is there.`,
		Example: `  mailrig data compact mail`,
		Args:    exactly(1, "a directory"),
		RunE: func(_ *cobra.Command, args []string) error {
			if postgres.IsURL(args[0]) {
				return usage("PostgreSQL gives room back by itself; for more, use VACUUM FULL there")
			}
			return withDirectory(args[0], func(s *kept.Store) error {
				if err := s.Compact(); err != nil {
					return negative("%w", err)
				}
				return nil
			})
		},
	}
}

func (a *app) dataExportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "export DIR TO",
		Short: "Write all messages as files that --seed reads",
		Long: `Write all messages as files TO/user@domain/FOLDER/UID.eml, as --seed reads them. Their
bytes are as they were received; give --seed-raw too, so that they stay so. A file's
time is the message's date. Flags and envelopes aren't exported. TO must be empty, or not exist.`,
		Example: `  mailrig data export mail seed`,
		Args:    exactly(2, "a directory with kept mail, or the URL of a database, and a directory to write to"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withData(cmd.Context(), args[0], func(s keptData) error {
				saved, err := seed.Save(cmd.Context(), s, args[1])
				if err != nil {
					return negative("%w", err)
				}
				for _, name := range saved.LeftOut {
					fmt.Fprintf(a.stderr, "mailrig: %s is left out: it can't be the name of a directory\n", printableLine(name))
				}
				fmt.Fprintf(a.stdout, "%d messages written to %s\n", saved.Messages, printableLine(args[1]))
				if len(saved.LeftOut) > 0 {
					return negative("%d mailboxes are left out", len(saved.LeftOut))
				}
				return nil
			})
		},
	}
}

// exactly demands n arguments, which what describes.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usage("%s needs %s; see `%s --help`", cmd.CommandPath(), what, cmd.CommandPath())
		}
		return nil
	}
}

// keptData is mail that is kept, wherever.
type keptData interface {
	store.Store
	Check(ctx context.Context) (tables.Report, error)
	Close() error
}

// withData opens kept mail, and closes it afterwards.
func (a *app) withData(ctx context.Context, place string, do func(keptData) error) error {
	if postgres.IsURL(place) {
		return withDatabase(ctx, place, do)
	}
	return withDirectory(place, func(s *kept.Store) error { return do(s) })
}

func withDirectory(dir string, do func(*kept.Store) error) error {
	if !kept.Exists(dir) {
		return notStarted("there is no kept mail in %s; give the directory of `mailrig serve --data`", dir)
	}
	s, err := kept.Open(dir, kept.Options{})
	if err != nil {
		return notStarted("%w", err)
	}
	err = do(s)
	if closed := s.Close(); err == nil && closed != nil {
		err = negative("%w", closed)
	}
	return err
}

func withDatabase(ctx context.Context, url string, do func(keptData) error) error {
	db, err := postgres.Open(ctx, url, postgres.Options{Wait: time.Nanosecond})
	if err != nil {
		return notStarted("%w", err)
	}
	s, err := shared.Open(ctx, db, shared.Options{})
	if err != nil {
		return notStarted("%w", errors.Join(err, db.Close()))
	}
	err = do(s)
	if closed := errors.Join(s.Close(), db.Close()); err == nil && closed != nil {
		err = negative("%w", closed)
	}
	return err
}

// placeOf returns a place of kept mail, to be shown.
func placeOf(place string) string {
	if postgres.IsURL(place) {
		return postgres.Masked(place)
	}
	return place
}
