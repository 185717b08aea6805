// Package smtp defines SMTP (RFC 5321; submission: RFC 6409; STARTTLS: RFC 3207; AUTH: RFC 4954; CHUNKING: RFC 3030):
// its words, replies, framing and doors. Package protocol explains the parts.
//
// The engine is go-smtp; internal/smtpd adapts it. The framing keeps the order and the syntax of commands (order.go,
// arguments.go), because the engine's codes aren't the RFCs', and because it would let through what its adapter can't
// follow. A test in internal/gate compares all of it with a model of the RFCs (TestOrders). A new command is a row in words. If it must be advertised before a
// client uses it, name its capability in uses.go too.
package smtp

import (
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/protocol"
)

// Protocol is SMTP's value.
var Protocol = &protocol.Protocol{
	Name:     "smtp",
	Title:    "SMTP",
	StartTLS: "STARTTLS",
	Words:    words,
	Replies:  &replies{},
	Framing:  newFraming,
	Greeting: greeting,
	Uses:     uses,
	Flaw:     flaw,
	Named:    named,
	Refusals: refusals,
	Logins:   logins,

	Envelopes:    true,
	Capabilities: capabilities,
	Doors: []protocol.Door{
		{Port: 25, Service: "smtp", Security: protocol.STARTTLS},
		{Port: 2525, Service: "smtp-alt", Security: protocol.STARTTLS}, // IANA has no name for it
		{Port: 587, Service: "submission", Security: protocol.STARTTLSRequired, Login: true, Suggest: true},
		{Port: 465, Service: "submissions", Security: protocol.TLS, Login: true, Suggest: true},
	},
	Idle: 5 * time.Minute, // RFC 5321 section 4.5.3.2.7
	// An AUTH line may have 12,288 octets (RFC 4954 section 4). Other commands may have 512, plus what extensions add
	// (RFC 5321 section 4.5.3.1.4).
	MaxLine: 12288 + 2,
}

var words = protocol.Words{
	{Verb: "EHLO", Shows: protocol.ShowName, Asks: true, Polite: true, Opens: true, MustWait: true},
	{Verb: "HELO", Shows: protocol.ShowName, Polite: true, Opens: true},
	{Verb: "LHLO", Shows: protocol.ShowName, Polite: true},
	{Verb: "MAIL", Shows: showPath, Opens: true},
	{Verb: "RCPT", Shows: showPath, State: protocol.InMessage, Opens: true},
	{Verb: "DATA", Shows: protocol.HideAll, Mail: true, GoAhead: true, State: protocol.InMessage},
	{Verb: "BDAT", Shows: showChunk, Mail: true, State: protocol.InMessage, Needs: "CHUNKING"},
	{Verb: "RSET", Shows: protocol.HideAll, Polite: true},
	{Verb: "NOOP", Shows: protocol.HideAll, Polite: true},
	{Verb: "QUIT", Shows: protocol.HideAll, Polite: true, Leaves: true},
	{Verb: "VRFY", Shows: protocol.ShowName, Needs: "VRFY"},
	{Verb: "EXPN", Shows: protocol.ShowName, Needs: "EXPN"},
	{Verb: "HELP", Shows: protocol.HideAll, Polite: true, Needs: "HELP"},
	{Verb: "STARTTLS", Shows: protocol.HideAll, Polite: true, State: protocol.InClear, Needs: "STARTTLS"},
	{Verb: "AUTH", Secret: event.SecretResponse, Login: true, State: protocol.NoLogin, Needs: "AUTH"},
}
