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
	a := s.rlocked(name)
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
	a := s.locked(account)
	defer a.mu.Unlock()
	if a.folders[name] != nil {
		return fmt.Errorf("%w: %q", store.ErrExists, name)
	}
	a.create(name).specialUse = specialUse
	return nil
}

// create adds a folder. name must be valid and free. The caller holds a.mu.
func (a *account) create(name string) *folder {
	a.createParents(name)
	f := &folder{box: newMailbox(a.store)}
	a.folders[name] = f
	return f
}

func (a *account) createParents(name string) {
	for parent := range store.Parents(name) {
		if a.folders[parent] == nil {
			a.folders[parent] = &folder{box: newMailbox(a.store)}
		}
	}
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
	a := s.locked(account)
	defer a.mu.Unlock()
	f, err := a.folder(name)
	if err != nil {
		return err
	}
	delete(a.folders, name)
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
	a := s.locked(account)
	defer a.mu.Unlock()
	exists := a.folders[old] != nil
	switch {
	case !exists && !a.hasChildren(old):
		return fmt.Errorf("%w: %q", store.ErrNoMailbox, old)
	case a.folders[new] != nil:
		return fmt.Errorf("%w: %q", store.ErrExists, new)
	case old == store.Inbox:
		return a.renameInbox(new)
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
		delete(a.folders, name)
	}
	for target, f := range moved {
		a.folders[target] = f
	}
	a.createParents(new)
	return nil
}

// renameInbox moves INBOX's messages to a new mailbox. What arrives after they were taken stays in INBOX. The caller
// holds a.mu.
func (a *account) renameInbox(name string) error {
	box := a.create(name).box
	entries, _, release := a.inbox.claim(nil, true)
	_, err := box.addAll(entries)
	release(err == nil)
	if err == nil && len(entries) > 0 {
		a.store.arrivals.wake()
	}
	return err
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
	a := s.locked(account)
	defer a.mu.Unlock()
	a.subscribed[name] = struct{}{}
	return nil
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
	a := s.locked(account)
	defer a.mu.Unlock()
	delete(a.subscribed, name)
	return nil
}

// Arrange implements store.Folders.
func (s *Store) Arrange(ctx context.Context, account string, folders []store.Folder) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	a := s.locked(account)
	defer a.mu.Unlock()
	wanted := map[string]bool{store.Inbox: true}
	for _, f := range folders {
		name, err := store.NewName(f.Name)
		if err != nil {
			continue
		}
		wanted[name] = true
		if a.folders[name] == nil {
			a.folders[name] = &folder{box: newMailbox(s)}
		}
		a.folders[name].specialUse = f.SpecialUse
		a.subscribed[name] = struct{}{}
	}
	for name, f := range a.folders {
		if !wanted[name] && f.box.endIfEmpty() {
			delete(a.folders, name)
			delete(a.subscribed, name)
		}
	}
	return nil
}
