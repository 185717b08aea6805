package imapd

import (
	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/mailbox"
	"github.com/mailrig/mailrig/internal/message"
)

// Fetch is FETCH and UID FETCH. Messages that are gone but whose EXPUNGE the client
// has not seen yet are left out (RFC 2180 section 4.1.2).
func (s *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(o.BinarySection)+len(o.BinarySectionSize) > 0 {
		return bad("This server doesn't offer BINARY; fetch BODY[...] and decode it")
	}
	uids, err := s.resolve(set)
	if err != nil {
		return err
	}
	items := s.view.Items(uids)
	var marked []bool // which messages this FETCH made \Seen
	if setsSeen(o) && !s.view.ReadOnly() {
		if marked, err = s.markSeen(items); err != nil {
			return refused(err)
		}
	}
	if o.Flags || marked != nil {
		if err := s.tellKeywords(items); err != nil {
			return err
		}
	}
	for i := range items {
		withFlags := o.Flags || marked != nil && marked[i]
		if err := s.fetchOne(w, &items[i], o, withFlags); err != nil {
			return err
		}
	}
	return nil
}

func setsSeen(o *imap.FetchOptions) bool {
	for _, b := range o.BodySection {
		if !b.Peek {
			return true
		}
	}
	return false
}

// markSeen sets \Seen where it's missing and puts the new flags into items.
func (s *session) markSeen(items []mailbox.Item) ([]bool, error) {
	var unseen []mailbox.UID
	for i := range items {
		if !items[i].Has(mailbox.Seen) {
			unseen = append(unseen, items[i].UID)
		}
	}
	if unseen == nil {
		return nil, nil
	}
	stored, err := s.view.Store(unseen, mailbox.Add, []string{mailbox.Seen})
	if err != nil {
		return nil, err
	}
	marked := make([]bool, len(items))
	for i := range items {
		if len(stored) > 0 && stored[0].UID == items[i].UID {
			items[i], marked[i], stored = stored[0], true, stored[1:]
		}
	}
	return marked, nil
}

func (s *session) fetchOne(w *imapserver.FetchWriter, item *mailbox.Item, o *imap.FetchOptions, withFlags bool) error {
	m := w.CreateMessage(item.Seq)
	if o.UID {
		m.WriteUID(imap.UID(item.UID))
	}
	if withFlags {
		m.WriteFlags(s.flagsOf(item))
	}
	if o.InternalDate {
		m.WriteInternalDate(item.Date)
	}
	if o.RFC822Size {
		m.WriteRFC822Size(item.Message.Size())
	}
	if o.Envelope {
		m.WriteEnvelope(envelope(item.Message))
	}
	if o.BodyStructure != nil {
		m.WriteBodyStructure(bodyStructure(item.Message))
	}
	for _, b := range o.BodySection {
		data := section(item.Message, b)
		lit := m.WriteBodySection(b, int64(len(data)))
		_, writeErr := lit.Write(data)
		closeErr := lit.Close()
		if writeErr != nil || closeErr != nil {
			m.Close() // gives back the engine's write lock
			if writeErr != nil {
				return writeErr
			}
			return closeErr
		}
	}
	return m.Close()
}

// section takes a BODY[...] from the raw bytes; nothing for a part that isn't there
// (the engine has no NIL for it).
func section(m *mailbox.Message, b *imap.FetchItemBodySection) []byte {
	s := message.Section{Path: b.Part, Fields: b.HeaderFields, FieldsNot: b.HeaderFieldsNot}
	if b.Partial != nil {
		s.Partial, s.Offset, s.Count = true, b.Partial.Offset, b.Partial.Size
	}
	switch b.Specifier {
	case imap.PartSpecifierHeader:
		s.Specifier = message.HEADER
	case imap.PartSpecifierText:
		s.Specifier = message.TEXT
	case imap.PartSpecifierMIME:
		s.Specifier = message.MIME
	}
	data, _ := structure(m).Section(m.Raw(), s)
	return data
}
