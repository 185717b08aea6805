package identity

import "strings"

// xoauth2Mechanism is what Google had before RFC 7628
// (https://developers.google.com/gmail/imap/xoauth2-protocol). The client answers an
// error with nothing.
var xoauth2Mechanism = newBearer("XOAUTH2", parseXOAUTH2, []byte{})

// parseXOAUTH2 reads "user=alice@example.test^Aauth=Bearer token^A^A".
func parseXOAUTH2(b []byte) (user, token string, ok bool) {
	fields := strings.Split(string(b), "\x01")
	user, ok = strings.CutPrefix(fields[0], "user=")
	if !ok || user == "" {
		return "", "", false
	}
	token, ok = bearerToken(fields[1:])
	return user, token, ok
}
