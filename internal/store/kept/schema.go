package kept

import (
	"errors"
	"fmt"
	"time"
)

// application marks the file as ours (SQLite's application_id): "mrig".
const application = 0x6d726967

// migrations bring a database from each version of its tables to the next one. Once released, none is ever changed. The
// version is in SQLite's user_version.
var migrations = [...]string{
	// A row of counters is what was handed out last. An entry's "added" is the mod-sequence at which it came, so a
	// mailbox's entries by uid are also in the order of arrival and of added. Dates are in microseconds.
	`CREATE TABLE counters (validity INTEGER, arrival INTEGER, message INTEGER, body INTEGER);
	CREATE TABLE accounts (address TEXT PRIMARY KEY) WITHOUT ROWID;
	CREATE TABLE mailboxes (
		id INTEGER PRIMARY KEY, account TEXT, name TEXT, special_use TEXT, validity INTEGER,
		uid_next INTEGER, recent_from INTEGER, modseq INTEGER, last_flags INTEGER, last_keyword INTEGER,
		forgotten INTEGER, removals INTEGER, messages INTEGER, unseen INTEGER, deleted INTEGER, size INTEGER);
	CREATE UNIQUE INDEX mailboxes_by_name ON mailboxes (account, name);
	CREATE TABLE subscriptions (account TEXT, name TEXT, PRIMARY KEY (account, name)) WITHOUT ROWID;
	CREATE TABLE keywords (mailbox INTEGER, lower TEXT, number INTEGER, keyword TEXT, PRIMARY KEY (mailbox, lower)) WITHOUT ROWID;
	CREATE TABLE removed (mailbox INTEGER, modseq INTEGER, uid INTEGER, PRIMARY KEY (mailbox, modseq, uid)) WITHOUT ROWID;
	CREATE TABLE entries (
		mailbox INTEGER, uid INTEGER, arrival INTEGER, added INTEGER, modseq INTEGER, stored INTEGER, date INTEGER, zone INTEGER,
		flags INTEGER, keywords TEXT, message INTEGER, name TEXT, body INTEGER, size INTEGER,
		PRIMARY KEY (mailbox, uid)) WITHOUT ROWID;
	CREATE UNIQUE INDEX entries_by_arrival ON entries (arrival);
	CREATE INDEX entries_changed ON entries (mailbox, modseq) WHERE modseq > added;
	CREATE TABLE messages (
		id INTEGER PRIMARY KEY, name TEXT, body INTEGER, received INTEGER, zone INTEGER, envelope TEXT, arrival INTEGER, refs INTEGER);
	CREATE TABLE bodies (id INTEGER PRIMARY KEY, digest BLOB, size INTEGER, refs INTEGER);
	CREATE UNIQUE INDEX bodies_by_digest ON bodies (digest);
	CREATE TABLE pieces (id INTEGER PRIMARY KEY, bytes BLOB);`,

	// What isn't mail (package state). "free" is when a record can be claimed: when it is due, or when a claim ends. "sum" is
	// the CRC-32 of its data.
	`ALTER TABLE counters ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
	CREATE TABLE records (id INTEGER PRIMARY KEY, kind TEXT, key TEXT, version INTEGER, due INTEGER, free INTEGER, sum INTEGER, data BLOB);
	CREATE UNIQUE INDEX records_by_key ON records (kind, key);
	CREATE INDEX records_due ON records (kind, free) WHERE due IS NOT NULL;
	CREATE TABLE sequences (name TEXT PRIMARY KEY, last INTEGER) WITHOUT ROWID;`,
}

// migrate brings the tables up to date. Each step is one transaction, so an interruption leaves a version as it was.
func migrate(c *conn, now time.Time) error {
	var version, app int
	if _, err := c.Get("PRAGMA user_version", nil, &version); err != nil {
		return err
	}
	if _, err := c.Get("PRAGMA application_id", nil, &app); err != nil {
		return err
	}
	switch {
	case version > len(migrations):
		return fmt.Errorf("a newer mailrig has written it (version %d of its tables; this one knows %d): use that mailrig, or give another directory", version, len(migrations))
	case version > 0 && app != application:
		return errors.New("the database isn't mailrig's: give another directory")
	}
	for ; version < len(migrations); version++ {
		steps := fmt.Sprintf("BEGIN IMMEDIATE;\n%s\nPRAGMA user_version = %d; PRAGMA application_id = %d;", migrations[version], version+1, application)
		if version == 0 {
			// The values grow from the present time on, so that they are larger than those of a directory that was removed:
			// a client that has kept its cache needs that (RFC 9051 section 2.3.1.1).
			steps += fmt.Sprintf("\nINSERT INTO counters VALUES (%d, 0, 0, 0);", max(now.Unix(), 1))
		}
		if err := c.script(steps + "\nCOMMIT;"); err != nil {
			return errors.Join(fmt.Errorf("bring it to version %d: %w", version+1, err), c.script("ROLLBACK"))
		}
	}
	return nil
}
