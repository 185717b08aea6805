package imap

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf16"

	"github.com/mailrig/mailrig/internal/protocol"
)

// This file finds the mailboxes that a command is about. Rules may match on them.

// mailboxesOf returns the mailboxes that a command names, in UTF-8. If the command names none, it returns the selected
// mailbox. A name that comes as a literal hasn't arrived yet, so it is missing.
func mailboxesOf(verb string, args []byte, selected string) []string {
	names := 0
	switch verb {
	case "SELECT", "EXAMINE", "CREATE", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE", "STATUS", "APPEND":
		names = 1
	case "RENAME":
		names = 2
	case "COPY", "MOVE", "UID COPY", "UID MOVE":
		_, args = protocol.CutWord(args)
		names = 1
	}
	var found []string
	if selected != "" && (names == 0 || strings.HasSuffix(verb, "COPY") || strings.HasSuffix(verb, "MOVE")) {
		found = append(found, selected)
	}
	for range names {
		name, rest := cutString(args)
		if name != "" {
			found = append(found, decodeUTF7(name))
		}
		args = rest
	}
	return found
}

// cutString takes an atom or a quoted string off the front of args. It returns "" for a literal.
func cutString(args []byte) (s string, rest []byte) {
	args = bytes.TrimRight(args, "\r\n")
	if len(args) == 0 || args[0] != '"' {
		word, rest := protocol.CutWord(args)
		if bytes.HasPrefix(word, []byte("{")) {
			return "", nil
		}
		return string(word), rest
	}
	var b strings.Builder
	for i := 1; i < len(args); i++ {
		switch c := args[i]; {
		case c == '\\' && i+1 < len(args):
			i++
			b.WriteByte(args[i])
		case c == '"':
			return b.String(), bytes.TrimLeft(args[i+1:], " ")
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), nil
}

// decodeUTF7 decodes modified UTF-7 (RFC 3501 section 5.1.3). Invalid parts stay as they are.
func decodeUTF7(s string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(s, "&")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		code, rest, closed := strings.Cut(after, "-")
		data, err := base64.RawStdEncoding.DecodeString(strings.ReplaceAll(code, ",", "/"))
		switch {
		case closed && code == "":
			b.WriteByte('&')
		case !closed || err != nil || len(data)%2 != 0:
			b.WriteString("&" + after)
			return b.String()
		default:
			units := make([]uint16, len(data)/2)
			for i := range units {
				units[i] = uint16(data[2*i])<<8 | uint16(data[2*i+1])
			}
			b.WriteString(string(utf16.Decode(units)))
		}
		s = rest
	}
}
