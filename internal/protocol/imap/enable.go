package imap

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/mailrig/mailrig/internal/protocol"
)

// This file makes ENABLE mean what the server announces, and mailbox names in UTF-8 what they say.

// enable returns an ENABLE command without what mailrig doesn't announce (RFC 5161 section 3.1): the engine takes IMAP4rev2
// although only half of it works. It notes that names are UTF-8 from now on (RFC 6855 section 3).
func (f *framing) enable(tag string, line, args []byte) []byte {
	kept := []byte(tag + " ENABLE")
	for word := range strings.FieldsSeq(string(args)) {
		if strings.EqualFold(word, "IMAP4rev2") {
			continue
		}
		if strings.EqualFold(word, "UTF8=ACCEPT") {
			f.utf8 = f.utf8 || f.logged
		}
		kept = append(append(kept, ' '), word...)
	}
	if len(bytes.TrimSpace(args)) == 0 {
		return line // the engine says what is wrong
	}
	return append(kept, "\r\n"...)
}

// namesMailboxes reports whether the quoted strings and atoms of a command are mailbox names.
func namesMailboxes(verb string) bool {
	return slices.Contains([]string{"SELECT", "EXAMINE", "CREATE", "DELETE", "RENAME", "SUBSCRIBE", "UNSUBSCRIBE", "STATUS", "LIST", "LSUB", "COPY", "MOVE", "UID COPY", "UID MOVE", "APPEND"}, verb)
}

// withUTF7 returns a command line with its arguments as asUTF7 writes them. n is their length, without the line end.
func withUTF7(line []byte, n int) []byte {
	end := len(protocol.TrimEnd(line))
	out := append(make([]byte, 0, len(line)+16), line[:end-n]...)
	out = append(out, asUTF7(line[end-n:end])...)
	return append(out, line[end:]...)
}

// asUTF7 writes mailbox names in UTF-8 in the modified UTF-7 that the engine expects (RFC 3501 section 5.1.3). Bytes that
// aren't UTF-8 stay, so that the engine refuses them.
func asUTF7(args []byte) []byte {
	if !utf8.Valid(args) || !bytes.ContainsFunc(args, func(r rune) bool { return r == '&' || r >= utf8.RuneSelf }) {
		return args
	}
	var out []byte
	text := string(args)
	for i := 0; i < len(text); {
		if text[i] == '&' {
			out = append(out, "&-"...)
			i++
			continue
		}
		if text[i] < utf8.RuneSelf {
			out = append(out, text[i])
			i++
			continue
		}
		end := i
		for end < len(text) && text[end] >= utf8.RuneSelf {
			end++
		}
		var units []byte
		for _, u := range utf16.Encode([]rune(text[i:end])) {
			units = append(units, byte(u>>8), byte(u))
		}
		out = append(out, '&')
		out = append(out, strings.ReplaceAll(base64.RawStdEncoding.EncodeToString(units), "/", ",")...)
		out = append(out, '-')
		i = end
	}
	return out
}
