package identity

import "strings"

// xoauth2Mechanism is XOAUTH2, which Google used before RFC 7628
// (https://developers.google.com/gmail/imap/xoauth2-protocol). A client answers an error with an empty line.
// The error's status is an HTTP code. Google says 400 whatever is wrong, and clients get a new token for that one only.
var xoauth2Mechanism = bearerForm{
	name: "XOAUTH2", parse: parseXOAUTH2,
	status: func(TokenState) string { return "400" },
}.mechanism()

// parseXOAUTH2 parses "user=alice@example.test^Aauth=Bearer token^A^A".
func parseXOAUTH2(b []byte) (user, token string, ok bool) {
	fields := strings.Split(string(b), "\x01")
	user, ok = strings.CutPrefix(fields[0], "user=")
	if !ok || user == "" {
		return "", "", false
	}
	token, ok = bearerToken(fields[1:])
	return user, token, ok
}
