package mailbox

import (
	"fmt"
	"slices"
	"strings"
)

// List returns every mailbox that exists, every parent of one, and every name that
// is only subscribed: INBOX first, then sorted, children after their parent.
func (a *Account) List() []Info {
	a = a.rlocked()
	defer a.mu.RUnlock()
	infos := make(map[string]Info, len(a.folders))
	for name, f := range a.folders {
		info := infos[name]
		info.Exists = true
		info.SpecialUse = f.specialUse
		infos[name] = info
		for parent := range parents(name) {
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
	list := make([]Info, 0, len(infos))
	for name, info := range infos {
		info.Name = name
		list = append(list, info)
	}
	slices.SortFunc(list, func(x, y Info) int { return compareNames(x.Name, y.Name) })
	return list
}

// Create makes a mailbox and the missing ones above it (RFC 9051 section 6.3.4).
// A "/" at the end is accepted. specialUse is "" or one of those that Info lists.
// ErrExists, ErrBadName, ErrSpecialUse.
func (a *Account) Create(name, specialUse string) error {
	name, err := newName(strings.TrimSuffix(name, delimiter))
	if err != nil {
		return err
	}
	specialUse, err = knownUse(specialUse)
	if err != nil {
		return err
	}
	a = a.locked()
	defer a.mu.Unlock()
	if a.folders[name] != nil {
		return fmt.Errorf("%w: %q", ErrExists, name)
	}
	a.create(name).specialUse = specialUse
	return nil
}

// knownUse returns the canonical spelling; attributes don't depend on case (RFC 6154 section 6).
func knownUse(use string) (string, error) {
	if use == "" {
		return "", nil
	}
	for _, f := range newFolders {
		if f.specialUse != "" && strings.EqualFold(f.specialUse, use) {
			return f.specialUse, nil
		}
	}
	return "", fmt.Errorf("%w: %q", ErrSpecialUse, use)
}

// create wants a.mu held, and a name that is valid and free.
func (a *Account) create(name string) *folder {
	a.createParents(name)
	f := &folder{box: newMailbox(a.store, name)}
	a.folders[name] = f
	return f
}

func (a *Account) createParents(name string) {
	for parent := range parents(name) {
		if a.folders[parent] == nil {
			a.folders[parent] = &folder{box: newMailbox(a.store, parent)}
		}
	}
}

// Delete removes a mailbox and its messages, not its children: while it has some,
// the name stays in List, not selectable. A subscription stays (RFC 9051 sections
// 6.3.5 and 6.3.8). ErrInbox, ErrNoMailbox; ErrNotSelectable if it is a mere parent.
func (a *Account) Delete(name string) error {
	name = canonical(name)
	if name == inboxName {
		return ErrInbox
	}
	a = a.locked()
	defer a.mu.Unlock()
	f, err := a.folder(name)
	if err != nil {
		return err
	}
	delete(a.folders, name)
	f.box.end()
	return nil
}

// Rename gives a mailbox another name; its children move along, and missing parents
// of the new name are made. Open views go on with the mailbox under its new name.
// INBOX itself stays: its messages move to a new mailbox, and its children keep
// their names (RFC 9051 section 6.3.6). Subscriptions don't follow.
// ErrNoMailbox, ErrExists, ErrBadName.
func (a *Account) Rename(old, new string) error {
	old = canonical(old)
	new, err := newName(strings.TrimSuffix(new, delimiter))
	if err != nil {
		return err
	}
	a = a.locked()
	defer a.mu.Unlock()
	exists := a.folders[old] != nil
	switch {
	case !exists && !a.hasChildren(old):
		return fmt.Errorf("%w: %q", ErrNoMailbox, old)
	case a.folders[new] != nil:
		return fmt.Errorf("%w: %q", ErrExists, new)
	case old == inboxName:
		return a.renameInbox(new)
	case below(new, old):
		return fmt.Errorf("%w: %q can't be moved below itself", ErrBadName, old)
	}
	moves := make(map[string]string) // old name -> new name
	for name := range a.folders {
		if name == old || below(name, old) {
			moves[name] = new + name[len(old):]
		}
	}
	for _, target := range moves {
		// Not so unlikely: the new name may be a mere parent, with children of its own.
		if a.folders[target] != nil && moves[target] == "" {
			return fmt.Errorf("%w: %q", ErrExists, target)
		}
		if len(target) > maxNameBytes {
			return fmt.Errorf("%w: that of a child would have more than %d bytes", ErrBadName, maxNameBytes)
		}
	}
	// All leave before the first arrives, since "a/a" may become "a" of a mere parent "a".
	moved := make(map[string]*folder, len(moves))
	for name, target := range moves {
		moved[target] = a.folders[name]
		delete(a.folders, name)
	}
	for target, f := range moved {
		a.folders[target] = f
		f.box.rename(target)
	}
	a.createParents(new)
	return nil
}

// renameInbox wants a.mu held. Whatever arrives after the messages were taken stays in INBOX.
func (a *Account) renameInbox(name string) error {
	inbox := a.folders[inboxName].box
	box := a.create(name).box
	entries, release := inbox.claim(nil, true)
	_, err := box.addAll(entries)
	release(err == nil)
	return err
}

// Subscribe puts a name, existing or not, on the list of subscriptions. ErrBadName.
func (a *Account) Subscribe(name string) error {
	name, err := newName(strings.TrimSuffix(name, delimiter))
	if err != nil {
		return err
	}
	a = a.locked()
	defer a.mu.Unlock()
	a.subscribed[name] = struct{}{}
	return nil
}

// Unsubscribe takes a name off the list; one that isn't on it is no error.
func (a *Account) Unsubscribe(name string) error {
	a = a.locked()
	defer a.mu.Unlock()
	delete(a.subscribed, canonical(strings.TrimSuffix(name, delimiter)))
	return nil
}
