package robot

import "slices"

// Logins with an OAuth2 token: XOAUTH2 and OAUTHBEARER (RFC 7628).

// tokenMechanism chooses one of the mechanisms that a server advertises, or "".
func (r *robot) tokenMechanism(listed []string) string {
	for _, m := range []string{"OAUTHBEARER", "XOAUTH2"} {
		if r.job.Token && slices.Contains(listed, m) {
			return m
		}
	}
	return ""
}

// bearer returns the first response. A fresh token gives a different one.
func bearer(mechanism, user, token string) string {
	if mechanism == "OAUTHBEARER" {
		return b64("n,a=" + user + ",\x01auth=Bearer " + token + "\x01\x01")
	}
	return b64("user=" + user + "\x01auth=Bearer " + token + "\x01\x01")
}

// acknowledgement returns the answer to the challenge that carries an error.
func acknowledgement(mechanism string) string {
	if mechanism == "OAUTHBEARER" {
		return b64("\x01")
	}
	return ""
}

// tokens are those that a robot tries: the one that it has and, if that is refused, one that it has just obtained.
var tokens = []string{"token", "fresh-token"}
