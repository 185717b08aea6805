package imap

import (
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// private matches a field of ID whose name says that its value is private, although RFC 2971 section 3.3 forbids to send
// such fields.
var private = lazyregexp.New(`(?i)("[^"]*(?:pass|pwd|secret|token|auth|cred|key)[^"]*"[ \t]+)(?:"(?:[^"\\]|\\.)*"?|[^ )]+)`)

// showFields shows the arguments of ID.
func showFields(args string) string { return private.ReplaceAllString(args, "${1}"+event.Mask) }
