package wait

import (
	"bytes"
	"strings"

	"github.com/mailrig/mailrig/internal/message"
)

// A search through many messages spends its time on decoding and folding them. This file finds out, without that, that a
// simple message can't have the text.

// lacks reports that the text of a message doesn't have any text with this word, which longestWord has chosen. false means that one
// has to look.
func (h *Heading) lacks(raw []byte, word string) bool {
	return h.plain && word != "" && len(raw) >= h.body && !containsASCII(raw[h.body:], word)
}

// plainBody returns where the body of a message begins, if ASCII in its text is the same ASCII in its bytes: it has one part, without
// a transfer encoding that changes bytes, and in a charset that contains ASCII.
func plainBody(raw []byte) (body int, ok bool) {
	if bytes.HasPrefix(raw, []byte("\n")) || bytes.HasPrefix(raw, []byte("\r\n")) {
		return 0, true // no header
	}
	end, after := bytes.Index(raw, []byte("\n\r\n")), 3
	if lf := bytes.Index(raw[:max(end, 0)], []byte("\n\n")); lf >= 0 || end < 0 {
		if end, after = bytes.Index(raw, []byte("\n\n")), 2; end < 0 {
			return 0, false
		}
	}
	header := raw[:min(end+1, MaxHeader)]
	if end+1 > MaxHeader {
		return 0, false
	}
	switch strings.ToLower(message.Value(header, "Content-Transfer-Encoding")) {
	case "", "7bit", "8bit", "binary":
	default:
		return 0, false
	}
	if kind := strings.ToLower(message.Value(header, "Content-Type")); kind != "" {
		charset := strings.Index(kind, "charset=")
		if !strings.HasPrefix(kind, "text/") || strings.Contains(kind, "charset*") {
			return 0, false
		}
		if charset >= 0 {
			name := strings.Trim(kind[charset+len("charset="):], `"' `)
			if !strings.HasPrefix(name, "utf-8") && !strings.HasPrefix(name, "us-ascii") && !strings.HasPrefix(name, "iso-8859-") && !strings.HasPrefix(name, "windows-125") {
				return 0, false
			}
		}
	}
	return end + after, true
}

// longestWord returns the longest word of a folded text that has only ASCII letters and digits, or "".
func longestWord(part string) (word string) {
	for w := range strings.FieldsSeq(part) {
		if len(w) > len(word) && !strings.ContainsFunc(w, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') || r == 'k' || r == 's' }) {
			word = w
		}
	}
	return word
}

// frequency lists letters and digits, the rarest in mail first.
const frequency = "zjxq0987654321vkbywgpfmucdlhrsniaote"

// containsASCII reports whether text has the word, in any case. The word has only lower-case letters and digits.
func containsASCII(text []byte, word string) bool {
	at, rank := 0, len(frequency)
	for i := range len(word) {
		if r := strings.IndexByte(frequency, word[i]); r < rank {
			at, rank = i, r
		}
	}
	low := word[at]
	for _, c := range []byte{low, low &^ 0x20} {
		if c != low && (low < 'a' || low > 'z') {
			break
		}
		for pos := at; pos <= len(text)-(len(word)-at); pos++ {
			i := bytes.IndexByte(text[pos:], c)
			if i < 0 {
				break
			}
			pos += i
			if begin := pos - at; begin+len(word) <= len(text) && equalASCII(text[begin:begin+len(word)], word) {
				return true
			}
		}
	}
	return false
}

// equalASCII reports whether text is the word in any case. Both have the same length.
func equalASCII(text []byte, word string) bool {
	for i := range text {
		c := text[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
