package issuer

import (
	"fmt"
	"net/http"
	"time"

	"github.com/mailrig/mailrig/internal/event"
)

// problem is an error of the token endpoint (RFC 6749 section 5.2).
type problem struct {
	why    event.TokenTrouble
	code   string // error
	status int    // of HTTP; 0 means 400
	text   string // error_description
	google string // the same in Google's words; "" means text
	aadsts int    // Microsoft's number; 0: none
	ms     string // its text
	sub    string // its suberror
}

func (p problem) Error() string { return p.code + ": " + p.text }

// asked returns a problem with other words: its text is about the request.
func (p problem) asked(format string, args ...any) problem {
	p.text = fmt.Sprintf(format, args...)
	return p
}

// The problems. Microsoft's numbers are those of https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
var (
	badRequest = problem{why: event.RequestMalformed, code: "invalid_request", text: "the request isn't complete", google: "Bad Request",
		aadsts: 900144, ms: "The request body must contain all required parameters."}
	badClient = problem{why: event.ClientWrong, code: "invalid_client", status: http.StatusUnauthorized, text: "the client's secret is wrong", google: "Unauthorized",
		aadsts: 7000215, ms: "Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app."}
	badGrantType = problem{why: event.RequestMalformed, code: "unsupported_grant_type", text: "this issuer doesn't have that grant type", google: "Invalid grant_type",
		aadsts: 70003, ms: "The app requested an unsupported grant type."}
	badScope = problem{why: event.ScopeTooWide, code: "invalid_scope", text: "the scope is wider than what the user granted", google: "Some requested scopes were invalid.",
		aadsts: 70011, ms: "The provided value for the input parameter 'scope' is not valid."}
	codeUnknown = problem{why: event.CodeUnknown, code: "invalid_grant", text: "no such code: it is unknown or has expired", google: "Malformed auth code.",
		aadsts: 70008, ms: "The provided authorization code or refresh token has expired due to inactivity."}
	codeUsed = problem{why: event.CodeUsed, code: "invalid_grant", text: "the code was used before; its tokens are revoked", google: "Bad Request",
		aadsts: 54005, ms: "OAuth2 Authorization code was already redeemed, please retry with a new valid code or use an existing refresh token."}
	codeOfOther = problem{why: event.CodeOfOther, code: "invalid_grant", text: "the code was issued to another client", google: "Bad Request",
		aadsts: 700005, ms: "Provided Authorization Code is intended to use against other tenant."}
	badRedirect = problem{why: event.RedirectWrong, code: "invalid_grant", text: "redirect_uri isn't that of the authorization request", google: "Bad Request",
		aadsts: 500112, ms: "The reply address does not match the reply address provided when requesting Authorization code."}
	badVerifier = problem{why: event.VerifierWrong, code: "invalid_grant", text: "code_verifier doesn't fit the code_challenge", google: "Invalid code verifier.",
		aadsts: 501481, ms: "The Code_Verifier does not match the code_challenge supplied in the authorization request."}
	refreshUnknown = problem{why: event.RefreshUnknown, code: "invalid_grant", text: "no such refresh token: it is unknown or has expired", google: "Token has been expired or revoked.",
		aadsts: 700082, ms: "The refresh token has expired due to inactivity."}
	refreshReplaced = problem{why: event.RefreshReplaced, code: "invalid_grant", text: "this refresh token was replaced by a new one; the grant is revoked", google: "Token has been expired or revoked.",
		aadsts: 70000, ms: "The provided value for the 'refresh_token' parameter is not valid."}
	refreshRevoked = problem{why: event.RefreshRevoked, code: "invalid_grant", text: "the grant was revoked; the user must sign in again", google: "Token has been expired or revoked.",
		aadsts: 50173, ms: "The provided grant has expired due to it being revoked, a fresh auth token is needed. The user might have changed or reset their password."}
	needsMore = problem{why: event.NeedsInteraction, code: "interaction_required", text: "the user must prove more; sign in again", google: "Reauth related error",
		aadsts: 50076, ms: "Due to a configuration change made by your administrator, or because you moved to a new location, you must use multi-factor authentication to access the resource.", sub: "basic_action"}
	failing = problem{why: event.IssuerFailing, code: "temporarily_unavailable", status: http.StatusServiceUnavailable, text: "the issuer has trouble; try again later", google: "Backend Error",
		aadsts: 90033, ms: "A transient error has occurred. Please try again."}
	wrongPassword = problem{why: event.SignInWrong, code: "invalid_grant", text: "the user name or the password is wrong", google: "Bad Request",
		aadsts: 50126, ms: "Error validating credentials due to invalid username or password."}
	pending = problem{why: event.StillPending, code: "authorization_pending", text: "the user hasn't signed in yet", google: "Precondition Required",
		aadsts: 70016, ms: "OAuth 2.0 device flow error. Authorization is pending. Continue polling."}
	tooQuick = problem{why: event.PollsTooOften, code: "slow_down", text: "wait longer between two requests: the interval has grown by 5 seconds", google: "Forbidden",
		aadsts: 70016, ms: "OAuth 2.0 device flow error. Authorization is pending. Continue polling."}
	deviceExpired = problem{why: event.CodeUnknown, code: "expired_token", text: "no such device code: it is unknown or has expired", google: "Precondition Failed",
		aadsts: 70020, ms: "The provided value for the input parameter 'device_code' is not valid. This device code has expired."}
	deviceDenied = problem{why: event.Denied, code: "access_denied", text: "the user has refused", google: "Forbidden",
		aadsts: 70018, ms: "The user has denied the request."}
)

func plainWords(p problem) map[string]any {
	return map[string]any{"error": p.code, "error_description": p.text}
}

func googleWords(p problem) map[string]any {
	text := p.google
	if text == "" {
		text = p.text
	}
	return map[string]any{"error": p.code, "error_description": text}
}

// microsoftWords is the body that Microsoft's identity platform sends, with its own members.
func microsoftWords(p problem) map[string]any {
	now := time.Now().UTC().Format("2006-01-02 15:04:05Z")
	trace := secret("", 16)
	code := p.code
	if p.why == event.Denied {
		code = "authorization_declined"
	}
	m := map[string]any{
		"error": code, "error_description": fmt.Sprintf("AADSTS%d: %s Trace ID: %s Correlation ID: %s Timestamp: %s", p.aadsts, p.ms, trace, trace, now),
		"error_codes": []int{p.aadsts}, "timestamp": now, "trace_id": trace, "correlation_id": trace,
		"error_uri": fmt.Sprintf("https://login.microsoftonline.com/error?code=%d", p.aadsts),
	}
	if p.sub != "" {
		m["suberror"] = p.sub
	}
	return m
}

// refuse answers with a problem, in the provider's words.
func refuse(w http.ResponseWriter, by *provider, p problem) {
	status := p.status
	if status == 0 {
		status = http.StatusBadRequest
	}
	if by == google && p.why == event.StillPending {
		status = http.StatusPreconditionRequired
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="mailrig"`) // RFC 6749 section 5.2
	}
	writeJSON(w, status, by.wording(p))
}
