// Package imap defines IMAP (RFC 9051 and RFC 3501; literals: RFC 7888): its words, replies, framing and doors. Package
// protocol explains the parts.
//
// The engine is go-imap's imapserver; internal/imapd adapts it. A new command is a row in words. If it must be
// advertised, add it to extensions in uses.go too. If the engine lacks it, add a handler in internal/imapd/extra.go.
package imap

import (
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Protocol is IMAP's value.
var Protocol = &protocol.Protocol{
	Name:     "imap",
	Title:    "IMAP",
	Receives: true,
	StartTLS: "STARTTLS",
	Words:    words,
	Replies:  &replies{},
	Framing:  newFraming,
	Uses:     uses,
	Flaw:     flaw,
	Named:    named,
	Told:     told,
	Refusals: refusals,
	Logins:   logins,

	Mailboxes:    true,
	Capabilities: capabilities,
	Connections:  15, // Gmail's limit; others allow fewer

	ListsMore: true, // RFC 9051 section 6.2.3: a login may bring a new list
	Doors: []protocol.Door{
		{Port: 143, Service: "imap", Security: protocol.STARTTLS, Suggest: true},
		{Port: 993, Service: "imaps", Security: protocol.TLS, Suggest: true},
	},
	Idle:    30 * time.Minute, // RFC 9051 section 5.4
	MaxLine: 48 << 10,         // the engine limits a command to 50 KiB
}

const (
	login    = protocol.NoLogin
	logged   = protocol.LoggedIn
	selected = protocol.Selected
)

var words = protocol.Words{
	{Verb: "CAPABILITY", Shows: protocol.HideAll, Asks: true, Polite: true, Opens: true},
	{Verb: "NOOP", Shows: protocol.HideAll, Polite: true},
	{Verb: "LOGOUT", Shows: protocol.HideAll, Polite: true, Leaves: true, Opens: true},
	{Verb: "ID", Shows: showFields, Polite: true, Needs: "ID", Opens: true},
	{Verb: "STARTTLS", Shows: protocol.HideAll, Polite: true, State: protocol.InClear | login, Needs: "STARTTLS"},
	{Verb: "AUTHENTICATE", Secret: event.SecretResponse, Login: true, State: login, Needs: "AUTH", Opens: true},
	{Verb: "LOGIN", Secret: event.SecretBehind, Login: true, State: login, Unless: "LOGINDISABLED", Opens: true},
	{Verb: "UNAUTHENTICATE", Shows: protocol.HideAll, State: logged, Needs: "UNAUTHENTICATE"},
	{Verb: "ENABLE", State: logged, Needs: "ENABLE"},
	{Verb: "SELECT", State: logged, Opens: true},
	{Verb: "EXAMINE", State: logged},
	{Verb: "CREATE", State: logged},
	{Verb: "DELETE", State: logged},
	{Verb: "RENAME", State: logged},
	{Verb: "SUBSCRIBE", State: logged},
	{Verb: "UNSUBSCRIBE", State: logged},
	{Verb: "LIST", State: logged},
	{Verb: "LSUB", State: logged},
	{Verb: "XLIST", State: logged},
	{Verb: "NAMESPACE", Shows: protocol.HideAll, State: logged, Needs: "NAMESPACE"},
	{Verb: "STATUS", State: logged},
	{Verb: "APPEND", State: logged, Mail: true},
	{Verb: "IDLE", Shows: protocol.HideAll, State: logged, Needs: "IDLE"},
	{Verb: "DONE", Shows: protocol.HideAll, State: logged},
	{Verb: "CHECK", Shows: protocol.HideAll, State: selected},
	{Verb: "CLOSE", Shows: protocol.HideAll, State: selected},
	{Verb: "UNSELECT", Shows: protocol.HideAll, State: selected, Needs: "UNSELECT"},
	{Verb: "EXPUNGE", Shows: protocol.HideAll, State: selected},
	{Verb: "SEARCH", State: selected},
	{Verb: "FETCH", State: selected},
	{Verb: "STORE", State: selected},
	{Verb: "COPY", State: selected},
	{Verb: "MOVE", State: selected, Needs: "MOVE"},
	{Verb: "UID FETCH", State: selected},
	{Verb: "UID STORE", State: selected},
	{Verb: "UID COPY", State: selected},
	{Verb: "UID MOVE", State: selected, Needs: "MOVE"},
	{Verb: "UID EXPUNGE", State: selected, Needs: "UIDPLUS"},
	{Verb: "UID SEARCH", State: selected},
	{Verb: "COMPRESS", State: logged},
	{Verb: "GETQUOTA", State: logged},
	{Verb: "GETQUOTAROOT", State: logged},
	{Verb: "SORT", State: selected},
	{Verb: "THREAD", State: selected},
	{Verb: "UID SORT", State: selected},
	{Verb: "UID THREAD", State: selected},
}
