package imapd

import (
	"errors"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// systemFlags is in the order of RFC 9051 section 2.3.2.
var systemFlags = [...]string{
	store.Answered, store.Flagged, store.Deleted, store.Seen, store.Draft,
}

// viewCost is how many bytes a view takes for each message, in one or two lists of UIDs and their spare room.
const viewCost = 10

// Select handles SELECT and EXAMINE.
func (s *session) Select(name string, o *imap.SelectOptions) (*imap.SelectData, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unselect()
	name, err := s.existing(name)
	if err != nil {
		return nil, err
	}
	box, err := s.cfg.Store.Mailbox(s.ctx(), s.account, name)
	if err != nil {
		return nil, refused(err)
	}
	if s.view, err = view.Open(s.ctx(), s.cfg.Store, box, o.ReadOnly); err != nil {
		return nil, refused(err)
	}
	cost := int64(s.view.Len()) * viewCost
	if err := s.cfg.Views.Reserve(cost); err != nil {
		s.unselect()
		return nil, no(imap.ResponseCodeLimit, "Too many large mailboxes are selected; try again later")
	}
	s.viewed = cost
	status := s.view.Opened()
	s.told = make(map[string]struct{})
	flags := s.defined(status.Keywords)
	data := &imap.SelectData{
		Flags:             flags,
		NumMessages:       s.view.Len(),
		NumRecent:         s.view.Recent(),
		FirstUnseenSeqNum: s.view.FirstUnseen(),
		UIDNext:           s.shown(status.UIDNext),
		UIDValidity:       status.UIDValidity,
	}
	if !o.ReadOnly {
		data.PermanentFlags = slices.Clip(flags)
		if takesKeywords(status.Keywords) {
			data.PermanentFlags = append(data.PermanentFlags, imap.FlagWildcard)
		}
	}
	return data, nil
}

// takesKeywords reports whether a mailbox with these keywords can get another one (RFC 9051 section 7.1, PERMANENTFLAGS:
// that is what \* says).
func takesKeywords(keywords []string) bool { return len(keywords) < store.MaxKeywords }

// Unselect handles UNSELECT, and the second half of CLOSE.
func (s *session) Unselect() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unselect()
	return nil
}

// defined lists the system flags and the given keywords. From now on, the client counts as told about these keywords.
func (s *session) defined(keywords []string) []imap.Flag {
	flags := make([]imap.Flag, 0, len(systemFlags)+len(keywords))
	for _, f := range systemFlags {
		flags = append(flags, imap.Flag(f))
	}
	for _, f := range keywords {
		if strings.HasPrefix(f, `\`) || !sendable(f) {
			continue
		}
		s.told[f] = struct{}{}
		flags = append(flags, imap.Flag(f))
	}
	return flags
}

// tellKeywords announces keywords of items that the client doesn't know yet, before a FETCH response shows them (RFC
// 9051 section 7.3.5: FLAGS lists the applicable flags). The engine's FetchWriter can't write FLAGS.
func (s *session) tellKeywords(items []view.Item) error {
	for i := range items {
		for _, f := range items[i].Flags {
			if f[0] == '\\' {
				continue
			}
			if _, ok := s.told[f]; !ok && sendable(f) {
				return s.tellAllKeywords()
			}
		}
	}
	return nil
}

func (s *session) tellAllKeywords() error {
	status, err := s.cfg.Store.Status(s.ctx(), s.view.Mailbox().ID)
	keywords := status.Keywords
	if errors.Is(err, store.ErrNoMailbox) {
		keywords = s.view.Keywords() // the mailbox has just been deleted
	} else if err != nil {
		return refused(err)
	}
	flags := s.defined(keywords)
	words := make([]string, len(flags))
	for i, f := range flags {
		words[i] = string(f)
	}
	list := strings.Join(words, " ")
	if err := s.wire.line("FLAGS (" + list + ")"); err != nil || s.view.ReadOnly() {
		return err
	}
	if takesKeywords(keywords) {
		list += ` \*`
	}
	return s.wire.line("OK [PERMANENTFLAGS (" + list + ")] Permanent flags")
}

// flagsOf returns the flags that a FETCH response shows. The result is valid until the next call.
func (s *session) flagsOf(item *view.Item) []imap.Flag {
	s.scratch = s.scratch[:0]
	for _, f := range item.Flags {
		if sendable(f) {
			s.scratch = append(s.scratch, imap.Flag(f))
		}
	}
	if item.Recent {
		s.scratch = append(s.scratch, store.Recent)
	}
	return s.scratch
}

// sendable reports whether the engine can send a flag. A keyword with "]" breaks its protocol, and a mailbox may have
// got one from elsewhere.
func sendable(flag string) bool { return strings.IndexByte(flag, ']') < 0 }

// isClose reports whether this is CLOSE's silent EXPUNGE, whose writer writes nowhere.
func isClose(w *imapserver.ExpungeWriter) bool { return *w == imapserver.ExpungeWriter{} }
