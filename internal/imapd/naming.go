package imapd

import (
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/store"
)

// Naming is the form in which a client sees mailbox names. In the store, "/" separates the parts of a name. A session
// translates every mailbox name in both directions.
type Naming struct {
	Delimiter byte   // 0 means NIL: folders of one level only
	Prefix    string // before every name except INBOX, like "INBOX."; ends with the delimiter
}

// plain is the store's own form.
var plain = Naming{Delimiter: store.Delimiter}

// slash stands for "/" in names without a hierarchy. There "/" is an ordinary character, and the store must not see it.
const slash = "\u2215"

// swap exchanges the store's delimiter and the client's, so that no two names become one.
func (n Naming) swap(name string) string {
	ours, theirs := string(rune(store.Delimiter)), slash
	switch n.Delimiter {
	case store.Delimiter:
		return name
	case 0:
	default:
		theirs = string(rune(n.Delimiter))
	}
	return strings.NewReplacer(ours, theirs, theirs, ours).Replace(name)
}

// show returns one of the store's names as the client sees it.
func (n Naming) show(name string) string {
	if name == "INBOX" {
		return name
	}
	return n.Prefix + n.swap(name)
}

// find returns a client's name as the store has it. It returns "" for an impossible name.
func (n Naming) find(shown string) string {
	if strings.EqualFold(shown, "INBOX") {
		return "INBOX"
	}
	k := len(n.Prefix)
	if k == 0 {
		return n.swap(shown)
	}
	// INBOX has no case, nor has it before a prefix's delimiter (RFC 9051 section 5.1).
	if len(shown) < k || shown[:k] != n.Prefix && !(n.belowInbox() && strings.EqualFold(shown[:k], n.Prefix)) {
		return ""
	}
	return n.swap(shown[k:])
}

// belowInbox reports whether all folders are children of INBOX.
func (n Naming) belowInbox() bool {
	return n.Prefix != "" && strings.EqualFold(n.Prefix[:len(n.Prefix)-1], "INBOX")
}

// sees tells the session which mailbox the client names.
func (s *session) sees(shown string) {
	if strings.EqualFold(shown, "INBOX") {
		s.cfg.Session.SawInbox()
	} else {
		s.cfg.Session.SawNames()
	}
}

// existing is find for a mailbox that should exist.
func (s *session) existing(shown string) (string, error) {
	s.sees(shown)
	if name := s.naming.find(shown); name != "" || shown == "" {
		return name, nil
	}
	return "", no(imap.ResponseCodeNonExistent, "There is no such mailbox; all but INBOX are below "+s.naming.Prefix)
}

// target is find for a mailbox that will be made or written to.
func (s *session) target(shown string) (string, error) {
	s.sees(shown)
	if name := s.naming.find(shown); name != "" || shown == "" {
		return name, nil
	}
	return "", no(imap.ResponseCodeCannot, "All mailboxes but INBOX are below "+s.naming.Prefix)
}

// listing returns the account's list as the client sees it, sorted as a tree.
func (s *session) listing() ([]store.Info, error) {
	s.cfg.Session.SawNames()
	infos, err := s.cfg.Store.List(s.ctx(), s.account)
	if err != nil {
		return nil, refused(err)
	}
	n := s.naming
	if n == plain {
		return infos, nil
	}
	out := make([]store.Info, 0, len(infos)+1)
	for _, info := range infos {
		if n.Delimiter == 0 {
			info.HasChildren = false
		}
		if info.Name == "INBOX" && n.Prefix != "" {
			info.HasChildren = n.belowInbox() && len(infos) > 1
		}
		info.Name = n.show(info.Name)
		out = append(out, info)
		if len(out) == 1 && n.Prefix != "" && !n.belowInbox() {
			// The prefix itself is no mailbox, only the parent of all others.
			out = append(out, store.Info{Name: n.Prefix[:len(n.Prefix)-1], HasChildren: len(infos) > 1})
		}
	}
	return out, nil
}
