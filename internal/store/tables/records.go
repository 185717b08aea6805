package tables

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"hash/crc32"
	"math"
	"time"

	"github.com/mailrig/mailrig/internal/state"
)

// records implements state.Store with a table of the same database. Changes share the transactions of mail.
type records struct{ store *Store }

// State returns the records besides mail that are kept in the same database. It is closed with the Store.
func (s *Store) State() state.Store { return records{s} }

// recordColumns are what scanRecord reads.
const recordColumns = "kind, key, data, due, version"

func scanRecord(scan func(...any) error) (r state.Record, err error) {
	var due sql.NullInt64
	err = scan(&r.Kind, &r.Key, &r.Data, &due, &r.Version)
	if due.Valid {
		r.Due = time.UnixMicro(due.Int64).UTC()
	}
	return r, err
}

// Get implements state.Store.
func (s records) Get(ctx context.Context, kind, key string) (r state.Record, err error) {
	err = s.store.engine.Read(ctx, func(c Conn) error {
		var found bool
		r, err = scanRecord(func(dest ...any) (err error) {
			found, err = c.Get("SELECT "+recordColumns+" FROM records WHERE kind = ? AND key = ?", []any{kind, key}, dest...)
			return err
		})
		if err == nil && !found {
			err = state.ErrNone
		}
		return err
	})
	return r, err
}

// List implements state.Store.
func (s records) List(ctx context.Context, kind, after string, most int) (list []state.Record, err error) {
	err = s.store.engine.Read(ctx, func(c Conn) (err error) {
		list, err = listRecords(c, "SELECT "+recordColumns+" FROM records WHERE kind = ? AND key > ? ORDER BY key LIMIT ?", kind, after, most)
		return err
	})
	return list, err
}

func listRecords(c Conn, query string, args ...any) (list []state.Record, err error) {
	err = c.Each(query, args, func(rows Rows) error {
		r, err := scanRecord(rows.Scan)
		list = append(list, r)
		return err
	})
	return list, err
}

// Count implements state.Store.
func (s records) Count(ctx context.Context, kind string) (n int, size int64, err error) {
	err = s.store.engine.Read(ctx, func(c Conn) error {
		_, err := c.Get("SELECT count(*), coalesce(sum(length(data)), 0) FROM records WHERE kind = ?", []any{kind}, &n, &size)
		return err
	})
	return n, size, err
}

// Apply implements state.Store.
func (s records) Apply(ctx context.Context, changes ...state.Change) (version state.Version, err error) {
	if err := state.CheckAll(changes); err != nil {
		return 0, err
	}
	err = s.store.write(ctx, needs{}, func(t *tx) error {
		t.numbers.version++
		version = state.Version(t.numbers.version)
		for i := range changes {
			if err := t.apply(&changes[i], version); err != nil {
				return err
			}
			t.news = append(t.news, News{Kind: changes[i].Kind})
		}
		return nil
	})
	return version, err
}

// apply makes one change to a record.
func (t *tx) apply(c *state.Change, version state.Version) error {
	if c.All {
		return t.Exec("DELETE FROM records WHERE kind = ?", c.Kind)
	}
	if c.If != state.Any {
		now := state.Absent
		if _, err := t.Get("SELECT version FROM records WHERE kind = ? AND key = ?", []any{c.Kind, c.Key}, &now); err != nil {
			return err
		}
		if now != c.If {
			return fmt.Errorf("%w: %s %s", state.ErrConflict, c.Kind, c.Key)
		}
	}
	if c.Remove {
		return t.Exec("DELETE FROM records WHERE kind = ? AND key = ?", c.Kind, c.Key)
	}
	var due any
	if !c.Due.IsZero() {
		due = c.Due.UnixMicro()
	}
	data := c.Data
	if data == nil {
		data = []byte{} // not NULL
	}
	return t.Exec(`INSERT INTO records (kind, key, version, due, free, sum, data) VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6)
		ON CONFLICT (kind, key) DO UPDATE SET version = ?3, due = ?4, free = ?4, sum = ?5, data = ?6`,
		c.Kind, c.Key, int64(version), due, int64(crc32.ChecksumIEEE(data)), data)
}

// Claim implements state.Store. A claim is the time from which on others may have the record. Nothing is written as long as
// nothing is due.
func (s records) Claim(ctx context.Context, kind string, most int, lease time.Duration) (due []state.Record, wait time.Duration, err error) {
	claimable := func(c Conn, now time.Time) (time.Duration, error) {
		free := int64(math.MaxInt64)
		_, err := c.Get("SELECT free FROM records WHERE kind = ? AND due IS NOT NULL ORDER BY free LIMIT 1", []any{kind}, &free)
		if free == math.MaxInt64 {
			return -1, err
		}
		return max(0, time.UnixMicro(free).Sub(now)), err
	}
	err = s.store.engine.Read(ctx, func(c Conn) (err error) {
		wait, err = claimable(c, s.store.now())
		return err
	})
	if err != nil || wait != 0 || most <= 0 {
		return nil, wait, err
	}
	err = s.store.write(ctx, needs{}, func(t *tx) error {
		now := s.store.now()
		due, err = listRecords(t.Conn, "SELECT "+recordColumns+" FROM records WHERE kind = ? AND due IS NOT NULL AND free <= ? ORDER BY due, key LIMIT ?", kind, now.UnixMicro(), most)
		if err != nil {
			return err
		}
		t.numbers.version++
		for i := range due {
			due[i].Version = state.Version(t.numbers.version)
			if err := t.Exec("UPDATE records SET version = ?, free = ? WHERE kind = ? AND key = ?", t.numbers.version, now.Add(lease).UnixMicro(), kind, due[i].Key); err != nil {
				return err
			}
		}
		wait, err = claimable(t.Conn, now)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return due, wait, nil
}

// Take implements state.Store.
func (s records) Take(ctx context.Context, name string, n int) (first uint64, err error) {
	err = s.store.write(ctx, needs{}, func(t *tx) error {
		var last int64
		_, err := t.Get("INSERT INTO sequences VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET last = sequences.last + ?2 RETURNING last", []any{name, int64(max(0, n))}, &last)
		first = uint64(last-int64(max(0, n))) + 1
		return err
	})
	return first, err
}

// Watch implements state.Store.
func (s records) Watch(ctx context.Context, kind string) (state.Watch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return s.store.watchers.Add(kind), nil
}

// checkRecords compares the records' bytes with their sums.
func (s *Store) checkRecords(ctx context.Context, c Conn, r *Report) error {
	damaged := 0
	return c.Each("SELECT coalesce(kind, ''), coalesce(key, ''), sum, data FROM records ORDER BY id", nil, func(rows Rows) error {
		var kind, key string
		var sum sql.NullInt64
		var data []byte
		if err := rows.Scan(&kind, &key, &sum, &data); err != nil {
			return err
		}
		r.Records++
		if sum.Int64 != int64(crc32.ChecksumIEEE(data)) {
			if damaged++; damaged <= maxProblems {
				r.Problems = append(r.Problems, fmt.Sprintf("the %s %q isn't what was written", kind, bytes.ToValidUTF8([]byte(key), nil)))
			}
		}
		return ctx.Err()
	})
}
