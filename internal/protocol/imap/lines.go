package imap

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// announced matches the announcement of a literal at the end of a line from a server.
var announced = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\{([0-9]{1,9})\}$`) })

// CheckLines reports a literal in a scenario's lines whose length is wrong (RFC 9051 section 4.3): the bytes that it
// announces aren't all there, or the response can't go on where they end.
func (*replies) CheckLines(text string) error {
	rest := strings.ReplaceAll(strings.TrimRight(text, "\r\n"), "\r\n", "\n")
	rest = strings.ReplaceAll(rest, "\n", "\r\n") + "\r\n"
	for rest != "" {
		line, after, _ := strings.Cut(rest, "\r\n")
		rest = after
		m := announced().FindStringSubmatch(line)
		if m == nil {
			continue
		}
		size, _ := strconv.Atoi(m[1])
		if size > len(after) {
			return fmt.Errorf("imap: %s announces %d bytes, and only %d follow; count each line end as two bytes", m[0], size, len(after))
		}
		if rest = after[size:]; !strings.HasPrefix(rest, ")") && !strings.HasPrefix(rest, " ") && !strings.HasPrefix(rest, "\r\n") {
			end, _, _ := strings.Cut(rest, "\r\n")
			return fmt.Errorf("imap: %s announces %d bytes, and behind them stands %q, where a response can't go on; count each line end as two bytes", m[0], size, end)
		}
	}
	return nil
}

// BeginsLine reports whether a line from a server can begin so: *, + or a tag, and then a space.
func (*replies) BeginsLine(prefix string) bool {
	word, _, whole := strings.Cut(prefix, " ")
	switch {
	case strings.HasPrefix(word, "*"), strings.HasPrefix(word, "+"):
		return len(word) == 1
	case whole:
		return isTag(word)
	}
	return word == "" || isTag(word)
}
