package imapd

import "strings"

// extra is a command that clients send and the engine lacks. The gate answers it
// beside the engine, in any state, from this table.
type extra struct {
	untagged []string
	tagged   string // without the tag
}

var extras = map[string]extra{
	// RFC 2971: allowed in any state; the engine would disconnect before login.
	"ID": {[]string{`ID ("name" "mailrig")`}, "OK ID completed"},

	// Not offered. NO for what is merely switched off, BAD for what the client
	// can't have seen announced.
	"GETQUOTA":      {nil, "NO [CANNOT] There are no quotas on this server"},
	"GETQUOTAROOT":  {nil, "NO [CANNOT] There are no quotas on this server"},
	"SETQUOTA":      {nil, "NO [CANNOT] There are no quotas on this server"},
	"COMPRESS":      {nil, "NO [CANNOT] COMPRESS is not offered"},
	"GETMETADATA":   {nil, "NO [CANNOT] METADATA is not offered"},
	"SETMETADATA":   {nil, "NO [CANNOT] METADATA is not offered"},
	"GETANNOTATION": {nil, "NO [CANNOT] ANNOTATEMORE is not offered"},
	"GETACL":        {nil, "NO [CANNOT] ACL is not offered"},
	"SETACL":        {nil, "NO [CANNOT] ACL is not offered"},
	"DELETEACL":     {nil, "NO [CANNOT] ACL is not offered"},
	"LISTRIGHTS":    {nil, "NO [CANNOT] ACL is not offered"},
	"MYRIGHTS":      {nil, "NO [CANNOT] ACL is not offered"},
	"XLIST":         {nil, "BAD [CLIENTBUG] XLIST is not offered; LIST shows special-use attributes"},
	"SORT":          {nil, "BAD [CLIENTBUG] SORT is not offered"},
	"UID SORT":      {nil, "BAD [CLIENTBUG] SORT is not offered"},
	"THREAD":        {nil, "BAD [CLIENTBUG] THREAD is not offered"},
	"UID THREAD":    {nil, "BAD [CLIENTBUG] THREAD is not offered"},
	"NOTIFY":        {nil, "BAD [CLIENTBUG] NOTIFY is not offered"},
	"REPLACE":       {nil, "BAD [CLIENTBUG] REPLACE is not offered"},
	"UID REPLACE":   {nil, "BAD [CLIENTBUG] REPLACE is not offered"},
	"LANGUAGE":      {nil, "BAD [CLIENTBUG] LANGUAGE is not offered"},
}

// Extra answers a command that the engine lacks. verb is the command's name in any
// case, "UID SORT" with its second word; args what follows it, of no consequence for
// any command so far. The lines have no "* ", no tag and no line end.
func Extra(verb string, args []byte) (untagged []string, tagged string, ok bool) {
	e, ok := extras[strings.ToUpper(verb)]
	return e.untagged, e.tagged, ok
}

// known is the engine's own list of commands (its readCommand).
var known = map[string]struct{}{
	"NOOP": {}, "CHECK": {}, "LOGOUT": {}, "CAPABILITY": {}, "STARTTLS": {},
	"AUTHENTICATE": {}, "UNAUTHENTICATE": {}, "LOGIN": {}, "ENABLE": {}, "CREATE": {},
	"DELETE": {}, "RENAME": {}, "SUBSCRIBE": {}, "UNSUBSCRIBE": {}, "STATUS": {},
	"LIST": {}, "LSUB": {}, "NAMESPACE": {}, "IDLE": {}, "SELECT": {}, "EXAMINE": {},
	"CLOSE": {}, "UNSELECT": {}, "APPEND": {}, "FETCH": {}, "UID FETCH": {},
	"EXPUNGE": {}, "UID EXPUNGE": {}, "STORE": {}, "UID STORE": {}, "COPY": {},
	"UID COPY": {}, "MOVE": {}, "UID MOVE": {}, "SEARCH": {}, "UID SEARCH": {},
}

// Knows reports whether the engine has the command: verb in any case, those behind
// UID with both words. The engine disconnects on any other before login.
func Knows(verb string) bool {
	_, ok := known[strings.ToUpper(verb)]
	return ok
}
