package imapd

import (
	"reflect"
	"slices"
	"strings"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailrig/mailrig/internal/store"
)

// List handles LIST (RFC 3501 section 6.3.8) with LIST-EXTENDED (RFC 5258), LIST-STATUS (RFC 5819) and SPECIAL-USE (RFC
// 6154), and LSUB.
func (s *session) List(w *imapserver.ListWriter, ref string, patterns []string, o *imap.ListOptions) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	lsub := isLSUB(w)
	if slices.Equal(patterns, []string{""}) {
		patterns = nil // the engine doesn't remove LSUB's empty pattern
	}
	if len(patterns) == 0 { // the client asks for the delimiter
		return w.WriteList(&imap.ListData{
			Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect},
			Delim: rune(s.naming.Delimiter),
		})
	}
	s.begin()
	match, stopped := s.matcher(ref, patterns)
	if lsub {
		if err := s.lsub(w, match); err != nil {
			return err
		}
		return *stopped
	}
	infos, err := s.listing()
	if err != nil {
		return err
	}
	if o.SelectRecursiveMatch {
		infos = withAncestors(infos, s.naming.Delimiter)
	}
	selected := func(info store.Info) bool {
		if o.SelectSpecialUse && info.SpecialUse == "" {
			return false
		}
		if o.SelectSubscribed {
			return info.Subscribed
		}
		return info.Exists || info.HasChildren
	}
	for i, info := range infos {
		if !match(info.Name) {
			continue
		}
		data := &imap.ListData{Delim: rune(s.naming.Delimiter), Mailbox: info.Name}
		// CHILDINFO tells of names that this listing doesn't show (RFC 5258 section 4).
		hidden := func(below store.Info) bool { return selected(below) && !match(below.Name) }
		if o.SelectRecursiveMatch && hasBelow(infos[i+1:], info.Name, s.naming.Delimiter, hidden) {
			data.ChildInfo = &imap.ListDataChildInfo{Subscribed: true}
		}
		if !selected(info) && data.ChildInfo == nil {
			continue
		}
		data.Attrs = attributes(info, o)
		if o.ReturnStatus != nil && info.Exists {
			// A mailbox that is being deleted at this moment has no STATUS (RFC 5819 section 2).
			data.Status, err = s.status(info.Name, o.ReturnStatus)
			if isTemporary(err) {
				return err
			}
		}
		if err := w.WriteList(data); err != nil {
			return err
		}
	}
	return *stopped
}

// isLSUB looks into the engine's writer. LSUB comes as LIST (SUBSCRIBED), but it must show unsubscribed parents for "%"
// (RFC 3501 section 6.3.9).
func isLSUB(w *imapserver.ListWriter) bool {
	f := reflect.ValueOf(w).Elem().FieldByName("lsub")
	return f.Kind() == reflect.Bool && f.Bool()
}

func attributes(info store.Info, o *imap.ListOptions) []imap.MailboxAttr {
	var attrs []imap.MailboxAttr
	if !info.Exists {
		attrs = append(attrs, absent(o))
	}
	if info.HasChildren {
		attrs = append(attrs, imap.MailboxAttrHasChildren)
	} else {
		attrs = append(attrs, imap.MailboxAttrHasNoChildren)
	}
	if info.Subscribed && (o.SelectSubscribed || o.ReturnSubscribed) {
		attrs = append(attrs, imap.MailboxAttrSubscribed)
	}
	if info.SpecialUse != "" {
		attrs = append(attrs, imap.MailboxAttr(info.SpecialUse))
	}
	return attrs
}

// absent returns the attribute of a name without a mailbox. \NonExistent implies \Noselect (RFC 5258 section 3), and
// clients that don't use an extended LIST know only that.
func absent(o *imap.ListOptions) imap.MailboxAttr {
	if o.SelectSubscribed || o.SelectRecursiveMatch || o.SelectSpecialUse || o.SelectRemote || o.ReturnSubscribed || o.ReturnChildren || o.ReturnSpecialUse || o.ReturnStatus != nil {
		return imap.MailboxAttrNonExistent
	}
	return imap.MailboxAttrNoSelect
}

