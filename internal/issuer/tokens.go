package issuer

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/event"
)

// How much is kept. The oldest goes first. All of it together takes less than 16 MiB, because every text is short.
const (
	maxCodes    = 512
	maxDevices  = 512
	maxTokens   = 4096
	maxClients  = 128
	maxText     = 512     // bytes of a parameter that is kept
	maxRedirect = 1 << 10 // bytes of a redirect URI
	maxState    = 4 << 10 // bytes of state, which isn't kept
)

const (
	codeLife   = time.Minute      // RFC 6749 section 4.1.2 allows ten
	deviceLife = 15 * time.Minute // RFC 8628 section 3.2
	refreshTTL = 90 * 24 * time.Hour
)

// hash is how a secret is kept.
type hash [sha256.Size]byte

func hashOf(secret string) hash { return sha256.Sum256([]byte(secret)) }

// remembered is what the issuer remembers.
type remembered struct {
	codes   shelf[*code]
	devices shelf[*device]
	tokens  shelf[*token]
	clients shelf[*client]
	grants  int // made so far; a grant's number
	issued  int // tokens made so far; a token's number
}

func newRemembered(room *budget.Share) *remembered {
	return &remembered{
		codes: newShelf[*code](maxCodes, room), devices: newShelf[*device](maxDevices, room),
		tokens: newShelf[*token](maxTokens, room), clients: newShelf[*client](maxClients, room),
	}
}

// grant is what a user has allowed a client to do. All tokens that come of it belong to it.
type grant struct {
	number   int
	id       string // unique among those of all processes that share the records
	provider *provider
	client   string
	user     string // address of the account; "" for a client that acts by itself
	scope    string
	audience string
	by       string // the scenario that chose scope or audience
	nonce    string
	offline  bool // has refresh tokens
	revoked  bool
	since    time.Time
}

// code is an authorization code.
type code struct {
	*grant
	redirect  string
	challenge string
	method    string // of PKCE: S256, plain or ""
	ends      time.Time
	used      bool
}

// token is an access token or a refresh token.
type token struct {
	*grant
	hash    hash
	number  int
	refresh bool
	scope   string
	ends    time.Time
	revoked bool

	// Of a refresh token that was replaced:
	replaced time.Time // when for the first time; zero: it is the current one
	nextUsed bool      // the client has sent one that replaced it
	from     *token    // the one that it replaced, until the client sends it
}

// live reports whether a token still counts at a time.
func (t *token) live(now time.Time) bool { return !t.revoked && !t.grant.revoked && now.Before(t.ends) }

// Every secret begins in a way that tells what it is. A rig knows its own tokens, also those that it has forgotten.
const (
	accessPrefix  = "mailrig-at-"
	refreshPrefix = "mailrig-rt-"
	codePrefix    = "mailrig-ac-"
	devicePrefix  = "mailrig-dc-"
	secretPrefix  = "mailrig-cs-"
)

// shown returns a text of a client as it may be recorded: masked if the client has put one of the issuer's secrets there.
func shown(text string) string {
	for _, prefix := range []string{accessPrefix, refreshPrefix, codePrefix, devicePrefix, secretPrefix} {
		if strings.Contains(text, prefix) {
			return event.Mask
		}
	}
	return text
}

// secret makes a secret of n random bytes.
func secret(prefix string, n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails, says package crypto/rand
	return prefix + b64(b)
}

// detach makes texts that are kept independent of the request: a value of a form is a part of the whole form, and would keep it.
func detach(texts ...*string) {
	for _, s := range texts {
		*s = strings.Clone(*s)
	}
}

// newGrant makes a grant. The caller holds the lock.
func (i *Issuer) newGrant(g grant) *grant {
	i.state.grants++
	g.number, g.since, g.id = i.state.grants, i.Now(), rand.Text()
	detach(&g.client, &g.user, &g.scope, &g.nonce)
	return &g
}

// accessToken makes an access token. The caller holds the lock.
func (i *Issuer) accessToken(g *grant, scope string, ends time.Time) (text string, t *token) {
	text = secret(accessPrefix, g.provider.tokenBytes)
	detach(&scope)
	t = i.keep(text, &token{grant: g, scope: scope, ends: ends})
	return text, t
}

// refreshToken makes a refresh token. The caller holds the lock.
func (i *Issuer) refreshToken(g *grant) (text string, t *token) {
	text = secret(refreshPrefix, 48)
	t = i.keep(text, &token{grant: g, refresh: true, scope: g.scope, ends: i.Now().Add(refreshTTL)})
	return text, t
}

func (i *Issuer) keep(text string, t *token) *token {
	i.state.issued++
	t.number = i.state.issued
	t.hash = i.state.tokens.put(text, t)
	i.touch(t)
	return t
}
