package diagnose

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Predicates about extensions: those that a server lists and what they allow.

// usedUnlistedExtension finds the use of an extension that the server hasn't advertised (RFC 5321 section 2.2.1, RFC
// 9051 section 6.1.1).
func usedUnlistedExtension(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		for _, s := range f.inTurn() {
			if name := f.unlistedExtension(s); name != "" {
				return map[string]string{"extension": name}
			}
		}
		for i, s := range f.inTurn() {
			if s.Early && i > 0 && !f.Steps[i-1].WentOn && !f.Steps[i-1].asks() && s.Secure == f.Steps[i-1].Secure && f.lacksPipelining(s.Listed) {
				return map[string]string{"extension": "PIPELINING"}
			}
		}
		return nil
	})
}

// lacksPipelining reports whether this list says that the server doesn't support command pipelining, in a protocol that has it
// as an extension (RFC 2920, RFC 2449 section 6.6).
func (f *Facts) lacksPipelining(l *List) bool {
	return l != nil && !l.Has("PIPELINING") && slices.Contains(f.speaks.Capabilities, "PIPELINING")
}

// unlistedExtension returns an extension that a command uses and the server hasn't advertised, or "".
func (f *Facts) unlistedExtension(s *Step) string {
	if f.speaks.Uses == nil || s.Listed == nil || f.speaks.ListsMore && f.loggedIn() && !s.Listed.AfterLogin {
		return ""
	}
	for _, names := range f.speaks.Uses(protocol.Line{Tag: s.Tag, Verb: s.Verb, Args: s.Args}) {
		if !slices.ContainsFunc(names, s.Listed.Has) {
			return names[0]
		}
	}
	return ""
}

// ignoredSizeLimit finds a message above the advertised SIZE (RFC 1870), declared or sent.
func ignoredSizeLimit(c *Case) []Evidence {
	return c.eachWords(func(f *Facts) map[string]string {
		for _, s := range f.inTurn() {
			text, _ := s.Listed.Param("SIZE")
			limit, _ := strconv.ParseInt(text, 10, 64)
			if limit <= 0 {
				continue
			}
			_, announced, _ := strings.Cut(strings.ToUpper(s.Args), "SIZE=")
			announced, _, _ = strings.Cut(announced, " ")
			size, _ := strconv.ParseInt(announced, 10, 64)
			if s.Verb == "MAIL" && size > limit || s.Uploaded > limit+3 { // 3 bytes for the line with the final dot
				return map[string]string{"limit": text}
			}
		}
		return nil
	})
}
