package identity

import "strings"

// oauthbearerMechanism is OAUTHBEARER (RFC 7628). A client must answer an error with ^A (section 3.2.3).
var oauthbearerMechanism = bearerForm{
	name: "OAUTHBEARER", parse: parseOAUTHBEARER, explains: true,
	status: func(s TokenState) string { // RFC 6750 section 3.1
		if s == TokenWrongScope {
			return "insufficient_scope"
		}
		return "invalid_token"
	},
}.mechanism()

// parseOAUTHBEARER parses "n,a=alice@example.test,^Ahost=…^Aport=…^Aauth=Bearer token^A^A" (RFC 7628 section 3.1, RFC
// 5801 section 4).
func parseOAUTHBEARER(b []byte) (user, token string, ok bool) {
	fields := strings.Split(string(b), "\x01")
	header := strings.Split(fields[0], ",")
	if len(header) != 3 {
		return "", "", false
	}
	user, ok = strings.CutPrefix(header[1], "a=")
	if !ok || user == "" {
		return "", "", false // no authority here knows whose token it is
	}
	user = strings.NewReplacer("=2C", ",", "=3D", "=").Replace(user)
	token, ok = bearerToken(fields[1:])
	return user, token, ok
}
