package tally

import "github.com/mailrig/mailrig/internal/postgres"

// A row of counts is what is remembered about a key: how often it was counted (n), how often its age was asked for, and since
// when (asked, first), how many moments were allowed (allowed). The last of these moments are rows of their own, with
// consecutive numbers, so that a limit of 100,000 costs no more than one of 3. A row of places is how many places of a key a
// server's connections hold. Rows are small and change often, so pages have room for new versions of them.
var part = postgres.Part{Name: "tally", Steps: []string{
	`CREATE TABLE mailrig.counts (
		id bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
		run text COLLATE "C", rule text COLLATE "C", subject bytea,
		n bigint NOT NULL DEFAULT 0, asked bigint NOT NULL DEFAULT 0, first timestamptz, allowed bigint NOT NULL DEFAULT 0,
		used timestamptz NOT NULL DEFAULT clock_timestamp(),
		PRIMARY KEY (run, rule, subject)) WITH (fillfactor = 70);
	CREATE TABLE mailrig.moments (
		id bigint REFERENCES mailrig.counts (id) ON DELETE CASCADE, number bigint, at timestamptz NOT NULL,
		PRIMARY KEY (id, number));
	CREATE TABLE mailrig.places (
		run text COLLATE "C", rule text COLLATE "C", subject bytea, replica text COLLATE "C", held bigint NOT NULL,
		PRIMARY KEY (run, rule, subject, replica)) WITH (fillfactor = 70);`,
}}
