package memory

import (
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/store"
)

// This file keeps the keywords of a mailbox, within store.MaxKeywords.

// distinct returns each flag once, so that no room is asked for the same keyword again and again. It returns ErrKeywords
// if there are more than any mailbox can take.
func distinct(flags []string) ([]string, error) {
	if len(flags) < 2 {
		return flags, nil
	}
	out := make([]string, 0, min(len(flags), store.MaxKeywords))
	seen := make(map[string]struct{}, cap(out))
	keywords := 0
	for _, f := range flags {
		f, keyword := store.CanonicalFlag(f)
		if f == "" {
			continue
		}
		key := strings.ToLower(f)
		if _, ok := seen[key]; ok {
			continue
		}
		seen[key] = struct{}{}
		if keyword {
			keywords++
		}
		if keywords > store.MaxKeywords {
			return nil, tooManyKeywords()
		}
		out = append(out, f)
	}
	return out, nil
}

func tooManyKeywords() error {
	return fmt.Errorf("%w: at most %d, of at most %d bytes", store.ErrKeywords, store.MaxKeywords, store.MaxKeywordBytes)
}

// checkKeywords returns ErrKeywords if lists of flags have keywords that the mailbox can't take. The caller holds b.mu.
func (b *mailbox) checkKeywords(lists iter.Seq[[]string]) error {
	var fresh map[string]struct{}
	for list := range lists {
		for _, f := range list {
			f, keyword := store.CanonicalFlag(f)
			if !keyword {
				continue
			}
			key := strings.ToLower(f)
			if _, ok := b.spelling[key]; ok {
				continue
			}
			if fresh == nil {
				fresh = make(map[string]struct{})
			}
			fresh[key] = struct{}{}
			if len(f) > store.MaxKeywordBytes || len(b.keywords)+len(fresh) > store.MaxKeywords {
				return tooManyKeywords()
			}
		}
	}
	return nil
}

// flags returns the canonical form of a list of flags: sorted, without duplicates. A keyword is spelt as it was when
// first used in this mailbox, because keywords don't depend on case (RFC 9051 section 2.3.2). A new keyword is added to
// the mailbox at modSeq, as long as it may have more. The caller holds b.mu.
func (b *mailbox) flags(list []string, modSeq uint64) []string {
	for _, f := range list {
		if f, keyword := store.CanonicalFlag(f); keyword {
			key := strings.ToLower(f)
			if _, ok := b.spelling[key]; !ok && len(f) <= store.MaxKeywordBytes && len(b.keywords) < store.MaxKeywords {
				if b.spelling == nil {
					b.spelling = make(map[string]string)
				}
				b.spelling[key] = f
				b.keywords = append(b.keywords, f)
				b.held += nameCost(f)
				b.lastKeyword = modSeq
			}
		}
	}
	return b.known(list)
}

// known is flags without the keywords that are new to the mailbox. The caller holds b.mu.
func (b *mailbox) known(list []string) []string {
	if len(list) == 0 {
		return nil
	}
	flags := make([]string, 0, len(list))
	for _, f := range list {
		f, keyword := store.CanonicalFlag(f)
		if keyword {
			f = b.spelling[strings.ToLower(f)]
		}
		if f != "" {
			flags = append(flags, f)
		}
	}
	slices.Sort(flags)
	return slices.Clip(slices.Compact(flags))
}
