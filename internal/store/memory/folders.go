package memory

import (
	"context"
	"fmt"
	"slices"

	"github.com/mailrig/mailrig/internal/store"
)

// List implements store.Folders.
func (s *Store) List(ctx context.Context, name string) ([]store.Info, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	a, err := s.rlocked(name)
	if err != nil {
		return nil, err
	}
	defer a.mu.RUnlock()
	infos := make(map[string]store.Info, len(a.folders))
	for name, f := range a.folders {
		info := infos[name]
		info.Exists = true
		info.SpecialUse = f.specialUse
		infos[name] = info
		for parent := range store.Parents(name) {
			above := infos[parent]
			above.HasChildren = true
			infos[parent] = above
		}
	}
	for name := range a.subscribed {
		info := infos[name]
		info.Subscribed = true
		infos[name] = info
	}
	list := make([]store.Info, 0, len(infos))
	for name, info := range infos {
		info.Name = name
		list = append(list, info)
	}
	slices.SortFunc(list, func(x, y store.Info) int { return store.CompareNames(x.Name, y.Name) })
	return list, nil
}

// Create implements store.Folders.
func (s *Store) Create(ctx context.Context, account, name, specialUse string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := store.NewName(name)
	if err != nil {
		return err
	}
	if specialUse, err = store.KnownUse(specialUse); err != nil {
		return err
	}
	rest, err := s.reserveFolder(name)
	if err != nil {
		return err
	}
	defer func() { s.room.Release(rest) }()
	a, err := s.locked(account)
	if err != nil {
		return err
	}
	defer a.mu.Unlock()
	if a.folders[name] != nil {
		return fmt.Errorf("%w: %q", store.ErrExists, name)
	}
	f, used := a.create(name)
	f.specialUse = specialUse
	rest -= used
	return nil
}

// reserveFolder reserves room for a folder and all its parents.
func (s *Store) reserveFolder(name string) (int64, error) {
	cost := int64(mailboxCost)
	for range store.Parents(name) {
		cost += mailboxCost
	}
	return cost, s.reserve(cost)
}

// create adds a folder, and returns how much of the reserved room it used. name must be valid and free. The caller
// holds a.mu.
func (a *account) create(name string) (f *folder, used int64) {
	used = a.createParents(name) + mailboxCost
	f = &folder{box: newMailbox(a)}
	a.put(name, f)
	return f, used
}

func (a *account) createParents(name string) (used int64) {
	for parent := range store.Parents(name) {
		if a.folders[parent] == nil {
			a.put(parent, &folder{box: newMailbox(a)})
			used += mailboxCost
		}
	}
	return used
}

// put adds a folder under a free name. The name's bytes are counted without asking: a mailbox has one name, which has a
// bound. The caller holds a.mu.
func (a *account) put(name string, f *folder) {
	a.folders[name] = f
	a.store.room.Take(int64(len(name)))
}

// cut removes a folder, but not its mailbox. The caller holds a.mu.
func (a *account) cut(name string) {
	delete(a.folders, name)
	a.store.room.Release(int64(len(name)))
}

// Delete implements store.Folders.
func (s *Store) Delete(ctx context.Context, account, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name = store.CanonicalName(name)
	if name == store.Inbox {
		return store.ErrInbox
	}
	a, err := s.locked(account)
	if err != nil {
		return err
	}
	defer a.mu.Unlock()
	f, err := a.folder(name)
	if err != nil {
		return err
	}
	a.cut(name)
	f.box.end()
	return nil
}

