package robot

import "slices"

// Logins with an OAuth2 token: XOAUTH2 and OAUTHBEARER (RFC 7628).

// tokenMechanism chooses one of the mechanisms that a server advertises, or "".
func (r *robot) tokenMechanism(listed []string) string {
	for _, m := range []string{"OAUTHBEARER", "XOAUTH2"} {
		if (r.job.Token || r.job.SignIn) && slices.Contains(listed, m) {
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

// tokens are those that a robot tries without an issuer: the one that it has and, if that is refused, one that it has just obtained.
var tokens = []string{"token", "fresh-token"}

// freshTokens are how many tokens of an issuer a robot tries before it gives up.
const freshTokens = 3

// eachToken tries one token after the other until the server takes one, or the robot has no more.
func (r *robot) eachToken(login func(token string) (done bool)) error {
	if !r.job.SignIn {
		for _, token := range tokens {
			if login(token) {
				break
			}
		}
		return nil
	}
	for try := range freshTokens {
		token, err := r.tokenFor(try > 0)
		if err != nil || login(token) {
			return err
		}
	}
	return nil
}

// oneToken returns the only token that a careless robot tries.
func (r *robot) oneToken() string {
	if r.job.SignIn {
		return r.anyToken()
	}
	return tokens[0]
}