// withAncestors adds the parents of names that are only subscribed.
func withAncestors(infos []store.Info, delimiter byte) []store.Info {
	have := make(map[string]bool, len(infos))
	for _, info := range infos {
		have[info.Name] = true
	}
	out := make([]store.Info, 0, len(infos))
	for _, info := range infos {
		for i := range len(info.Name) {
			if info.Name[i] == delimiter && !have[info.Name[:i]] {
				have[info.Name[:i]] = true
				out = append(out, store.Info{Name: info.Name[:i]})
			}
		}
		out = append(out, info)
	}
	return out
}

// hasBelow reports whether a selected name lies below parent. The list is sorted as a tree, so descendants follow
// immediately.
func hasBelow(rest []store.Info, parent string, delimiter byte, selected func(store.Info) bool) bool {
	for _, info := range rest {
		if !strings.HasPrefix(info.Name, parent+string(rune(delimiter))) {
			return false
		}
		if selected(info) {
			return true
		}
	}
	return false
}

// lsub lists subscribed names. As \Noselect it also lists the unsubscribed parents at which a "%" stops.
func (s *session) lsub(w *imapserver.ListWriter, match func(string) bool) error {
	infos, err := s.listing()
	if err != nil {
		return err
	}
	all := withAncestors(infos, s.naming.Delimiter)
	subscribed := func(info store.Info) bool { return info.Subscribed && !match(info.Name) }
	for i, info := range all {
		if !match(info.Name) {
			continue
		}
		data := &imap.ListData{Delim: rune(s.naming.Delimiter), Mailbox: info.Name}
		if !info.Subscribed {
			if !hasBelow(all[i+1:], info.Name, s.naming.Delimiter, subscribed) {
				continue
			}
			data.Attrs = []imap.MailboxAttr{imap.MailboxAttrNoSelect}
		}
		if err := w.WriteList(data); err != nil {
			return err
		}
	}
	return nil
}

// matcher returns a function that reports whether a mailbox name matches one of the patterns below ref. If that is too much
// work, nothing matches any more, and stopped says why.
func (s *session) matcher(ref string, patterns []string) (match func(name string) bool, stopped *error) {
	stopped = new(error)
	full := make([]string, len(patterns))
	length := 0
	for i, p := range patterns {
		full[i] = ref + p
		length += len(full[i])
	}
	return func(name string) bool {
		if *stopped == nil {
			*stopped = s.spend(stepCost + int64(length*len(name)))
		}
		return *stopped == nil && slices.ContainsFunc(full, func(p string) bool { return matches(p, name, s.naming.Delimiter) })
	}, stopped
}

// matches compares a name with "*" (anything) and "%" (anything but the delimiter). Its time is proportional to both
// lengths. INBOX has no case (RFC 9051 section 5.1).
func matches(pattern, name string, delimiter byte) bool {
	inbox := name == "INBOX" || strings.HasPrefix(name, "INBOX"+string(rune(delimiter)))
	same := func(p byte, i int) bool {
		if inbox && i < 5 && 'a' <= p && p <= 'z' {
			p -= 'a' - 'A'
		}
		return p == name[i]
	}
	// reach[i]: the pattern so far can stand for name[:i]
	reach := make([]bool, len(name)+1)
	reach[0] = true
	for k := range len(pattern) {
		p := pattern[k]
		if p == '*' || p == '%' {
			for i := range len(name) {
				if reach[i] && (p == '*' || name[i] != delimiter) {
					reach[i+1] = true
				}
			}
			continue
		}
		for i := len(name); i > 0; i-- {
			reach[i] = reach[i-1] && same(p, i-1)
		}
		reach[0] = false
	}
	return reach[len(name)]
}
