package shared

import "testing"

func TestStatements(t *testing.T) {
	t.Parallel()
	var s statements
	for query, want := range map[string]string{
		"SELECT x FROM entries e INDEXED BY entries_by_arrival CROSS JOIN mailboxes b ON b.id = e.mailbox WHERE x = ? AND y = ?": "SELECT x FROM mailrig.entries e JOIN mailrig.mailboxes b ON b.id = e.mailbox WHERE x = $1 AND y = $2",
		"INSERT INTO records VALUES (?1, ?2, ?2) ON CONFLICT (x) DO UPDATE SET x = ?1":                                           "INSERT INTO mailrig.records VALUES ($1, $2, $2) ON CONFLICT (x) DO UPDATE SET x = $1",
		"SELECT 1 FROM leases WHERE EXISTS (SELECT 1 FROM mailrig.replicas r)":                                                   "SELECT 1 FROM mailrig.leases WHERE EXISTS (SELECT 1 FROM mailrig.replicas r)",
		"UPDATE counters SET x = 1":             "UPDATE mailrig.counters SET x = 1",
		"SELECT x FROM counters FOR UPDATE":     "SELECT x FROM mailrig.counters FOR UPDATE",
		"SELECT * FROM (SELECT x FROM entries)": "SELECT * FROM (SELECT x FROM mailrig.entries)",
	} {
		for range 2 {
			if got := s.of(query); got != want {
				t.Errorf("%s:\n got %s\nwant %s", query, got, want)
			}
		}
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	for text, stays := range map[string]bool{"": true, "ü": true, "a\x00": false, "\xff": false, "\x01": false, "\x0161": false} {
		q := quoted(text)
		if (q == text) != stays || unquoted(q) != text {
			t.Errorf("%q becomes %q, and that %q", text, q, unquoted(q))
		}
	}
}
