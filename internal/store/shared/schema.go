package shared

import (
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/postgres"
)

// part has the tables of mail, and of records besides it. They are as in package kept, except for the types, and for what
// several servers need.
//
// UIDVALIDITY values grow from the present time on, so that they are larger than those of a database that was removed: a
// client that has kept its cache needs that (RFC 9051 section 2.3.1.1).
func part(now time.Time) postgres.Part {
	first := fmt.Sprintf("INSERT INTO mailrig.counters VALUES (%d, 0, 0, 0, 0);", max(now.Unix(), 1))
	return postgres.Part{Name: "mail", Steps: []string{version1 + first}}
}

// The row of counters is what was handed out last; whoever changes anything has locked it. An entry's "added" is the
// mod-sequence at which it came. Dates are in microseconds. "free" is when a record can be claimed: when it is due, or
// when a claim ends; "sum" is the CRC-32 of its data. Names are compared byte by byte, as Go does.
const version1 = `CREATE TABLE mailrig.counters (validity bigint NOT NULL, arrival bigint NOT NULL, message bigint NOT NULL, body bigint NOT NULL, version bigint NOT NULL) WITH (fillfactor = 10);
	CREATE TABLE mailrig.accounts (address text COLLATE "C" PRIMARY KEY);
	CREATE TABLE mailrig.mailboxes (
		id bigint PRIMARY KEY, account text COLLATE "C", name text COLLATE "C", special_use text, validity bigint,
		uid_next bigint, recent_from bigint, modseq bigint, last_flags bigint, last_keyword bigint,
		forgotten bigint, removals integer, messages integer, unseen integer, deleted integer, size bigint) WITH (fillfactor = 50);
	CREATE UNIQUE INDEX mailboxes_by_name ON mailrig.mailboxes (account, name);
	CREATE TABLE mailrig.subscriptions (account text COLLATE "C", name text COLLATE "C", PRIMARY KEY (account, name));
	CREATE TABLE mailrig.keywords (mailbox bigint, lower text COLLATE "C", number integer, keyword text COLLATE "C", PRIMARY KEY (mailbox, lower));
	CREATE TABLE mailrig.removed (mailbox bigint, modseq bigint, uid bigint, PRIMARY KEY (mailbox, modseq, uid));
	CREATE TABLE mailrig.entries (
		mailbox bigint, uid bigint, arrival bigint, added bigint, modseq bigint, stored bigint, date bigint, zone integer,
		flags integer, keywords text, message bigint, name text, body bigint, size bigint,
		PRIMARY KEY (mailbox, uid));
	CREATE UNIQUE INDEX entries_by_arrival ON mailrig.entries (arrival);
	CREATE INDEX entries_changed ON mailrig.entries (mailbox, modseq) WHERE modseq > added;
	CREATE TABLE mailrig.messages (
		id bigint PRIMARY KEY, name text, body bigint, received bigint, zone integer, envelope text, arrival bigint, refs integer);
	CREATE TABLE mailrig.bodies (id bigint PRIMARY KEY, digest bytea, size bigint, refs integer);
	CREATE UNIQUE INDEX bodies_by_digest ON mailrig.bodies (digest);
	CREATE TABLE mailrig.pieces (id bigint PRIMARY KEY, bytes bytea);
	CREATE TABLE mailrig.records (
		id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, kind text COLLATE "C", key text COLLATE "C", version bigint, due bigint, free bigint, sum bigint, data bytea);
	CREATE UNIQUE INDEX records_by_key ON mailrig.records (kind, key);
	CREATE INDEX records_due ON mailrig.records (kind, free) WHERE due IS NOT NULL;
	CREATE TABLE mailrig.sequences (name text COLLATE "C" PRIMARY KEY, last bigint);
	CREATE TABLE mailrig.leases (address text COLLATE "C" PRIMARY KEY, replica text NOT NULL, token text NOT NULL, until timestamptz NOT NULL);
`
