package tables

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/mailrig/mailrig/internal/store"
)

// view reads an account, and makes it first if it is new.
func (s *Store) view(ctx context.Context, name string, do func(c Conn, address string) error) error {
	address := s.Address(name)
	for {
		var known bool
		err := s.engine.Read(ctx, func(c Conn) (err error) {
			if known, err = hasAccount(c, address); err == nil && known {
				err = do(c, address)
			}
			return err
		})
		if known || err != nil {
			return err
		}
		if _, err := s.OpenAccount(ctx, address); err != nil {
			return err
		}
	}
}

// change changes an account, and makes it first if it is new.
func (s *Store) change(ctx context.Context, name string, do func(t *tx, address string) error) error {
	address := s.Address(name)
	return s.write(ctx, needs{}, func(t *tx) error {
		if err := t.account(address); err != nil {
			return err
		}
		return do(t, address)
	})
}

// folders returns the ids of an account's mailboxes by name.
func folders(c Conn, address string) (map[string]store.MailboxID, error) {
	list := map[string]store.MailboxID{}
	err := c.Each("SELECT name, id FROM mailboxes WHERE account = ?", []any{address}, func(rows Rows) error {
		var name string
		var id store.MailboxID
		err := rows.Scan(&name, &id)
		list[name] = id
		return err
	})
	return list, err
}

// hasChildren reports whether there is a folder below name.
func hasChildren(list map[string]store.MailboxID, name string) bool {
	for n := range list {
		if store.Below(n, name) {
			return true
		}
	}
	return false
}

// folder returns the id of the folder with this name.
func folder(c Conn, address, name string) (id store.MailboxID, err error) {
	found, err := c.Get("SELECT id FROM mailboxes WHERE account = ? AND name = ?", []any{address, name}, &id)
	if found || err != nil {
		return id, err
	}
	list, err := folders(c, address)
	if err != nil {
		return 0, err
	}
	if hasChildren(list, name) {
		return 0, fmt.Errorf("%w: %q is only a parent of others", store.ErrNotSelectable, name)
	}
	return 0, fmt.Errorf("%w: %q", store.ErrNoMailbox, name)
}

// Mailbox implements store.Folders.
func (s *Store) Mailbox(ctx context.Context, account, name string) (m store.Mailbox, err error) {
	name = store.CanonicalName(name)
	err = s.view(ctx, account, func(c Conn, address string) error {
		id, err := folder(c, address, name)
		m = store.Mailbox{ID: id, Account: address, Name: name, UIDValidity: uint32(id)}
		return err
	})
	if err != nil {
		return store.Mailbox{}, err
	}
	return m, nil
}

