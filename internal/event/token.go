package event

import "time"

// This file defines what the issuer of tokens does, and what its tokens are worth at the mail doors. A token has a number here; nothing of
// the token itself is recorded.

// OAuth is the name of the issuer's protocol, in Record.Protocol.
const OAuth = "oauth"

// TokenRequest is a request to the issuer, and what came of it. Each has a record of its own.
type TokenRequest struct {
	Endpoint     Endpoint
	Grant        string       // grant type, at the token endpoint
	Provider     string       // whose paths the client used: mailrig, google or microsoft
	Client       string       // client_id
	Confidential bool         // the client sent a secret
	User         string       // the account; "" if nobody knows it yet, or if the client acts by itself
	Scope        string       // what was asked for; in an answer with tokens, what was granted
	PKCE         string       // S256, plain, or "" for none
	Trouble      TokenTrouble // "" means that the client got what it asked for
	Number       int          // of the grant: what a user has allowed a client; 0: there is none
	Token        int          // number of the access token that was issued, or of the token that was sent
	Lifetime     time.Duration
	Rotation     string // what a refresh does to the refresh token: none, soft or strict
	// Replaced is how long ago the refresh token that the client sent was replaced by another one; 0: it wasn't. NextUsed says that the
	// client has used that other one.
	Replaced time.Duration
	NextUsed bool
}

// Endpoint is one of the issuer's endpoints.
type Endpoint string

// The endpoints.
const (
	AtAuthorize Endpoint = "authorize"
	AtDevice    Endpoint = "device" // a device asks for a code
	AtVerify    Endpoint = "verify" // a user decides about a device
	AtToken     Endpoint = "token"
	AtRevoke    Endpoint = "revoke"
	AtRegister  Endpoint = "register"
)

// TokenTrouble says why a client got nothing.
type TokenTrouble string

// The reasons.
const (
	RequestMalformed TokenTrouble = "malformed"
	ClientWrong      TokenTrouble = "wrong-client-secret"
	ScopeTooWide     TokenTrouble = "scope-too-wide"
	CodeUnknown      TokenTrouble = "code-unknown" // or expired
	CodeUsed         TokenTrouble = "code-used"
	CodeOfOther      TokenTrouble = "of-another-client"
	RedirectWrong    TokenTrouble = "wrong-redirect"
	VerifierWrong    TokenTrouble = "wrong-verifier" // of PKCE
	RefreshUnknown   TokenTrouble = "refresh-unknown"
	RefreshReplaced  TokenTrouble = "refresh-replaced"
	RefreshRevoked   TokenTrouble = "refresh-revoked"
	NeedsInteraction TokenTrouble = "needs-interaction"
	IssuerFailing    TokenTrouble = "issuer-failing"
	SignInWrong      TokenTrouble = "wrong-password"
	Denied           TokenTrouble = "denied"
	StillPending     TokenTrouble = "pending"
	PollsTooOften    TokenTrouble = "polls-too-often"
)

// TokenUse is what the issuer knows of a token that a mail door refused.
type TokenUse struct {
	State       string // what is wrong with it, as package identity names it: expired, revoked, wrong-scope …
	Number      int    // of the token
	Grant       int    // number of its grant
	Provider    string // mailrig, google or microsoft
	Client      string // client_id for which it was issued
	Scope       string
	Needs       string        // the scope that is good here
	Ends        time.Duration // how long it lasts still; negative: how long ago it ended
	Refreshable bool          // the client has a refresh token
	IsRefresh   bool          // it is the refresh token
}

func (*TokenRequest) what() name { return "token-request" }
func (*TokenUse) what() name     { return "token-use" }
