package transcript

import (
	"fmt"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// tokenRequest says what came of a request to the issuer.
func tokenRequest(w *event.TokenRequest) string {
	text := asked[w.Endpoint]
	if w.Endpoint == event.AtToken {
		text = "asked for a token"
		if w.Grant != "" {
			text += " by " + w.Grant
		}
	}
	text = named(w.Client, "a client") + " " + text
	if w.User != "" {
		text += " for " + w.User
	}
	if w.Scope != "" {
		text += " (" + w.Scope + ")"
	}
	if w.Trouble != "" {
		return text + ": " + troubles[w.Trouble]
	}
	if w.Endpoint == event.AtToken {
		text += fmt.Sprintf(": got token %d of grant %d, for %v", w.Token, w.Number, w.Lifetime)
		if w.Replaced > 0 {
			text += fmt.Sprintf("; the refresh token that it sent was replaced %v before", w.Replaced.Round(time.Millisecond))
		}
	}
	return text
}

func named(name, otherwise string) string {
	if name == "" {
		return otherwise
	}
	return name
}

var asked = map[event.Endpoint]string{
	event.AtAuthorize: "sent the user to sign in",
	event.AtDevice:    "asked for a code to show to the user",
	event.AtVerify:    "was looked at by the user",
	event.AtRevoke:    "revoked a token",
	event.AtRegister:  "registered",
}

var troubles = map[event.TokenTrouble]string{
	event.RequestMalformed: "the request isn't as it should be",
	event.ClientWrong:      "the client's secret is wrong",
	event.ScopeTooWide:     "the scope is wider than what the user granted",
	event.CodeUnknown:      "the code is unknown or has expired",
	event.CodeUsed:         "the code was used before",
	event.CodeOfOther:      "it was issued to another client",
	event.RedirectWrong:    "the redirect URI isn't that of the authorization request",
	event.VerifierWrong:    "the code verifier (PKCE) is wrong or missing",
	event.RefreshUnknown:   "the refresh token is unknown or has expired",
	event.RefreshReplaced:  "the refresh token was replaced by a new one before",
	event.RefreshRevoked:   "the grant was revoked",
	event.NeedsInteraction: "the user must prove more",
	event.IssuerFailing:    "the issuer had trouble",
	event.SignInWrong:      "the name or the password was wrong",
	event.Denied:           "refused",
	event.StillPending:     "the user hasn't signed in yet",
	event.PollsTooOften:    "it asks too often",
}

// tokenUse says what the issuer knows of a token that a door refused.
func tokenUse(w *event.TokenUse) string {
	text := fmt.Sprintf("token %d of grant %d (%s)", w.Number, w.Grant, named(w.Client, "no client"))
	if w.IsRefresh {
		return text + " is the refresh token, not an access token"
	}
	switch {
	case w.Ends < 0 && w.State == "expired":
		text += fmt.Sprintf(" ended %v ago", (-w.Ends).Round(time.Millisecond))
	default:
		text += ": " + w.State
	}
	if w.State == "wrong-scope" || w.State == "wrong-audience" {
		text += fmt.Sprintf("; it is for %q, and this door needs %s", w.Scope, w.Needs)
	}
	return text
}
