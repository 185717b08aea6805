package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Part is a part of mailrig that has tables in the database. All are in the schema "mailrig", and statements name it.
type Part struct {
	Name string // unique, such as "mail"
	// Steps bring the tables from each version to the next one. A step may be several statements. Once released, none is
	// ever changed.
	Steps []string
}

// lockNumber is the advisory lock of those who change tables.
const lockNumber = 0x6d726967 // "mrig"

// shared has the tables of this package.
var shared = Part{Name: "shared", Steps: []string{
	`CREATE TABLE mailrig.replicas (id text PRIMARY KEY, name text NOT NULL, started timestamptz NOT NULL, seen timestamptz NOT NULL)`,
}}

// Migrate brings a part's tables up to date. Replicas that start at the same time wait for one another. A part that a newer
// mailrig has written is refused.
func (db *DB) Migrate(ctx context.Context, p Part) error {
	if version, err := db.version(ctx, p); err != nil || version == len(p.Steps) {
		return err // a standby, where nothing can be changed, gets as far as this
	}
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error { return db.migrate(ctx, tx, p) })
	if err != nil && !errors.Is(err, errNewer) {
		return db.explain("make the tables in", err)
	}
	return err
}

var errNewer = errors.New("a newer mailrig has written it")

func (p *Part) check(version int, database string) error {
	if version > len(p.Steps) {
		return fmt.Errorf("the database %s can't be used: %w (version %d of its tables for %q; this one knows %d). Use that mailrig, or give another database", database, errNewer, version, p.Name, len(p.Steps))
	}
	return nil
}

// Alone carries out do while no other replica does anything of this name. do may use the database.
func (db *DB) Alone(ctx context.Context, name string, do func() error) error {
	err := pgx.BeginFunc(ctx, db.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, hashtext($2))", int32(lockNumber>>1), name); err != nil {
			return Failure(err)
		}
		return do()
	})
	return err
}

// version returns which version a part's tables have; 0 means that there are none.
func (db *DB) version(ctx context.Context, p Part) (version int, err error) {
	var exists bool
	if err := db.pool.QueryRow(ctx, "SELECT to_regclass('mailrig.versions') IS NOT NULL").Scan(&exists); err != nil || !exists {
		return 0, db.explain("use", err)
	}
	err = db.pool.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM mailrig.versions WHERE part = $1", p.Name).Scan(&version)
	if err != nil {
		return 0, db.explain("use", err)
	}
	return version, p.check(version, db.masked)
}

func (db *DB) migrate(ctx context.Context, tx pgx.Tx, p Part) error {
	exec := func(query string, args ...any) error { // the simple protocol takes several statements
		_, err := tx.Exec(ctx, query, append([]any{pgx.QueryExecModeSimpleProtocol}, args...)...)
		return err
	}
	if err := exec("SELECT pg_advisory_xact_lock($1)", int64(lockNumber)); err != nil {
		return err
	}
	if err := exec(`CREATE SCHEMA IF NOT EXISTS mailrig;
		CREATE TABLE IF NOT EXISTS mailrig.versions (part text PRIMARY KEY, version integer NOT NULL)`); err != nil {
		return err
	}
	var version int
	if err := tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM mailrig.versions WHERE part = $1", pgx.QueryExecModeSimpleProtocol, p.Name).Scan(&version); err != nil {
		return err
	}
	if err := p.check(version, db.masked); err != nil {
		return err
	}
	for ; version < len(p.Steps); version++ {
		if err := exec(p.Steps[version]); err != nil {
			return fmt.Errorf("bring %q to version %d: %w", p.Name, version+1, err)
		}
	}
	return exec("INSERT INTO mailrig.versions VALUES ($1, $2) ON CONFLICT (part) DO UPDATE SET version = $2", p.Name, version)
}
