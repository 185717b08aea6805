package mailbox

import (
	"cmp"
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Delimiter separates the elements of a mailbox name, outermost first.
const Delimiter = '/'

const (
	delimiter    = string(Delimiter)
	inboxName    = "INBOX"
	maxNameBytes = 500
)

// canonical folds the first element of a name to INBOX when it is that in any case
// (RFC 9051 section 5.1). The rest of a name is case-sensitive.
func canonical(name string) string {
	first, _, _ := strings.Cut(name, delimiter)
	if first != inboxName && strings.EqualFold(first, inboxName) {
		return inboxName + name[len(first):]
	}
	return name
}

// newName checks a name that is to be stored and returns its canonical form.
// RFC 9051 section 5.1: net-unicode without control characters and without line and
// paragraph separators; wildcards would make a name that LIST can't ask for.
func newName(name string) (string, error) {
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("%w: %s", ErrBadName, why)
	}
	switch {
	case name == "":
		return bad("it is empty")
	case len(name) > maxNameBytes:
		return bad(fmt.Sprintf("it has more than %d bytes", maxNameBytes))
	case !utf8.ValidString(name):
		return bad("it is not UTF-8")
	case strings.ContainsAny(name, "*%"):
		return bad(`"*" and "%" are wildcards`)
	case strings.ContainsFunc(name, notNetUnicode):
		return bad("it has a control character")
	}
	for element := range strings.SplitSeq(name, delimiter) {
		if element == "" {
			return bad(`it has an empty part before, between or after "/"`)
		}
	}
	return canonical(name), nil
}

func notNetUnicode(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// parents yields the names above name, the nearest first.
func parents(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			i := strings.LastIndex(name, delimiter)
			if i < 0 {
				return
			}
			name = name[:i]
			if !yield(name) {
				return
			}
		}
	}
}

// below tells whether name is somewhere under parent.
func below(name, parent string) bool {
	return len(name) > len(parent) && name[len(parent)] == Delimiter && name[:len(parent)] == parent
}

// compareNames orders names as a tree, INBOX first, each parent before its children.
func compareNames(a, b string) int {
	if c := cmp.Compare(inboxRank(a), inboxRank(b)); c != 0 {
		return c
	}
	for {
		headA, restA, moreA := strings.Cut(a, delimiter)
		headB, restB, moreB := strings.Cut(b, delimiter)
		if c := cmp.Compare(headA, headB); c != 0 {
			return c
		}
		if !moreA || !moreB {
			return cmp.Compare(restA, restB) // at least one of them is empty
		}
		a, b = restA, restB
	}
}

func inboxRank(name string) int {
	if name == inboxName || below(name, inboxName) {
		return 0
	}
	return 1
}