// Rename implements store.Folders.
func (s *Store) Rename(ctx context.Context, account, old, new string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	old = store.CanonicalName(old)
	new, err := store.NewName(new)
	if err != nil {
		return err
	}
	rest, err := s.reserveFolder(new)
	if err != nil {
		return err
	}
	defer func() { s.room.Release(rest) }()
	a, err := s.locked(account)
	if err != nil {
		return err
	}
	defer a.mu.Unlock()
	exists := a.folders[old] != nil
	switch {
	case !exists && !a.hasChildren(old):
		return fmt.Errorf("%w: %q", store.ErrNoMailbox, old)
	case a.folders[new] != nil:
		return fmt.Errorf("%w: %q", store.ErrExists, new)
	case old == store.Inbox:
		used, err := a.renameInbox(new)
		rest -= used
		return err
	case store.Below(new, old):
		return fmt.Errorf("%w: %q can't be moved below itself", store.ErrBadName, old)
	}
	moves := make(map[string]string) // old name -> new name
	for name := range a.folders {
		if name == old || store.Below(name, old) {
			moves[name] = new + name[len(old):]
		}
	}
	for _, target := range moves {
		// Not so unlikely: the new name may be a mere parent, with children of its own.
		if a.folders[target] != nil && moves[target] == "" {
			return fmt.Errorf("%w: %q", store.ErrExists, target)
		}
		if len(target) > store.MaxNameBytes {
			return fmt.Errorf("%w: that of a child would have more than %d bytes", store.ErrBadName, store.MaxNameBytes)
		}
	}
	// Remove all of them before adding the first: "a/a" may become "a" if "a" exists only as a parent.
	moved := make(map[string]*folder, len(moves))
	for name, target := range moves {
		moved[target] = a.folders[name]
		a.cut(name)
	}
	for target, f := range moved {
		a.put(target, f)
	}
	rest -= a.createParents(new)
	return nil
}

// renameInbox moves INBOX's messages to a new mailbox, and returns how much of the reserved room the mailbox used. What
// arrives after they were taken stays in INBOX. The caller holds a.mu.
func (a *account) renameInbox(name string) (used int64, err error) {
	f, used := a.create(name)
	entries, _, release := a.inbox.claim(nil, true)
	_, err = a.store.transfer(f.box, entries)
	release(err == nil)
	return used, err
}

// Subscribe implements store.Folders.
func (s *Store) Subscribe(ctx context.Context, account, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := store.NewName(name)
	if err != nil {
		return err
	}
	rest := nameCost(name)
	if err := s.reserve(rest); err != nil {
		return err
	}
	defer func() { s.room.Release(rest) }()
	a, err := s.locked(account)
	if err != nil {
		return err
	}
	defer a.mu.Unlock()
	rest -= a.subscribe(name)
	return nil
}

// subscribe subscribes a name, and returns how much of the reserved room it used. The caller holds a.mu.
func (a *account) subscribe(name string) (used int64) {
	if _, ok := a.subscribed[name]; ok {
		return 0
	}
	a.subscribed[name] = struct{}{}
	return nameCost(name)
}

// unsubscribe is the opposite. The caller holds a.mu.
func (a *account) unsubscribe(name string) {
	if _, ok := a.subscribed[name]; ok {
		delete(a.subscribed, name)
		a.store.room.Release(nameCost(name))
	}
}

// Unsubscribe implements store.Folders.
func (s *Store) Unsubscribe(ctx context.Context, account, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	name, err := store.NewName(name)
	if err != nil {
		return nil // never subscribed
	}
	a, err := s.locked(account)
	if err != nil {
		return err
	}
	defer a.mu.Unlock()
	a.unsubscribe(name)
	return nil
}

// Arrange implements store.Folders.
func (s *Store) Arrange(ctx context.Context, account string, folders []store.Folder) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	rest := int64(len(folders)) * mailboxCost
	for _, f := range folders {
		rest += nameCost(f.Name)
	}
	if err := s.reserve(rest); err != nil {
		return err
	}
	defer func() { s.room.Release(rest) }()
	a, err := s.locked(account)
	if err != nil {
		return err
	}
	defer a.mu.Unlock()
	wanted := map[string]bool{store.Inbox: true}
	for _, f := range folders {
		name, err := store.NewName(f.Name)
		if err != nil {
			continue
		}
		wanted[name] = true
		if a.folders[name] == nil {
			a.put(name, &folder{box: newMailbox(a)})
			rest -= mailboxCost
		}
		a.folders[name].specialUse = f.SpecialUse
		rest -= a.subscribe(name)
	}
	for name, f := range a.folders {
		if !wanted[name] && f.box.endIfEmpty() {
			a.cut(name)
			a.unsubscribe(name)
		}
	}
	return nil
}
