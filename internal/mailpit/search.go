package mailpit

import (
	"context"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds on a query: of each, what is more is ignored.
const (
	mostQuery = 1000 // bytes
	mostWords = 50
)

// query is a search: a letter must pass all tests.
type query []test

type test func(ctx context.Context, l *Entry) (bool, error)

func (q query) fits(ctx context.Context, l *Entry) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	for _, t := range q {
		if ok, err := t(ctx, l); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// parseQuery parses Mailpit's search language. There are no errors: what isn't understood is searched as text. Dates
// without a zone are in zone.
func parseQuery(text string, zone *time.Location) (q query) {
	for _, word := range split(text[:min(len(text), mostQuery)]) {
		if len(q) == mostWords {
			break
		}
		q = append(q, parseWord(word, zone))
	}
	return q
}

// split splits a query at its blanks, except those between quotation marks. One that isn't closed takes the rest.
func split(text string) (words []string) {
	var b strings.Builder
	quoted := false
	for _, r := range text + " " {
		switch {
		case r == '"':
			quoted = !quoted
		case !quoted && strings.ContainsRune(" \t\r\n", r):
			if b.Len() > 0 {
				words = append(words, b.String())
			}
			b.Reset()
		default:
			b.WriteRune(r)
		}
	}
	if rest := strings.TrimSpace(b.String()); rest != "" {
		words = append(words, rest)
	}
	return words
}

func parseWord(word string, zone *time.Location) test {
	not := false
	if len(word) > 1 && (word[0] == '-' || word[0] == '!') {
		word, not = word[1:], true
	}
	t := operator(word, zone)
	if t == nil {
		pattern := strings.ToLower(strings.Join(strings.Fields(word), " "))
		t = func(ctx context.Context, l *Entry) (bool, error) {
			text, err := searchable(ctx, l)
			return like(pattern, text), err
		}
	}
	return func(ctx context.Context, l *Entry) (bool, error) {
		ok, err := t(ctx, l)
		return ok != not, err
	}
}

// operator returns the test of a word like subject:hello, or nil if the word is none.
func operator(word string, zone *time.Location) test {
	key, value, found := strings.Cut(word, ":")
	if !found {
		return nil
	}
	value = strings.TrimSpace(value)
	in := func(field func(*head) string) test {
		pattern := asciiLower(value)
		return func(ctx context.Context, l *Entry) (bool, error) {
			h, err := headOf(ctx, l)
			if err != nil {
				return false, err
			}
			return like(pattern, asciiLower(field(h))), nil
		}
	}
	switch strings.ToLower(key) {
	case "from":
		return in(func(h *head) string { return joined([]address{h.from}) })
	case "to":
		return in(func(h *head) string { return joined(h.to) })
	case "cc":
		return in(func(h *head) string { return joined(h.cc) })
	case "bcc":
		return in(func(h *head) string { return joined(h.bcc) })
	case "reply-to":
		return in(func(h *head) string { return joined(h.replyTo) })
	case "addressed":
		return in(func(h *head) string {
			return joined([]address{h.from}) + joined(h.to) + joined(h.cc) + joined(h.bcc) + joined(h.replyTo)
		})
	case "subject":
		return in(func(h *head) string { return h.subject })
	case "message-id":
		value = strings.Trim(value, "<>")
		return in(func(h *head) string { return h.messageID })
	case "tag":
		return func(ctx context.Context, l *Entry) (bool, error) {
			tags, err := tagsOf(ctx, l)
			return indexTag(tags, value) >= 0, err
		}
	case "is", "has":
		return being(strings.ToLower(word))
	case "after", "before":
		return dated(strings.EqualFold(key, "after"), value, zone)
	case "larger", "smaller":
		n, ok := parseSize(value)
		if !ok {
			return nil
		}
		larger := strings.EqualFold(key, "larger")
		return func(_ context.Context, l *Entry) (bool, error) {
			if size := float64(l.msg.Size()); larger {
				return size > n, nil
			} else {
				return size < n, nil
			}
		}
	}
	return nil
}

func being(word string) test {
	of := func(f func(summary) bool) test {
		return func(ctx context.Context, l *Entry) (bool, error) {
			s, err := summaryOf(ctx, l)
			return f(s), err
		}
	}
	switch word {
	case "is:read":
		return func(_ context.Context, l *Entry) (bool, error) { return l.read, nil }
	case "is:unread":
		return func(_ context.Context, l *Entry) (bool, error) { return !l.read, nil }
	case "is:tagged":
		return func(ctx context.Context, l *Entry) (bool, error) {
			tags, err := tagsOf(ctx, l)
			return len(tags) > 0, err
		}
	case "has:attachment", "has:attachments":
		return of(func(s summary) bool { return s.attachments > 0 })
	case "has:inline", "has:inlines":
		return of(func(s summary) bool { return s.inlines > 0 })
	}
	return nil
}

// dated returns a test of when a letter came. A date that isn't understood lets every letter pass.
func dated(after bool, value string, zone *time.Location) test {
	at, ok := parseTime(value, zone)
	return func(_ context.Context, l *Entry) (bool, error) {
		switch {
		case !ok:
			return true, nil
		case after:
			return l.created.After(at), nil
		default:
			return l.created.Before(at), nil
		}
	}
}

func parseTime(value string, zone *time.Location) (time.Time, bool) {
	value = strings.ReplaceAll(strings.ToUpper(value), "/", "-")
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02", "02-01-2006", "2006-01"} {
		if at, err := time.ParseInLocation(layout, value, zone); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// parseSize parses a size such as 100, 0.5k or 2M.
func parseSize(text string) (float64, bool) {
	text = strings.TrimSuffix(strings.ToLower(text), "b")
	factor := 1.0
	if number, ok := strings.CutSuffix(text, "k"); ok {
		text, factor = number, 1<<10
	} else if number, ok := strings.CutSuffix(text, "m"); ok {
		text, factor = number, 1<<20
	}
	n, err := strconv.ParseFloat(text, 64)
	return n * factor, err == nil && n >= 0
}

func asciiLower(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' }) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// like reports whether a text contains the pattern, in which % stands for any text and _ for any character, as in SQL.
func like(pattern, text string) bool {
	if !strings.ContainsAny(pattern, "%_") {
		return strings.Contains(text, pattern)
	}
	for piece := range strings.SplitSeq(pattern, "%") {
		at := indexLike([]rune(piece), text)
		if at < 0 {
			return false
		}
		text = text[at:]
	}
	return true
}

// indexLike returns where the first part of the text that a pattern matches ends, or -1. In the pattern, _ stands for any
// character. Each character of the text costs the same, whatever the pattern is: bit i of the state says that the last
// characters match the first i+1 of the pattern (Baeza-Yates and Gonnet's Shift-And).
func indexLike(pattern []rune, text string) int {
	if len(pattern) == 0 {
		return 0
	}
	words, last := (len(pattern)+63)/64, len(pattern)-1
	fits := map[rune][]uint64{}
	always := make([]uint64, words)
	for i, r := range pattern {
		set := always
		if r != '_' {
			if fits[r] == nil {
				fits[r] = make([]uint64, words)
			}
			set = fits[r]
		}
		set[i/64] |= 1 << (i % 64)
	}
	state := make([]uint64, words)
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		at += size
		here, carry := fits[r], uint64(1)
		for w, bits := range state {
			may := always[w]
			if here != nil {
				may |= here[w]
			}
			state[w], carry = (bits<<1|carry)&may, bits>>63
		}
		if state[last/64]&(1<<(last%64)) != 0 {
			return at
		}
	}
	return -1
}
