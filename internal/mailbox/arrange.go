package mailbox

// Folder is a mailbox as Arrange wants it.
type Folder struct {
	Name       string
	SpecialUse string // any attribute, like `\Sent` or `\All`; "" for none
}

// Arrange makes the account's folders these, as another provider has them: missing ones
// are created and subscribed, and empty ones that aren't listed go away. INBOX and
// folders with mail stay. Parents aren't created: a name above a listed one that isn't
// listed itself can't be selected. Invalid names are left out.
func (a *Account) Arrange(folders []Folder) {
	a = a.locked()
	defer a.mu.Unlock()
	wanted := map[string]bool{inboxName: true}
	for _, f := range folders {
		name, err := newName(f.Name)
		if err != nil {
			continue
		}
		wanted[name] = true
		if a.folders[name] == nil {
			a.folders[name] = &folder{box: newMailbox(a.store, name)}
		}
		a.folders[name].specialUse = f.SpecialUse
		a.subscribed[name] = struct{}{}
	}
	for name, f := range a.folders {
		if !wanted[name] && f.box.Status().Messages == 0 {
			delete(a.folders, name)
			delete(a.subscribed, name)
			f.box.end()
		}
	}
}
