// Package pop3 defines POP3 (RFC 1939; CAPA: RFC 2449; STLS: RFC 2595; AUTH: RFC 5034): its words, replies, framing and
// doors. Package protocol explains the parts.
//
// The engine is this module's package pop3; internal/popd adapts it. A new command is a row in words here, and a row in
// the engine's table of commands.
package pop3

import (
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Protocol is POP3's value.
var Protocol = &protocol.Protocol{
	Name:     "pop3",
	Title:    "POP3",
	Receives: true,
	StartTLS: "STLS",
	Words:    words,
	Replies:  &replies{},
	Framing:  newFraming,
	Flaw:     flaw,
	Named:    named,
	Refusals: refusals,
	Logins:   logins,

	Rank:         1,
	Capabilities: capabilities,

	ListOptional: true, // RFC 1939 has no CAPA
	Doors: []protocol.Door{
		{Port: 110, Service: "pop3", Security: protocol.STARTTLS, Suggest: true},
		{Port: 995, Service: "pop3s", Security: protocol.TLS, Suggest: true},
	},
	Idle: 10 * time.Minute, // RFC 1939 section 3
	// RFC 2449 section 4 allows 255 octets. A SASL response may have 12,288 octets, as in SMTP.
	MaxLine: 12288 + 2,
}

var words = protocol.Words{
	{Verb: "USER", Shows: protocol.ShowName, State: protocol.NoLogin, Needs: "USER", Opens: true},
	{Verb: "PASS", Secret: event.AllSecret, Login: true, State: protocol.NoLogin, Needs: "USER"},
	{Verb: "APOP", Secret: event.SecretBehind, Login: true, Digest: true, State: protocol.NoLogin, Opens: true},
	{Verb: "AUTH", Secret: event.SecretResponse, Login: true, State: protocol.NoLogin, Needs: "SASL"},
	{Verb: "STLS", Shows: protocol.HideAll, Polite: true, State: protocol.InClear | protocol.NoLogin, Needs: "STLS", Opens: true},
	{Verb: "CAPA", Shows: protocol.HideAll, Asks: true, Polite: true, Needs: "CAPA", Opens: true},
	{Verb: "STAT", Shows: protocol.HideAll, State: protocol.LoggedIn, Opens: true},
	{Verb: "LIST", Shows: protocol.ShowNumbers, State: protocol.LoggedIn},
	{Verb: "RETR", Shows: protocol.ShowNumbers, State: protocol.LoggedIn},
	{Verb: "TOP", Shows: protocol.ShowNumbers, State: protocol.LoggedIn, Needs: "TOP"},
	{Verb: "UIDL", Shows: protocol.ShowNumbers, State: protocol.LoggedIn, Needs: "UIDL"},
	{Verb: "DELE", Shows: protocol.ShowNumbers, State: protocol.LoggedIn},
	{Verb: "RSET", Shows: protocol.HideAll, Polite: true, State: protocol.LoggedIn},
	{Verb: "NOOP", Shows: protocol.HideAll, Polite: true, State: protocol.LoggedIn},
	{Verb: "QUIT", Shows: protocol.HideAll, Polite: true, Leaves: true},
	{Verb: "UTF8", Shows: protocol.HideAll, Needs: "UTF8"},
	{Verb: "LANG", Shows: protocol.ShowName, Needs: "LANG"},
}
