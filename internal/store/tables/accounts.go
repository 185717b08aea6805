package tables

import (
	"context"

	"github.com/mailrig/mailrig/internal/store"
)

// OpenAccount implements store.Accounts.
func (s *Store) OpenAccount(ctx context.Context, name string) (string, error) {
	address := s.Address(name)
	if ok, err := s.HasAccount(ctx, address); ok || err != nil {
		return address, err
	}
	return address, s.write(ctx, needs{}, func(t *tx) error { return t.account(address) })
}

// HasAccount implements store.Accounts.
func (s *Store) HasAccount(ctx context.Context, name string) (ok bool, err error) {
	err = s.engine.Ask(ctx, func(c Conn) error {
		ok, err = hasAccount(c, s.Address(name))
		return err
	})
	return ok, err
}

func hasAccount(c Conn, address string) (bool, error) {
	return c.Get("SELECT 1 FROM accounts WHERE address = ?", []any{address}, new(int))
}

// ListAccounts implements store.Accounts.
func (s *Store) ListAccounts(ctx context.Context) (list []string, err error) {
	err = s.engine.Ask(ctx, func(c Conn) error {
		list, err = column[string](c, "SELECT address FROM accounts ORDER BY address")
		return err
	})
	return list, err
}

// account makes the account if it is new.
func (t *tx) account(address string) error {
	if ok, err := hasAccount(t.Conn, address); ok || err != nil {
		return err
	}
	if err := t.Exec("INSERT INTO accounts VALUES (?)", address); err != nil {
		return err
	}
	for _, f := range store.NewFolders() {
		if _, err := t.newBox(address, f.Name, f.SpecialUse); err != nil {
			return err
		}
		if err := t.subscribe(address, f.Name); err != nil {
			return err
		}
	}
	return nil
}

// Clear is store.Accounts' Reset, except for the locks of maildrops. also is carried out in the same transaction; nil is
// nothing.
func (s *Store) Clear(ctx context.Context, also func(Conn) error) error {
	return s.write(ctx, needs{}, func(t *tx) error {
		ids, err := column[int64](t.Conn, "SELECT id FROM mailboxes")
		if err != nil {
			return err
		}
		for _, id := range ids {
			b, err := t.peek(store.MailboxID(id))
			if err != nil {
				return err
			}
			t.news = append(t.news, News{Box: b.id, ModSeq: b.modSeq + 1, Removed: true})
			t.forget(b.id)
		}
		for _, table := range []string{"entries", "messages", "pieces", "bodies", "removed", "keywords", "subscriptions", "mailboxes", "accounts"} {
			if err := t.Exec("DELETE FROM " + table); err != nil {
				return err
			}
		}
		if also != nil {
			return also(t.Conn)
		}
		return nil
	})
}
