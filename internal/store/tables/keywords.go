package tables

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/store"
)

// keywords are the keywords of a mailbox, within store.MaxKeywords.
type keywords struct {
	list     []string          // in the order of first use
	spelling map[string]string // lower case -> as in list
	saved    int               // of list
}

// loadKeywords reads a mailbox's keywords. With lists of flags, it does so only if these have keywords.
func loadKeywords(c Conn, id store.MailboxID, lists ...[]string) (*keywords, error) {
	k := &keywords{spelling: map[string]string{}}
	if len(lists) > 0 && !slices.ContainsFunc(lists, hasKeywords) {
		return k, nil
	}
	err := c.Each("SELECT lower, keyword FROM keywords WHERE mailbox = ? ORDER BY number", []any{int64(id)}, func(rows Rows) error {
		var lower, word string
		err := rows.Scan(&lower, &word)
		k.list, k.spelling[lower] = append(k.list, word), word
		return err
	})
	k.saved = len(k.list)
	return k, err
}

func hasKeywords(flags []string) bool {
	return slices.ContainsFunc(flags, func(f string) bool {
		_, keyword := store.CanonicalFlag(f)
		return keyword
	})
}

// check returns ErrKeywords if lists of flags have keywords that the mailbox can't take.
func (k *keywords) check(lists ...[]string) error {
	fresh := map[string]struct{}{}
	for _, list := range lists {
		for _, f := range list {
			f, keyword := store.CanonicalFlag(f)
			if !keyword {
				continue
			}
			key := strings.ToLower(f)
			if _, ok := k.spelling[key]; ok {
				continue
			}
			fresh[key] = struct{}{}
			if len(f) > store.MaxKeywordBytes || len(k.list)+len(fresh) > store.MaxKeywords {
				return fmt.Errorf("%w: at most %d, of at most %d bytes", store.ErrKeywords, store.MaxKeywords, store.MaxKeywordBytes)
			}
		}
	}
	return nil
}

// learn returns the canonical form of a list of flags: sorted, without duplicates. A keyword is spelt as it was when first
// used in this mailbox, because keywords don't depend on case (RFC 9051 section 2.3.2). A new keyword is added, as long
// as the mailbox may have more.
func (k *keywords) learn(flags []string) []string {
	for _, f := range flags {
		if f, keyword := store.CanonicalFlag(f); keyword {
			key := strings.ToLower(f)
			if _, ok := k.spelling[key]; !ok && len(f) <= store.MaxKeywordBytes && len(k.list) < store.MaxKeywords {
				k.list, k.spelling[key] = append(k.list, f), f
			}
		}
	}
	return k.known(flags)
}

// known is learn without the keywords that are new to the mailbox.
func (k *keywords) known(flags []string) []string {
	if len(flags) == 0 {
		return nil
	}
	out := make([]string, 0, len(flags))
	for _, f := range flags {
		f, keyword := store.CanonicalFlag(f)
		if keyword {
			f = k.spelling[strings.ToLower(f)]
		}
		if f != "" {
			out = append(out, f)
		}
	}
	slices.Sort(out)
	return slices.Clip(slices.Compact(out))
}

// saveKeywords writes keywords that are new to the mailbox.
func (t *tx) saveKeywords(b *box, k *keywords, modSeq uint64) error {
	for n := k.saved; n < len(k.list); n++ {
		if err := t.Exec("INSERT INTO keywords VALUES (?, ?, ?, ?)", int64(b.id), strings.ToLower(k.list[n]), n, k.list[n]); err != nil {
			return err
		}
		b.lastKeyword = modSeq
	}
	k.saved = len(k.list)
	return nil
}
