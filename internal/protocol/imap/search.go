package imap

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/protocol"
)

// This file makes SEARCH mean what it says where the engine forgets a key, or doesn't know a rule about the whole command.

// searchArguments says how many strings, numbers or dates follow a search key (RFC 9051 section 6.4.4).
var searchArguments = map[string]int{
	"BCC": 1, "BEFORE": 1, "BODY": 1, "CC": 1, "CHARSET": 1, "FROM": 1, "HEADER": 2, "KEYWORD": 1, "LARGER": 1, "ON": 1,
	"SENTBEFORE": 1, "SENTON": 1, "SENTSINCE": 1, "SINCE": 1, "SMALLER": 1, "SUBJECT": 1, "TEXT": 1, "TO": 1,
	"UID": 1, "UNKEYWORD": 1,
}

// beginSearch handles the first line of a SEARCH. args are what follows the verb, without the line end.
func (f *framing) beginSearch(line, args []byte) error {
	options, keys := cutReturn(args)
	if f.utf8 && bytes.EqualFold(firstWord(keys), []byte("CHARSET")) { // RFC 6855 section 3
		return f.refuseRest(line, "BAD [CLIENTBUG] After ENABLE UTF8=ACCEPT, a SEARCH names no charset")
	}
	f.p.Lock()
	f.saveAlone = bytes.EqualFold(bytes.TrimSpace(options), []byte("SAVE"))
	f.p.Unlock()
	return f.pass(f.search(line, len(args)), true)
}

// cutReturn splits a SEARCH's arguments into the options that RETURN lists, without their parentheses, and what follows them (RFC
// 9051 section 6.4.4). Without RETURN and its list, the options are nil.
func cutReturn(args []byte) (options, keys []byte) {
	n := returnLength(args)
	if n == 0 {
		return nil, args
	}
	return args[bytes.IndexByte(args, '(')+1 : n-1], bytes.TrimLeft(args[n:], " ")
}

// returnLength returns how many bytes RETURN and its list take that args begin with. 0 means that they don't.
func returnLength(args []byte) int {
	if !bytes.EqualFold(firstWord(args), []byte("RETURN")) {
		return 0
	}
	list := bytes.TrimLeft(args[len("RETURN"):], " ")
	end := bytes.IndexByte(list, ')')
	if end < 0 || list[0] != '(' {
		return 0
	}
	return len(args) - len(list) + end + 1
}

// search returns a line of a SEARCH as the engine should see it. n is the length of its search keys, without the line end.
func (f *framing) search(line []byte, n int) []byte {
	end := len(protocol.TrimEnd(line))
	keys, owed := withoutSmaller(line[end-n:end], f.owed)
	f.searching, f.owed = true, owed
	return slices.Concat(line[:end-n], keys, line[end:])
}

// withoutSmaller returns search keys in which every SMALLER n is NOT LARGER n-1. The engine forgets a SMALLER when LARGER or a
// date follows it in the same command. owed is how many arguments of a key an earlier line has left to this one, and
// left is how many this line leaves to the next: they are literals.
func withoutSmaller(args []byte, owed int) (out []byte, left int) {
	if owed == 0 && !containsFold(args, "SMALLER") && !bytes.HasSuffix(args, []byte("}")) {
		return args, 0
	}
	for len(args) > 0 {
		word := nextSearchWord(args)
		rest := args[len(word):]
		key := strings.ToUpper(string(word))
		switch {
		case isSeparator(word[0]):
		case owed > 0:
			owed--
		case returnLength(args) > 0: // its options are no keys
			word = args[:returnLength(args)]
			rest = args[len(word):]
		case key == "SMALLER" && len(rest) > 1 && rest[0] == ' ':
			number := nextSearchWord(rest[1:])
			if n, err := strconv.ParseInt(string(number), 10, 64); err == nil && n >= 0 {
				if out = append(out, "NOT ALL"...); n > 0 {
					out = strconv.AppendInt(append(out[:len(out)-len("ALL")], "LARGER "...), n-1, 10)
				}
				args = rest[1+len(number):]
				continue
			}
			owed = 1
		default:
			owed = searchArguments[key]
		}
		out = append(out, word...)
		args = rest
	}
	return out, owed
}

func isSeparator(c byte) bool { return c == ' ' || c == '(' || c == ')' }

// firstWord returns the word that search keys begin with, or nothing.
func firstWord(args []byte) []byte {
	if len(args) == 0 {
		return nil
	}
	return nextSearchWord(args)
}

// nextSearchWord returns the first word of search keys: a separator, a quoted string, or what stands before the next
// separator. args isn't empty.
func nextSearchWord(args []byte) []byte {
	switch {
	case isSeparator(args[0]):
		return args[:1]
	case args[0] == '"':
		for i := 1; i < len(args); i++ {
			switch args[i] {
			case '\\':
				i++
			case '"':
				return args[:i+1]
			}
		}
		return args
	}
	if i := bytes.IndexAny(args, " ()"); i >= 0 {
		return args[:i]
	}
	return args
}

func containsFold(b []byte, word string) bool {
	return bytes.Contains(bytes.ToUpper(b), []byte(word))
}
