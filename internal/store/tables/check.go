package tables

import (
	"context"
	"crypto/sha256"
	"fmt"
)

// Report is what Check has found.
type Report struct {
	Accounts, Mailboxes, Messages int
	Bytes                         int64    // of the messages, equal ones once
	Records                       int      // besides mail
	Problems                      []string // none means that everything agrees
}

// maxProblems is how many problems of a kind a Report names.
const maxProblems = 20

// agreements are queries that find what should agree and doesn't: one line of text for each.
var agreements = [...]string{
	`SELECT 'mailbox ' || b.id || ' has other messages than it counts' FROM mailboxes b
		LEFT JOIN (SELECT mailbox, count(*) n, sum(size) size, sum(CASE WHEN flags & 16 = 0 THEN 1 ELSE 0 END) unseen, sum(CASE WHEN flags & 2 != 0 THEN 1 ELSE 0 END) deleted, max(uid) uid, max(modseq) modseq
			FROM entries GROUP BY mailbox) e ON e.mailbox = b.id
		WHERE b.messages != coalesce(e.n, 0) OR b.size != coalesce(e.size, 0) OR b.unseen != coalesce(e.unseen, 0) OR b.deleted != coalesce(e.deleted, 0)
			OR b.uid_next <= coalesce(e.uid, 0) OR b.modseq < coalesce(e.modseq, 0)`,
	`SELECT 'an entry is in mailbox ' || mailbox || ', which does not exist' FROM entries WHERE mailbox NOT IN (SELECT id FROM mailboxes) GROUP BY mailbox`,
	`SELECT 'mailbox ' || id || ' belongs to no account' FROM mailboxes WHERE account IS NULL OR account NOT IN (SELECT address FROM accounts)`,
	`SELECT 'message ' || m.id || ' is in other mailboxes than it counts' FROM messages m LEFT JOIN (SELECT message, count(*) n FROM entries GROUP BY message) e ON e.message = m.id
		WHERE m.refs != coalesce(e.n, 0)`,
	`SELECT 'UID ' || uid || ' of mailbox ' || mailbox || ' has no message' FROM entries WHERE message NOT IN (SELECT id FROM messages)`,
	`SELECT 'body ' || b.id || ' has other messages than it counts' FROM bodies b LEFT JOIN (SELECT body, count(*) n FROM messages GROUP BY body) m ON m.body = b.id
		WHERE b.refs != coalesce(m.n, 0)`,
	`SELECT 'message ' || id || ' has no body' FROM messages WHERE body NOT IN (SELECT id FROM bodies)`,
	`SELECT 'a piece belongs to body ' || (id >> 16) || ', which does not exist' FROM pieces WHERE (id >> 16) NOT IN (SELECT id FROM bodies) GROUP BY id >> 16`,
	`SELECT 'numbers could be used again' FROM counters WHERE validity < (SELECT coalesce(max(id), 0) FROM mailboxes) OR arrival < (SELECT coalesce(max(arrival), 0) FROM entries)
		OR message < (SELECT coalesce(max(id), 0) FROM messages) OR body < (SELECT coalesce(max(id), 0) FROM bodies)
		OR version < (SELECT coalesce(max(version), 0) FROM records)`,
	`SELECT 'record ' || id || ' has no kind, key, version or data' FROM records WHERE kind IS NULL OR key IS NULL OR version IS NULL OR data IS NULL`,
	`SELECT 'the ' || kind || ' ' || key || ' is due and will never be' FROM records WHERE (due IS NULL) != (free IS NULL) OR free < due`,
}

// Check reads everything: what should agree, and each message's bytes.
func (s *Store) Check(ctx context.Context) (r Report, err error) {
	err = s.engine.Read(ctx, func(c Conn) error {
		for _, query := range agreements {
			found, err := column[string](c, fmt.Sprintf("SELECT * FROM (%s) found LIMIT %d", query, maxProblems))
			if err != nil {
				return err
			}
			r.Problems = append(r.Problems, found...)
		}
		if _, err := c.Get("SELECT (SELECT count(*) FROM accounts), (SELECT count(*) FROM mailboxes), (SELECT count(*) FROM entries), (SELECT coalesce(sum(size), 0) FROM bodies)", nil,
			&r.Accounts, &r.Mailboxes, &r.Messages, &r.Bytes); err != nil {
			return err
		}
		if err := s.checkRecords(ctx, c, &r); err != nil {
			return err
		}
		return s.checkBodies(ctx, c, &r)
	})
	return r, err
}

// checkBodies compares each message's bytes with its digest.
func (s *Store) checkBodies(ctx context.Context, c Conn, r *Report) error {
	h, number, damaged := sha256.New(), int64(-1), 0
	var want string
	end := func() {
		if number >= 0 && want != string(h.Sum(nil)) {
			if damaged++; damaged <= maxProblems {
				r.Problems = append(r.Problems, fmt.Sprintf("body %d isn't what was stored", number))
			}
		}
		h.Reset()
	}
	err := c.Each("SELECT b.id, b.digest, p.bytes FROM bodies b LEFT JOIN pieces p ON p.id >= b.id << 16 AND p.id < (b.id + 1) << 16 ORDER BY b.id, p.id", nil, func(rows Rows) error {
		var id int64
		var digest, piece []byte
		if err := rows.Scan(&id, &digest, &piece); err != nil {
			return err
		}
		if id != number {
			end()
			number, want = id, string(digest)
		}
		h.Write(piece)
		return ctx.Err()
	})
	end()
	return err
}