// List implements store.Folders.
func (s *Store) List(ctx context.Context, account string) (list []store.Info, err error) {
	infos := map[string]store.Info{}
	err = s.view(ctx, account, func(c Conn, address string) error {
		err := c.Each("SELECT name, special_use FROM mailboxes WHERE account = ?", []any{address}, func(rows Rows) error {
			var name, use string
			err := rows.Scan(&name, &use)
			info := infos[name]
			info.Exists, info.SpecialUse = true, use
			infos[name] = info
			for parent := range store.Parents(name) {
				above := infos[parent]
				above.HasChildren = true
				infos[parent] = above
			}
			return err
		})
		if err != nil {
			return err
		}
		names, err := column[string](c, "SELECT name FROM subscriptions WHERE account = ?", address)
		for _, name := range names {
			info := infos[name]
			info.Subscribed = true
			infos[name] = info
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	list = make([]store.Info, 0, len(infos))
	for name, info := range infos {
		info.Name = name
		list = append(list, info)
	}
	slices.SortFunc(list, func(x, y store.Info) int { return store.CompareNames(x.Name, y.Name) })
	return list, nil
}

// Create implements store.Folders.
func (s *Store) Create(ctx context.Context, account, name, specialUse string) error {
	name, err := store.NewName(name)
	if err != nil {
		return err
	}
	if specialUse, err = store.KnownUse(specialUse); err != nil {
		return err
	}
	return s.change(ctx, account, func(t *tx, address string) error {
		list, err := folders(t.Conn, address)
		if err != nil {
			return err
		}
		if list[name] != 0 {
			return fmt.Errorf("%w: %q", store.ErrExists, name)
		}
		_, err = t.create(address, list, name, specialUse)
		return err
	})
}

// create makes a folder and its missing parents. list are the account's folders.
func (t *tx) create(address string, list map[string]store.MailboxID, name, specialUse string) (store.MailboxID, error) {
	if err := t.createParents(address, list, name); err != nil {
		return 0, err
	}
	return t.newBox(address, name, specialUse)
}

func (t *tx) createParents(address string, list map[string]store.MailboxID, name string) error {
	for parent := range store.Parents(name) {
		if list[parent] == 0 {
			id, err := t.newBox(address, parent, "")
			if err != nil {
				return err
			}
			list[parent] = id
		}
	}
	return nil
}

// Delete implements store.Folders.
func (s *Store) Delete(ctx context.Context, account, name string) error {
	name = store.CanonicalName(name)
	if name == store.Inbox {
		return store.ErrInbox
	}
	return s.change(ctx, account, func(t *tx, address string) error {
		id, err := folder(t.Conn, address, name)
		if err != nil {
			return err
		}
		return t.dropBox(id)
	})
}

// Rename implements store.Folders.
func (s *Store) Rename(ctx context.Context, account, old, new string) error {
	old = store.CanonicalName(old)
	new, err := store.NewName(new)
	if err != nil {
		return err
	}
	return s.change(ctx, account, func(t *tx, address string) error {
		list, err := folders(t.Conn, address)
		if err != nil {
			return err
		}
		switch {
		case list[old] == 0 && !hasChildren(list, old):
			return fmt.Errorf("%w: %q", store.ErrNoMailbox, old)
		case list[new] != 0:
			return fmt.Errorf("%w: %q", store.ErrExists, new)
		case old == store.Inbox:
			return t.renameInbox(address, list, new)
		case store.Below(new, old):
			return fmt.Errorf("%w: %q can't be moved below itself", store.ErrBadName, old)
		}
		moves, err := renames(list, old, new)
		if err != nil {
			return err
		}
		return t.rename(address, list, moves, new)
	})
}

// renames returns the new names of a folder and its children by their old ones.
func renames(list map[string]store.MailboxID, old, new string) (map[string]string, error) {
	moves := map[string]string{}
	for name := range list {
		if name == old || store.Below(name, old) {
			moves[name] = new + name[len(old):]
		}
	}
	for _, target := range moves {
		// Not so unlikely: the new name may be a mere parent, with children of its own.
		if list[target] != 0 && moves[target] == "" {
			return nil, fmt.Errorf("%w: %q", store.ErrExists, target)
		}
		if len(target) > store.MaxNameBytes {
			return nil, fmt.Errorf("%w: that of a child would have more than %d bytes", store.ErrBadName, store.MaxNameBytes)
		}
	}
	return moves, nil
}

// rename gives folders their new names. It takes all of them away from the account before it gives the first one back:
// "a/a" may become "a" if "a" exists only as a parent.
func (t *tx) rename(address string, list map[string]store.MailboxID, moves map[string]string, new string) error {
	for name := range moves {
		if err := t.Exec("UPDATE mailboxes SET account = NULL WHERE id = ?", int64(list[name])); err != nil {
			return err
		}
	}
	for name, target := range moves {
		if err := t.Exec("UPDATE mailboxes SET account = ?, name = ? WHERE id = ?", address, target, int64(list[name])); err != nil {
			return err
		}
	}
	now, err := folders(t.Conn, address)
	if err != nil {
		return err
	}
	return t.createParents(address, now, new)
}

// renameInbox moves INBOX's messages to a new mailbox.
func (t *tx) renameInbox(address string, list map[string]store.MailboxID, name string) error {
	id, err := t.create(address, list, name, "")
	if err != nil {
		return err
	}
	_, _, err = t.move(list[store.Inbox], nil, id)
	return err
}

// Subscribe implements store.Folders.
func (s *Store) Subscribe(ctx context.Context, account, name string) error {
	name, err := store.NewName(name)
	if err != nil {
		return err
	}
	return s.change(ctx, account, func(t *tx, address string) error { return t.subscribe(address, name) })
}

func (t *tx) subscribe(address, name string) error {
	return t.Exec("INSERT INTO subscriptions VALUES (?, ?) ON CONFLICT DO NOTHING", address, name)
}

// Unsubscribe implements store.Folders.
func (s *Store) Unsubscribe(ctx context.Context, account, name string) error {
	name, err := store.NewName(name)
	if err != nil {
		return ctx.Err() // never subscribed
	}
	return s.change(ctx, account, func(t *tx, address string) error { return t.unsubscribe(address, name) })
}

func (t *tx) unsubscribe(address, name string) error {
	return t.Exec("DELETE FROM subscriptions WHERE account = ? AND name = ?", address, name)
}

// Arrange implements store.Folders.
func (s *Store) Arrange(ctx context.Context, account string, wanted []store.Folder) error {
	return s.change(ctx, account, func(t *tx, address string) error {
		list, err := folders(t.Conn, address)
		if err != nil {
			return err
		}
		others := maps.Clone(list)
		delete(others, store.Inbox)
		for _, f := range wanted {
			name, err := store.NewName(f.Name)
			if err != nil {
				continue
			}
			delete(others, name)
			if list[name] == 0 {
				if list[name], err = t.newBox(address, name, ""); err != nil {
					return err
				}
			}
			if err := t.Exec("UPDATE mailboxes SET special_use = ? WHERE id = ?", f.SpecialUse, int64(list[name])); err != nil {
				return err
			}
			if err := t.subscribe(address, name); err != nil {
				return err
			}
		}
		for name, id := range others {
			b, err := t.peek(id)
			if err != nil {
				return err
			}
			if b.messages > 0 {
				continue
			}
			if err := t.dropBox(id); err != nil {
				return err
			}
			if err := t.unsubscribe(address, name); err != nil {
				return err
			}
		}
		return nil
	})
}
