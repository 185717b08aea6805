package imapd

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/emersion/go-imap/v2"
)

// Commands lists the commands that clients send and the engine lacks. To add one, add its row and, unless it is only a
// refusal, a file with its handler.
func Commands() []Command { return slices.Clone(product()) }

// product is mailrig's own list. It is built once and never changed, because all connections share it.
var product = sync.OnceValue(func() []Command {
	return []Command{
		// RFC 2971: allowed in any state. The engine would disconnect before login.
		{"ID", "ID", Anywhere, func(_ context.Context, c *Call) error { return c.Untagged(`ID ("name" "mailrig")`) }},

		// Not advertised. NO for what is only switched off, BAD for what the client can't have seen advertised.
		{"GETQUOTA", "", Anywhere, cannot("There are no quotas on this server")},
		{"GETQUOTAROOT", "", Anywhere, cannot("There are no quotas on this server")},
		{"SETQUOTA", "", Anywhere, cannot("There are no quotas on this server")},
		{"COMPRESS", "", Anywhere, cannot("COMPRESS is not offered")},
		{"GETMETADATA", "", Anywhere, cannot("METADATA is not offered")},
		{"SETMETADATA", "", Anywhere, cannot("METADATA is not offered")},
		{"GETANNOTATION", "", Anywhere, cannot("ANNOTATEMORE is not offered")},
		{"GETACL", "", Anywhere, cannot("ACL is not offered")},
		{"SETACL", "", Anywhere, cannot("ACL is not offered")},
		{"DELETEACL", "", Anywhere, cannot("ACL is not offered")},
		{"LISTRIGHTS", "", Anywhere, cannot("ACL is not offered")},
		{"MYRIGHTS", "", Anywhere, cannot("ACL is not offered")},
		{"XLIST", "", Anywhere, unannounced("XLIST is not offered; LIST shows special-use attributes")},
		{"SORT", "", Anywhere, unannounced("SORT is not offered")},
		{"UID SORT", "", Anywhere, unannounced("SORT is not offered")},
		{"THREAD", "", Anywhere, unannounced("THREAD is not offered")},
		{"UID THREAD", "", Anywhere, unannounced("THREAD is not offered")},
		{"NOTIFY", "", Anywhere, unannounced("NOTIFY is not offered")},
		{"REPLACE", "", Anywhere, unannounced("REPLACE is not offered")},
		{"UID REPLACE", "", Anywhere, unannounced("REPLACE is not offered")},
		{"LANGUAGE", "", Anywhere, unannounced("LANGUAGE is not offered")},
	}
})

// cannot refuses a command that is switched off.
func cannot(text string) func(context.Context, *Call) error {
	return func(context.Context, *Call) error { return no(imap.ResponseCodeCannot, text) }
}

// unannounced refuses a command that the client can't have seen advertised.
func unannounced(text string) func(context.Context, *Call) error {
	return func(context.Context, *Call) error { return bad(text) }
}

// known is the engine's own list of commands (see its readCommand).
var known = map[string]struct{}{
	"NOOP": {}, "CHECK": {}, "LOGOUT": {}, "CAPABILITY": {}, "STARTTLS": {},
	"AUTHENTICATE": {}, "UNAUTHENTICATE": {}, "LOGIN": {}, "ENABLE": {}, "CREATE": {},
	"DELETE": {}, "RENAME": {}, "SUBSCRIBE": {}, "UNSUBSCRIBE": {}, "STATUS": {},
	"LIST": {}, "LSUB": {}, "NAMESPACE": {}, "IDLE": {}, "SELECT": {}, "EXAMINE": {},
	"CLOSE": {}, "UNSELECT": {}, "APPEND": {}, "FETCH": {}, "UID FETCH": {},
	"EXPUNGE": {}, "UID EXPUNGE": {}, "STORE": {}, "UID STORE": {}, "COPY": {},
	"UID COPY": {}, "MOVE": {}, "UID MOVE": {}, "SEARCH": {}, "UID SEARCH": {},
}

// knows reports whether the engine has the command; see Beside.Knows.
func knows(verb string) bool {
	_, ok := known[strings.ToUpper(verb)]
	return ok
}
