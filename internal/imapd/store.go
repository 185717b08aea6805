package imapd

import (
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/store/view"
)

// Store handles STORE and UID STORE.
func (s *session) Store(w *imapserver.FetchWriter, set imap.NumSet, f *imap.StoreFlags, o *imap.StoreOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.UnchangedSince != 0 {
		return bad("UNCHANGEDSINCE needs CONDSTORE, which this server doesn't offer")
	}
	uids, err := s.resolve(set)
	if err != nil {
		return err
	}
	if s.view.ReadOnly() {
		return refused(view.ErrReadOnly)
	}
	flags, err := checkFlags(f.Flags)
	if err != nil {
		return err
	}
	op := store.Replace
	switch f.Op {
	case imap.StoreFlagsAdd:
		op = store.Add
	case imap.StoreFlagsDel:
		op = store.Remove
	}
	items, err := s.view.Store(s.ctx(), uids, op, flags)
	if err != nil {
		return refused(err)
	}
	if err := s.tellKeywords(items); err != nil || f.Silent {
		return err
	}
	_, byUID := set.(imap.UIDSet)
	for i := range items {
		m := w.CreateMessage(items[i].Seq)
		if byUID {
			m.WriteUID(s.shown(items[i].UID))
		}
		m.WriteFlags(s.flagsOf(&items[i]))
		if err := m.Close(); err != nil {
			return err
		}
	}
	return nil
}

// checkFlags checks the flags that a client gave. \Recent can't be changed and is dropped. Other unknown system flags,
// and keywords that aren't atoms, are errors (RFC 9051 section 2.3.2).
func checkFlags(flags []imap.Flag) ([]string, error) {
	out := make([]string, 0, len(flags))
	for _, f := range flags {
		switch {
		case strings.EqualFold(string(f), store.Recent):
			continue
		case strings.HasPrefix(string(f), `\`):
			known := false
			for _, sys := range systemFlags {
				known = known || string(f) == sys
			}
			if !known {
				return nil, bad("There is no such system flag; keywords have no backslash")
			}
		case !isASCII(string(f)):
			return nil, bad("A keyword is an atom: ASCII without blanks and brackets")
		}
		out = append(out, string(f))
	}
	return out, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// Expunge handles EXPUNGE, UID EXPUNGE and CLOSE. The poll that follows tells the client the result, in the right order
// with everything else.
func (s *session) Expunge(w *imapserver.ExpungeWriter, set *imap.UIDSet) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.view == nil {
		return noMailboxSelected
	}
	if s.view.ReadOnly() {
		if isClose(w) { // RFC 9051 section 6.4.1: nothing is removed, and that isn't an error
			return nil
		}
		return refused(view.ErrReadOnly)
	}
	var uids []store.UID
	if set != nil {
		var err error
		if uids, err = s.resolve(*set); err != nil {
			return err
		}
		if uids == nil {
			uids = []store.UID{} // none, rather than all
		}
	}
	_, err := s.view.Expunge(s.ctx(), uids)
	return refused(err)
}
