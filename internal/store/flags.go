package store

import (
	"slices"
	"strings"
)

// The system flags (RFC 9051 section 2.3.2), in the only spelling used here.
const (
	Seen     = `\Seen`
	Answered = `\Answered`
	Flagged  = `\Flagged`
	Deleted  = `\Deleted`
	Draft    = `\Draft`
	Recent   = `\Recent` // never stored; a view adds it
)

// Bounds on keywords. A mailbox keeps every keyword that it has ever had, as its FLAGS response shows.
const (
	MaxKeywords     = 1000 // in a mailbox
	MaxKeywordBytes = 255
)

var systemFlags = [...]string{Answered, Deleted, Draft, Flagged, Seen}

// SystemFlags returns the flags that a store keeps besides keywords, sorted.
func SystemFlags() []string { return slices.Clone(systemFlags[:]) }

// CanonicalFlag returns the canonical spelling of a system flag, or a keyword as it is. It returns "" for what no store
// keeps: \Recent, unknown system flags, and keywords that aren't atoms, which can't be sent to a client.
func CanonicalFlag(flag string) (canonical string, keyword bool) {
	if !strings.HasPrefix(flag, `\`) {
		if !isAtom(flag) {
			return "", false
		}
		return flag, true
	}
	for _, f := range systemFlags {
		if strings.EqualFold(f, flag) {
			return f, false
		}
	}
	return "", false
}

// isAtom follows RFC 9051 section 9, except that it accepts "]", which clients do use in keywords.
func isAtom(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(`(){%*"\`, c) >= 0 {
			return false
		}
	}
	return s != ""
}

// Op says what SetFlags does with the flags that it is given.
type Op int

// The three forms of STORE (RFC 9051 section 6.4.6).
const (
	Add     Op = iota // +FLAGS
	Remove            // -FLAGS
	Replace           // FLAGS
)

// Apply returns old, changed by op. Both lists must be canonical and sorted. So is the result. Apply changes neither
// list.
func (op Op) Apply(old, flags []string) []string {
	switch op {
	case Add:
		return merge(old, flags)
	case Remove:
		return slices.DeleteFunc(slices.Clone(old), func(f string) bool {
			_, found := slices.BinarySearch(flags, f)
			return found
		})
	default:
		return flags
	}
}

// merge returns the sorted union of two sorted lists.
func merge(a, b []string) []string {
	out := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch strings.Compare(a[0], b[0]) {
		case -1:
			out, a = append(out, a[0]), a[1:]
		case 1:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return slices.Clip(append(append(out, a...), b...))
}
