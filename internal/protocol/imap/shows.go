package imap

import (
	"regexp"

	"github.com/mailrig/mailrig/internal/event"
)

// private matches a field of ID whose name says that its value is private, although RFC 2971 section 3.3 forbids to send
// such fields.
var private = regexp.MustCompile(`(?i)("[^"]*(?:pass|pwd|secret|token|auth|cred|key)[^"]*"[ \t]+)(?:"(?:[^"\\]|\\.)*"?|[^ )]+)`)

// showFields shows the arguments of ID.
func showFields(args string) string { return private.ReplaceAllString(args, "${1}"+event.Mask) }
