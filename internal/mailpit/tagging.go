package mailpit

import (
	"cmp"
	"context"
	"slices"
	"strings"
)

// tagsOf returns a letter's tags. At first, these are those that its header and its recipients give it. The caller has the
// box.
func tagsOf(ctx context.Context, l *Entry) ([]string, error) {
	if !l.tagged {
		h, err := headOf(ctx, l)
		if err != nil {
			return nil, err
		}
		l.tags, l.tagged = h.tags, true
	}
	return l.tags, nil
}

// tagCounts returns all tags with the number of letters that have them.
func (b *box) tagCounts(ctx context.Context, all []*Entry) (map[string]int, error) {
	counts := map[string]int{}
	names := map[string]string{} // by their lower case
	count := func(tags []string) {
		for _, tag := range tags {
			key := strings.ToLower(tag)
			if names[key] == "" {
				names[key] = tag
			}
			counts[names[key]]++
		}
	}
	for _, l := range all {
		tags, err := tagsOf(ctx, l)
		if err != nil {
			return nil, err
		}
		count(tags)
	}
	for _, tags := range b.strangers {
		count(tags)
	}
	return counts, nil
}

// allTags lists all tags, sorted without regard to case.
func (b *box) allTags(ctx context.Context, all []*Entry) ([]string, error) {
	counts, err := b.tagCounts(ctx, all)
	list := make([]string, 0, len(counts))
	for tag := range counts {
		list = append(list, tag)
	}
	sortTags(list)
	return list, err
}

func sortTags(list []string) {
	slices.SortFunc(list, func(x, y string) int {
		return cmp.Or(cmp.Compare(strings.ToLower(x), strings.ToLower(y)), cmp.Compare(x, y))
	})
}

// cleanTags returns valid tags, sorted, each once.
func cleanTags(tags []string) []string {
	list := []string{}
	for _, tag := range tags {
		tag = cleanTag(tag)
		same := func(other string) bool { return strings.EqualFold(tag, other) }
		if tag != "" && len(list) < mostTagsOfOne && !slices.ContainsFunc(list, same) {
			list = append(list, tag)
		}
	}
	sortTags(list)
	return list
}

// cleanTag makes a space of every character that a tag can't have.
func cleanTag(tag string) string {
	tag = strings.Map(func(r rune) rune {
		if strings.ContainsRune("-_.@", r) || isLetter(r) {
			return r
		}
		return ' '
	}, tag)
	tag = strings.Join(strings.Fields(tag), " ")
	return strings.ToValidUTF8(tag[:min(len(tag), mostTagBytes)], "")
}
