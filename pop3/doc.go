// Package pop3 is a POP3 server engine. It speaks the protocol; a [Backend]
// supplies logins and messages. It has the shape of github.com/emersion/go-smtp:
// fill in a [Server], give it a backend and a listener.
//
// The engine keeps what is the same for every server: the three states, command
// syntax and limits, STLS, SASL, deletion marks, byte-stuffing, pipelining. A
// [Session] has six methods and sees only what it alone can answer. A session
// that also implements [AuthSession] gets the AUTH command. Any method may return
// an [*Error] to choose the reply; another error is logged and told to the client
// as "-ERR [SYS/TEMP]", without its text.
//
// Kept: RFC 1939 (without the optional APOP), RFC 2449 (CAPA, response codes,
// pipelining), RFC 2595 section 4 (STLS), RFC 3206 (AUTH and SYS codes), RFC 5034
// (AUTH with initial response). Not there: RFC 6856 (UTF8, LANG).
//
// One goroutine serves a connection, and all calls to its session come from it.
package pop3
