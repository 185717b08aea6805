package imapd

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// Fetch handles FETCH and UID FETCH. It leaves out messages that are gone and whose EXPUNGE the client hasn't seen yet
// (RFC 2180 section 4.1.2).
func (s *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, o *imap.FetchOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(o.BinarySection)+len(o.BinarySectionSize) > 0 {
		return bad("This server doesn't offer BINARY; fetch BODY[...] and decode it")
	}
	s.begin()
	uids, err := s.resolve(set)
	if err != nil {
		return err
	}
	items, err := s.view.Items(s.ctx(), uids)
	if err != nil {
		return refused(err)
	}
	var marked []bool // which messages this FETCH has marked \Seen
	if setsSeen(o) && !s.view.ReadOnly() {
		if marked, err = s.markSeen(items); err != nil {
			return refused(err)
		}
	}
	if o.Flags || marked != nil {
		if err := s.tellKeywords(items); err != nil {
			s.unmark(err, items, marked)
			return err
		}
	}
	wanted := structuresOf(w, o)
	for i := range items {
		withFlags := o.Flags || marked != nil && marked[i]
		err := s.fetchOne(w, &items[i], o, wanted, withFlags)
		if errors.Is(err, store.ErrGone) {
			continue
		}
		if err != nil {
			s.unmark(err, items[i:], marked)
			return err
		}
	}
	return nil
}

// unmark removes \Seen from messages that the client asked for and didn't get, because nobody would look at them again.
// This is the best that can be done while the store fails. If the client itself has left, its messages stay \Seen.
func (s *session) unmark(err error, items []view.Item, marked []bool) {
	if marked == nil || !isTemporary(err) && !errors.Is(err, errBrokeOff) {
		return
	}
	marked = marked[len(marked)-len(items):]
	var uids []store.UID
	for i := range items {
		if marked[i] {
			uids = append(uids, items[i].UID)
		}
	}
	if _, err := s.view.Store(context.WithoutCancel(s.ctx()), uids, store.Remove, []string{store.Seen}); err != nil {
		s.cfg.Logger.Warn("messages that could not be fetched stay \\Seen", "messages", len(uids), "err", err)
	}
}

var errBrokeOff = errors.New("a message broke off")

func setsSeen(o *imap.FetchOptions) bool {
	for _, b := range o.BodySection {
		if !b.Peek {
			return true
		}
	}
	return false
}

// markSeen sets \Seen where it is missing, and puts the new flags into items.
func (s *session) markSeen(items []view.Item) ([]bool, error) {
	var unseen []store.UID
	for i := range items {
		if !items[i].Has(store.Seen) {
			unseen = append(unseen, items[i].UID)
		}
	}
	if unseen == nil {
		return nil, nil
	}
	stored, err := s.view.Store(s.ctx(), unseen, store.Add, []string{store.Seen})
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

// fetchOne reads everything that may fail before it writes anything.
func (s *session) fetchOne(w *imapserver.FetchWriter, item *view.Item, o *imap.FetchOptions, wanted structures, withFlags bool) error {
	c, err := s.read(item.Message, o, wanted)
	if errors.Is(err, store.ErrGone) {
		return err
	}
	if err != nil {
		return refused(err)
	}
	defer c.close()
	s.wire.inFetch(c.own())
	m := w.CreateMessage(item.Seq)
	if o.UID {
		m.WriteUID(s.shown(item.UID))
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
	for i, b := range o.BodySection {
		if err := s.writeSection(m, b, &c.sections[i]); err != nil {
			m.Close() // releases the engine's write lock
			return err
		}
	}
	return m.Close()
}

func (s *session) writeSection(m *imapserver.FetchResponseWriter, b *imap.FetchItemBodySection, from *section) error {
	lit := m.WriteBodySection(b, from.size())
	var readErr, writeErr error
	if from.stream == nil {
		_, writeErr = lit.Write(from.data)
	} else {
		readErr, writeErr = pour(lit, from.stream)
	}
	if readErr != nil {
		// The client waits for the rest of a literal, so there is no way to tell it.
		s.cfg.Logger.Error("a message broke off while it was sent; the connection ends", "err", readErr)
		s.wire.Close()
		return errors.Join(net.ErrClosed, errBrokeOff, readErr)
	}
	closeErr := lit.Close()
	if writeErr != nil {
		return writeErr
	}
	return closeErr
}

// pour copies r to w. It reports on which side an error stopped it.
func pour(w io.Writer, r io.Reader) (readErr, writeErr error) {
	buf := make([]byte, 32<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 {
			if _, writeErr = w.Write(buf[:n]); writeErr != nil {
				return nil, writeErr
			}
		}
		if err == io.EOF {
			return nil, nil
		}
		if err != nil {
			return err, nil
		}
	}
}
