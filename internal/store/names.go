package store

import (
	"cmp"
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Delimiter separates the parts of a mailbox name, outermost first.
const Delimiter = '/'

// Inbox is the mailbox that every account has and that receives deliveries.
const Inbox = "INBOX"

// MaxNameBytes is the longest mailbox name, in bytes.
const MaxNameBytes = 500

const delimiter = string(Delimiter)

// CanonicalName replaces the first part of a name by INBOX if it is that word in any case (RFC 9051 section 5.1). The
// rest of a name is case-sensitive.
func CanonicalName(name string) string {
	first, _, _ := strings.Cut(name, delimiter)
	if first != Inbox && strings.EqualFold(first, Inbox) {
		return Inbox + name[len(first):]
	}
	return name
}

// NewName checks a name that will be stored and returns its canonical form. A name must be net-unicode without control
// characters and without line and paragraph separators (RFC 9051 section 5.1). Wildcards are refused, because LIST
// couldn't ask for such a name. A delimiter at the end is accepted (RFC 9051 section 6.3.4). The error is ErrBadName.
func NewName(name string) (string, error) {
	name = strings.TrimSuffix(name, delimiter)
	bad := func(why string) (string, error) {
		return "", fmt.Errorf("%w: %s", ErrBadName, why)
	}
	switch {
	case name == "":
		return bad("it is empty")
	case len(name) > MaxNameBytes:
		return bad(fmt.Sprintf("it has more than %d bytes", MaxNameBytes))
	case !utf8.ValidString(name):
		return bad("it is not UTF-8")
	case strings.Contains(name, "*"):
		return bad(`"*" is a wildcard`)
	case strings.ContainsFunc(name, notNetUnicode):
		return bad("it has a control character")
	}
	for element := range strings.SplitSeq(name, delimiter) {
		if element == "" {
			return bad(`it has an empty part before, between or after "/"`)
		}
	}
	return CanonicalName(name), nil
}

func notNetUnicode(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}

// Parents yields the names above name, nearest first.
func Parents(name string) iter.Seq[string] {
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

// Below reports whether name is somewhere under parent.
func Below(name, parent string) bool {
	return len(name) > len(parent) && name[len(parent)] == Delimiter && name[:len(parent)] == parent
}

// CompareNames compares names in tree order: INBOX first, each parent before its children.
func CompareNames(a, b string) int {
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
	if name == Inbox || Below(name, Inbox) {
		return 0
	}
	return 1
}

// KnownUse returns the canonical spelling of a special use that an account's owner may give to a mailbox. Attributes
// don't depend on case (RFC 6154 section 6). "" stays "". The error is ErrSpecialUse.
func KnownUse(use string) (string, error) {
	if use == "" {
		return "", nil
	}
	for _, f := range NewFolders() {
		if f.SpecialUse != "" && strings.EqualFold(f.SpecialUse, use) {
			return f.SpecialUse, nil
		}
	}
	return "", fmt.Errorf("%w: %q", ErrSpecialUse, use)
}

// CanonicalAddress returns the canonical form of a user's name. It appends domain if the name has none, and puts the
// domain part in lower case. It leaves the local part alone, which only the host that owns it may interpret (RFC 5321
// section 2.4), except for its quotes, which don't change what it means (section 4.1.2): it has quotes if it needs them.
func CanonicalAddress(name, domain string) string {
	local, rest := name, "@"+domain
	if at := strings.LastIndexByte(name, '@'); at >= 0 && strings.IndexByte(name[at:], '"') < 0 {
		local, rest = name[:at], name[at:]
	}
	lower := strings.ToLower(rest)
	if strings.ContainsAny(local, "\"()<>[]:;@\\, ") {
		local = requoted(local)
	}
	if len(local)+len(lower) == len(name) && name[:len(local)] == local && name[len(local):] == lower {
		return name
	}
	return local + lower
}

// requoted returns a local part in quotes, if it needs them.
func requoted(local string) string {
	text := local
	if len(local) > 1 && local[0] == '"' && local[len(local)-1] == '"' {
		var b strings.Builder
		for i := 1; i < len(local)-1; i++ {
			if local[i] == '\\' && i+1 < len(local)-1 {
				i++
			}
			b.WriteByte(local[i])
		}
		text = b.String()
	}
	if text != "" && !strings.ContainsAny(text, "\"()<>[]:;@\\, ") {
		return text
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
