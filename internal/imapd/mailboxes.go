package imapd

import (
	"errors"

	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/store"
)

// Create handles CREATE, with USE (RFC 6154).
func (s *session) Create(name string, o *imap.CreateOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	use := ""
	switch len(o.SpecialUse) {
	case 0:
	case 1:
		use = string(o.SpecialUse[0])
	default:
		return no(codeUseAttr, "A mailbox can have one special use here")
	}
	name, err := s.target(name)
	if err != nil {
		return err
	}
	return refused(s.cfg.Store.Create(s.ctx(), s.account, name, use))
}

// Delete handles DELETE.
func (s *session) Delete(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, err := s.existing(name)
	if err != nil {
		return err
	}
	err = s.cfg.Store.Delete(s.ctx(), s.account, name)
	if errors.Is(err, store.ErrNotSelectable) {
		return no(imap.ResponseCodeHasChildren, "That is only a parent; delete the mailboxes below it")
	}
	return refused(err)
}

// Rename handles RENAME.
func (s *session) Rename(old, new string, _ *imap.RenameOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.existing(old)
	if err != nil {
		return err
	}
	if new, err = s.target(new); err != nil {
		return err
	}
	return refused(s.cfg.Store.Rename(s.ctx(), s.account, old, new))
}

// Subscribe handles SUBSCRIBE. The mailbox need not exist (RFC 9051 section 6.3.7).
func (s *session) Subscribe(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, err := s.target(name)
	if err != nil {
		return err
	}
	return refused(s.cfg.Store.Subscribe(s.ctx(), s.account, name))
}

// Unsubscribe handles UNSUBSCRIBE.
func (s *session) Unsubscribe(name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, err := s.target(name)
	if err != nil {
		return err
	}
	return refused(s.cfg.Store.Unsubscribe(s.ctx(), s.account, name))
}

// Namespace handles NAMESPACE (RFC 2342). All mailboxes are personal.
func (s *session) Namespace() (*imap.NamespaceData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Session.SawNames()
	return &imap.NamespaceData{
		Personal: []imap.NamespaceDescriptor{{Prefix: s.naming.Prefix, Delim: rune(s.naming.Delimiter)}},
	}, nil
}

// Status handles STATUS.
func (s *session) Status(name string, o *imap.StatusOptions) (*imap.StatusData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status(name, o)
}

func (s *session) status(shown string, o *imap.StatusOptions) (*imap.StatusData, error) {
	name, err := s.existing(shown)
	if err != nil {
		return nil, err
	}
	box, err := s.cfg.Store.Mailbox(s.ctx(), s.account, name)
	if err != nil {
		return nil, refused(err)
	}
	st, err := s.cfg.Store.Status(s.ctx(), box.ID)
	if err != nil {
		return nil, refused(err)
	}
	limit := s.AppendLimit()
	data := &imap.StatusData{
		Mailbox:     shown,
		NumMessages: &st.Messages,
		NumRecent:   &st.Recent,
		NumUnseen:   &st.Unseen,
		NumDeleted:  &st.Deleted,
		Size:        &st.Size,
		UIDValidity: st.UIDValidity,
		AppendLimit: &limit,
	}
	if o.UIDNext {
		data.UIDNext = s.shown(st.UIDNext)
	}
	if o.DeletedStorage {
		entries, err := s.cfg.Store.Entries(s.ctx(), box.ID, nil)
		if err != nil {
			return nil, refused(err)
		}
		var n int64
		for _, e := range entries {
			if e.Has(store.Deleted) {
				n += e.Message.Size()
			}
		}
		data.DeletedStorage = &n
	}
	return data, nil
}
