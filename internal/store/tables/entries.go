package tables

import (
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/store"
)

// columns are what scan reads of an entry.
const columns = "uid, arrival, modseq, date, zone, flags, keywords, message, name, body, size"

// scan reads an entry. dest come before it in the row.
func (s *Store) scan(rows Rows, dest ...any) (store.Entry, error) {
	var e store.Entry
	m := &message{store: s}
	var at int64
	var zone, flags int
	var keywords sql.NullString
	err := rows.Scan(append(dest, &e.UID, &e.Arrival, &e.ModSeq, &at, &zone, &flags, &keywords, &m.number, &m.name, &m.body, &m.size)...)
	e.Date, e.Flags, e.Message = dateOf(at, zone), unpack(flags, keywords.String), m
	return e, err
}

// pack returns a sorted list of flags as it is in the database: a bit for each system flag, and the keywords.
func pack(flags []string) (bits int, keywords any) {
	var words []string
	system := store.SystemFlags()
	for _, f := range flags {
		if i := slices.Index(system, f); i >= 0 {
			bits |= 1 << i
		} else {
			words = append(words, f)
		}
	}
	if words == nil {
		return bits, nil
	}
	return bits, strings.Join(words, " ")
}

func unpack(bits int, keywords string) []string {
	if bits == 0 && keywords == "" {
		return nil
	}
	flags := strings.Fields(keywords)
	for i, f := range store.SystemFlags() {
		if bits&(1<<i) != 0 {
			flags = append(flags, f)
		}
	}
	slices.Sort(flags)
	return flags
}

// bit returns the bit of a system flag.
func bit(flag string) int { return 1 << slices.Index(store.SystemFlags(), flag) }

// manyRuns is from how many runs of UIDs on one look at all entries between the first and the last is cheaper.
const manyRuns = 32

// entriesOf returns those of the given entries that exist; nil means all. uids must be ascending.
func entriesOf(c Conn, s *Store, id store.MailboxID, uids []store.UID) ([]store.Entry, error) {
	list := []store.Entry{}
	between := func(first, last store.UID, wanted func(store.UID) bool) error {
		return c.Each("SELECT "+columns+" FROM entries WHERE mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid", []any{int64(id), first, last}, func(rows Rows) error {
			e, err := s.scan(rows)
			if wanted(e.UID) {
				list = append(list, e)
			}
			return err
		})
	}
	all := func(store.UID) bool { return true }
	if uids == nil {
		return list, between(0, math.MaxUint32, all)
	}
	runs := runsOf(uids)
	if len(runs) > manyRuns {
		i := 0
		return list, between(uids[0], uids[len(uids)-1], func(uid store.UID) (found bool) {
			i, found = store.FindUID(uids, i, uid)
			return found
		})
	}
	for _, r := range runs {
		if err := between(r.first, r.last, all); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// run is a sequence of UIDs without a gap.
type run struct{ first, last store.UID }

func runsOf(uids []store.UID) (runs []run) {
	for _, uid := range uids {
		if n := len(runs); n > 0 && runs[n-1].last+1 == uid {
			runs[n-1].last = uid
		} else {
			runs = append(runs, run{uid, uid})
		}
	}
	return runs
}

// arriving is an entry that is about to come into a mailbox.
type arriving struct {
	message *message
	flags   []string
	date    time.Time
	gap     store.UID
}

// insert adds an entry at a mod-sequence. Its keywords must be known to the mailbox.
func (t *tx) insert(b *box, a *arriving, flags []string, modSeq uint64) (store.UID, error) {
	t.numbers.arrival++
	b.uidNext += a.gap
	e := store.Entry{UID: b.uidNext, Flags: flags, Message: a.message}
	b.uidNext++
	b.count(&e, 1)
	at, zone := micros(a.date)
	bits, keywords := pack(flags)
	m := a.message
	err := t.Exec("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		int64(b.id), e.UID, int64(t.numbers.arrival), int64(modSeq), int64(modSeq), t.store.now().Unix(), at, zone, bits, keywords, m.number, m.name, m.body, m.size)
	return e.UID, err
}

// add adds entries to a mailbox, all or none (RFC 9051 section 6.4.7).
func (t *tx) add(id store.MailboxID, list []arriving) ([]store.UID, error) {
	b, err := t.box(id)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	need := int64(b.uidNext) + int64(len(list))
	var words [][]string
	for i := range list {
		need += int64(list[i].gap)
		words = append(words, list[i].flags)
	}
	if need > math.MaxUint32 {
		return nil, fmt.Errorf("%w: its UIDs are used up; make a new mailbox", store.ErrFull)
	}
	k, err := loadKeywords(t.Conn, id, words...)
	if err != nil {
		return nil, err
	}
	if err := k.check(words...); err != nil {
		return nil, err
	}
	modSeq := b.modSeq + 1
	uids := make([]store.UID, len(list))
	for i := range list {
		a := &list[i]
		flags := k.learn(a.flags) // keywords may be spelt differently here
		if err := t.hold(a.message); err != nil {
			return nil, err
		}
		if uids[i], err = t.insert(b, a, flags, modSeq); err != nil {
			return nil, err
		}
	}
	if err := t.saveKeywords(b, k, modSeq); err != nil {
		return nil, err
	}
	b.modSeq = modSeq
	t.news = append(t.news, News{Box: id, ModSeq: modSeq, Arrived: true})
	return uids, nil
}

// keptRemovals is how many removals a mailbox remembers at least. To find older ones, a caller compares lists of UIDs.
const keptRemovals = 2048

// remove removes entries of a mailbox and returns their UIDs.
func (t *tx) remove(b *box, list []store.Entry) ([]store.UID, error) {
	if len(list) == 0 {
		return nil, nil
	}
	modSeq := b.modSeq + 1
	uids := make([]store.UID, len(list))
	for i := range list {
		e := &list[i]
		uids[i] = e.UID
		b.count(e, -1)
		if err := t.release(e.Message.(*message)); err != nil {
			return nil, err
		}
		if err := t.Exec("DELETE FROM entries WHERE mailbox = ? AND uid = ?", int64(b.id), e.UID); err != nil {
			return nil, err
		}
	}
	b.modSeq = modSeq
	t.news = append(t.news, News{Box: b.id, ModSeq: modSeq, Removed: true})
	return uids, t.logRemovals(b, uids, modSeq)
}

// logRemovals notes removals in the mailbox's log, which has a bound.
func (t *tx) logRemovals(b *box, uids []store.UID, modSeq uint64) error {
	if len(uids) > keptRemovals {
		b.removals, b.forgotten = 0, modSeq
		return t.Exec("DELETE FROM removed WHERE mailbox = ?", int64(b.id))
	}
	for _, uid := range uids {
		if err := t.Exec("INSERT INTO removed VALUES (?, ?, ?)", int64(b.id), int64(modSeq), uid); err != nil {
			return err
		}
	}
	if b.removals += len(uids); b.removals <= 2*keptRemovals {
		return nil
	}
	// A mod-sequence is forgotten as a whole.
	var last uint64
	if _, err := t.Get("SELECT modseq FROM removed WHERE mailbox = ? ORDER BY modseq DESC, uid DESC LIMIT 1 OFFSET ?", []any{int64(b.id), keptRemovals}, &last); err != nil {
		return err
	}
	if err := t.Exec("DELETE FROM removed WHERE mailbox = ? AND modseq <= ?", int64(b.id), int64(last)); err != nil {
		return err
	}
	b.forgotten = last
	_, err := t.Get("SELECT count(*) FROM removed WHERE mailbox = ?", []any{int64(b.id)}, &b.removals)
	return err
}
