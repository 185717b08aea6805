package mailbox

import (
	"slices"
	"strings"
)

var systemFlags = [...]string{Answered, Deleted, Draft, Flagged, Seen}

// flags returns the canonical form of a list of flags: sorted, each once, keywords as
// they were spelled when first used here, since they don't depend on case (RFC 9051
// section 2.3.2). Dropped are \Recent, unknown system flags, and keywords that are no
// atoms, which could not be sent to a client. A keyword new to the mailbox is added to
// it if learn is set, else dropped. It wants b.mu held.
func (b *Mailbox) flags(list []string, learn bool) []string {
	if len(list) == 0 {
		return nil
	}
	flags := make([]string, 0, len(list))
	for _, f := range list {
		if strings.HasPrefix(f, `\`) {
			if f = systemFlag(f); f != "" {
				flags = append(flags, f)
			}
			continue
		}
		if !isAtom(f) {
			continue
		}
		key := strings.ToLower(f)
		known, ok := b.spelling[key]
		if !ok {
			if !learn {
				continue
			}
			if b.spelling == nil {
				b.spelling = make(map[string]string)
			}
			b.spelling[key] = f
			b.keywords = append(b.keywords, f)
			known = f
		}
		flags = append(flags, known)
	}
	slices.Sort(flags)
	return slices.Clip(slices.Compact(flags))
}

func systemFlag(s string) string {
	for _, f := range systemFlags {
		if strings.EqualFold(f, s) {
			return f
		}
	}
	return ""
}

// isAtom is RFC 9051 section 9, but lets "]" pass, which clients do use in keywords.
func isAtom(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// allFlags returns the system flags and all keywords. It wants b.mu held.
func (b *Mailbox) allFlags() []string {
	return append(slices.Clone(systemFlags[:]), b.keywords...)
}

// apply returns old changed by op; flags is canonical.
func (op Op) apply(old, flags []string) []string {
	switch op {
	case Add:
		merged := append(slices.Clip(old), flags...)
		slices.Sort(merged)
		return slices.Clip(slices.Compact(merged))
	case Remove:
		return slices.DeleteFunc(slices.Clone(old), func(f string) bool {
			return slices.Contains(flags, f)
		})
	default:
		return flags
	}
}

// Store changes flags of the given messages (RFC 9051 section 6.4.6) on behalf of no
// view: all of them hear of it. It returns those that exist, with their flags now.
func (b *Mailbox) Store(uids []UID, op Op, flags []string) []Entry {
	uids = ascending(uids)
	b.mu.Lock()
	defer b.mu.Unlock()
	var stored []Entry
	b.setFlags(uids, op, flags, nil, func(_ uint64, e *Entry) { stored = append(stored, *e) })
	return stored
}

// setFlags is Store without the lock, which the caller holds. done gets each message
// with the mod-sequence it had before; the view except is told only of new keywords.
func (b *Mailbox) setFlags(uids []UID, op Op, list []string, except *View, done func(before uint64, e *Entry)) {
	var (
		modSeq   = b.modSeq.Load() + 1
		keywords = len(b.keywords)
		flags    []string
		started  bool
		changed  bool
		// Most messages of a mailbox have the same few sets of flags: a STORE on all
		// of them computes, and keeps, hardly more slices than there are sets.
		old, result []string
	)
	b.each(uids, func(e *Entry) {
		if !started {
			started = true
			flags = b.flags(list, op != Remove) // only now: no message, no new keyword
			old, result = e.Flags, op.apply(e.Flags, flags)
		} else if !slices.Equal(e.Flags, old) {
			old, result = e.Flags, op.apply(e.Flags, flags)
		}
		before := e.ModSeq
		if !slices.Equal(e.Flags, result) {
			b.count(e, -1)
			e.Flags, e.ModSeq = result, modSeq
			b.count(e, 1)
			changed = true
		}
		done(before, e)
	})
	if !changed {
		return
	}
	if len(b.keywords) > keywords {
		except = nil
	}
	b.lastFlags = modSeq
	b.changed(modSeq, except)
}
