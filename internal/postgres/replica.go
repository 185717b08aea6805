package postgres

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"time"
)

const (
	beatEvery = 2 * time.Second
	// DeadAfter is how long after its last heartbeat a replica counts as dead. What it has locked is free then.
	DeadAfter = 10 * time.Second
	// forgetAfter is how long after its last heartbeat a replica's row is removed.
	forgetAfter = time.Hour
)

// Replica is one of the processes that share the database.
type Replica struct {
	ID      string // unique; a new one for each process
	Name    string // what a person calls it
	Started time.Time
}

// Self returns this process.
func (db *DB) Self() Replica { return db.self }

// Replicas returns those that live, the oldest first.
func (db *DB) Replicas(ctx context.Context) (list []Replica, err error) {
	rows, err := db.pool.Query(ctx, "SELECT id, name, started FROM mailrig.replicas WHERE seen > now() - make_interval(secs => $1) ORDER BY started, id", DeadAfter.Seconds())
	if err != nil {
		return nil, Failure(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r Replica
		if err := rows.Scan(&r.ID, &r.Name, &r.Started); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, Failure(rows.Err())
}

// join makes this process a replica.
func (db *DB) join(ctx context.Context, name string) error {
	if name == "" {
		name, _ = os.Hostname() // only for people
	}
	db.self = Replica{ID: strings.ToLower(rand.Text()[:12]), Name: name, Started: time.Now()}
	return db.seen(ctx)
}

// seen is a heartbeat. A row that is gone, because nobody saw this replica for long, comes back.
func (db *DB) seen(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, `INSERT INTO mailrig.replicas VALUES ($1, $2, now(), now()) ON CONFLICT (id) DO UPDATE SET seen = now()`, db.self.ID, db.self.Name)
	if readOnly(err) {
		return nil // a standby: nobody else needs to know
	}
	return err
}

func (db *DB) leave(ctx context.Context) error {
	_, err := db.pool.Exec(ctx, "DELETE FROM mailrig.replicas WHERE id = $1 OR seen < now() - make_interval(secs => $2)", db.self.ID, forgetAfter.Seconds())
	if readOnly(err) {
		return nil
	}
	return err
}

// beat sends heartbeats until ctx ends, and notes whether the database answers.
func (db *DB) beat(ctx context.Context) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		bounded, cancel := context.WithTimeout(ctx, connectTime)
		err := db.seen(bounded)
		cancel()
		if ctx.Err() != nil {
			return
		}
		db.note(err)
	}
}

// note keeps what the last heartbeat has shown, and logs when that changes.
func (db *DB) note(err error) {
	was := db.Away()
	if err == nil {
		db.away.Store(nil)
	} else {
		err = Failure(err)
		db.away.Store(&err)
	}
	switch {
	case err != nil && was == nil:
		db.logger.Warn("the database is away", "database", db.masked, "error", err)
	case err == nil && was != nil:
		db.logger.Info("the database is back", "database", db.masked)
	}
}
