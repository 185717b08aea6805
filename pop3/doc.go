// Package pop3 is a POP3 server engine. It speaks the protocol; a [Backend] supplies logins and messages. It has the
// shape of github.com/emersion/go-smtp: fill in a [Server], give it a backend and a listener.
//
// The engine does what is the same for every server: the three states, command syntax and limits, STLS, SASL, deletion
// marks, byte-stuffing, pipelining. A [Session] has six methods and sees only what it alone can answer. A session that
// also implements [AuthSession] gets the AUTH command. Any method may return an [*Error] to choose the reply. Any other
// error is logged, and the client sees "-ERR [SYS/TEMP]" without its text.
//
// The engine implements RFC 1939 (with APOP, if the session is a LoginSession), RFC 2449 (CAPA, response codes, pipelining), RFC 2595
// section 4 (STLS), RFC 3206 (AUTH and SYS codes) and RFC 5034 (AUTH with initial response). It doesn't implement RFC
// 6856 (UTF8, LANG).
//
// One goroutine serves a connection. All calls to its session come from that goroutine.
package pop3
