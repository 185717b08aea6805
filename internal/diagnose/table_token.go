package diagnose

// tokens is about OAuth: how a client gets its tokens, and what it does with them.
var tokens = []Row{
	{ID: "pkce-missing", Severity: Warning, When: pkceMissing,
		Title:       "A code was exchanged for a token {how}.",
		Explanation: "The client {client} has no secret either. Any other program on the device that catches the code can get the tokens (RFC 8252 section 6, RFC 9700 section 2.1.1). Microsoft and others let it pass.",
		Advice:      "For the client's developer: send a code_challenge with the method S256, and the code_verifier with the code."},
	{ID: "refresh-token-lost", Severity: Error, When: refreshTokenLost,
		Title:       "The client lost its new refresh token.",
		Explanation: "A refresh had given {client} a new one {ago} before, and it sent the old one again. {outcome}",
		Advice:      "For the client's developer: when the answer to a refresh has a refresh_token, store it in place of the old one."},
	{ID: "token-not-refreshed", Severity: Error, When: tokenNotRefreshed,
		Title:       "Sent an expired token again, and never tried to refresh it.",
		Explanation: "The server on port {door} had refused it, because it had ended {ago} before. The client, {client}, has a refresh token.",
		Advice:      "For the client's developer: when a server refuses the token, get a new one with the refresh token before the next login."},
	{ID: "token-scope-missing", Severity: Error, When: tokenScopeMissing,
		Title:       "The token isn't good for {protocol}.",
		Explanation: "The client {client} asked its user for {scope}. The server on port {door} wants {needs}.",
		Advice:      "For the client's developer: ask for the scope {needs}, and let the user sign in again."},
	{ID: "refresh-token-sent", Severity: Error, When: refreshTokenSent,
		Title:       "Logged in with the refresh token.",
		Explanation: "A refresh token is for the issuer alone, and {client} sent it to port {door}. No mail server takes it, and it lives for months: whoever sees it can read the mail until it is revoked.",
		Advice:      "For the client's developer: exchange the refresh token at the issuer, and log in with the access token that comes back."},
}
