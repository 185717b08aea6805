package explain

import (
	"encoding/binary"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// line is a text on one line: as it was written, and in lower case. Both have the same length.
type line struct{ shown, lower string }

var (
	// Terminals' control sequences (ECMA-48): colours, titles, a single letter after ESC.
	escapes = lazyregexp.New("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b]*(?:\x07|\x1b\\\\)|\x1b[@-Z\\\\^_]")
	// What mail programs and issue trackers put before a quoted line.
	quoted = lazyregexp.New(`(?m)^[ \t]*(?:[>|│][ \t]?)+[ \t]*`)
	curly  = strings.NewReplacer("’", "'", "‘", "'", "‛", "'", "´", "'", "“", `"`, "”", `"`, "„", `"`, "«", `"`, "»", `"`,
		"–", "-", "—", "-", "‑", "-", "…", "...", "\u00a0", " ", "\u202f", " ", "\u200b", "", "\ufeff", "", "\u00ad", "",
		"&quot;", `"`, "&#39;", "'", "&lt;", "<", "&gt;", ">", "&amp;", "&", "&nbsp;", " ")
)

// plain returns a text in UTF-8 without colours and typographic characters. Lines stay lines.
func plain(s string) string {
	s = fromUTF16(s)
	s = strings.ToValidUTF8(s, "?")
	if strings.Contains(s, "\x1b") {
		s = escapes.ReplaceAllString(s, "")
	}
	s = curly.Replace(s)
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case r == '\r' || r == '\v' || r == '\f' || r == '\u2028' || r == '\u2029' || r == '\u0085':
			return '\n'
		case r == 0:
			return -1 // UTF-16 that went through a program for bytes
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, s)
	return s
}

// fromUTF16 converts what Windows programs write, known by its byte order mark.
func fromUTF16(s string) string {
	var order binary.ByteOrder
	switch {
	case strings.HasPrefix(s, "\xff\xfe"):
		order = binary.LittleEndian
	case strings.HasPrefix(s, "\xfe\xff"):
		order = binary.BigEndian
	default:
		return s
	}
	units := make([]uint16, 0, len(s)/2)
	for b := []byte(s[2:]); len(b) > 1; b = b[2:] {
		units = append(units, order.Uint16(b))
	}
	return string(utf16.Decode(units))
}

// oneLine joins the lines of a text, because the message may be wrapped anywhere.
func oneLine(s string) line {
	s = quoted.ReplaceAllString(s, "")
	s = strings.NewReplacer(`\r\n`, " ", `\n`, " ", `\"`, `"`, `\'`, "'").Replace(s)
	var shown, lower strings.Builder
	shown.Grow(len(s))
	lower.Grow(len(s))
	space := true
	for _, r := range s {
		if unicode.IsSpace(r) {
			if !space {
				shown.WriteByte(' ')
				lower.WriteByte(' ')
			}
			space = true
			continue
		}
		space = false
		shown.WriteRune(r)
		if l := unicode.ToLower(r); utf8.RuneLen(l) == utf8.RuneLen(r) {
			r = l
		}
		lower.WriteRune(r)
	}
	return line{shown.String(), lower.String()}
}
