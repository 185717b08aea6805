package issuer

import (
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/state"
)

// This file keeps what must outlive the process: the key of ID tokens, registered clients, grants and tokens. Secrets are kept
// as hashes, except the key. Codes and codes of devices aren't kept: they last for minutes.

// The kinds of records. A client's key is the hash of its id, a token's that of itself. With each token is
// its grant.
const (
	kindKey    = "oauth key"
	kindClient = "oauth client"
	kindToken  = "oauth token"
)

// idTokens is the key of the record with the key that signs ID tokens.
const idTokens = "id-tokens"

// Fields of these may be added, and none may change its meaning.
type (
	keptClient struct {
		Name      string
		Secret    []byte `json:",omitempty"` // its hash
		Public    bool   `json:",omitempty"`
		Redirects []string
		Since     time.Time
	}
	keptGrant struct {
		ID                                                 string
		Number                                             int
		Provider, Client, User, Scope, Audience, By, Nonce string
		Offline, Revoked                                   bool
		Since                                              time.Time
	}
	keptToken struct {
		Grant    keptGrant
		Number   int
		Refresh  bool `json:",omitempty"`
		Scope    string
		Ends     time.Time
		Revoked  bool      `json:",omitempty"`
		Replaced time.Time `json:",omitzero"`
		NextUsed bool      `json:",omitempty"`
		From     string    `json:",omitempty"` // key of the one that it replaced
	}
)

// openKey returns the key that signs ID tokens: the one that is kept, or a new one.
func (i *Issuer) openKey() (*signer, error) {
	if i.State == nil {
		return newSigner()
	}
	ctx, cancel := i.patience()
	defer cancel()
	for {
		r, err := i.State.Get(ctx, kindKey, idTokens)
		if err == nil {
			key, err := x509.ParseECPrivateKey(r.Data)
			if err != nil {
				return nil, fmt.Errorf("read the key for ID tokens: %w", err)
			}
			return signerOf(key)
		}
		if !errors.Is(err, state.ErrNone) {
			return nil, fmt.Errorf("read the key for ID tokens: %w", err)
		}
		s, err := newSigner()
		if err != nil {
			return nil, err
		}
		der, err := x509.MarshalECPrivateKey(s.key)
		if err != nil {
			return nil, fmt.Errorf("keep the key for ID tokens: %w", err)
		}
		switch _, err := i.State.Apply(ctx, state.Create(kindKey, idTokens, der)); {
		case err == nil:
			return s, nil
		case !errors.Is(err, state.ErrConflict): // otherwise another process has made one
			return nil, fmt.Errorf("keep the key for ID tokens: %w", err)
		}
	}
}

// changes are what hasn't been kept yet.
type changes struct {
	tokens map[*token]bool
	list   []state.Change
}

// touch notes that a token has changed. The caller holds the lock.
func (i *Issuer) touch(t *token) {
	if i.State != nil {
		i.changes.tokens[t] = true
	}
}

// touchAll notes that a grant has changed, which is with each of its tokens.
func (i *Issuer) touchAll(g *grant) {
	for _, t := range i.state.tokens.items {
		if t.grant == g {
			i.touch(t)
		}
	}
}

// save keeps what has changed. If it can't, the process goes on with it. The caller holds the lock.
func (i *Issuer) save() {
	if i.State == nil {
		return
	}
	list := i.changes.list
	for t := range i.changes.tokens {
		if i.state.tokens.items[t.hash] != t {
			continue // too many are there
		}
		data, err := json.Marshal(t.kept())
		if err != nil {
			i.Logger.Error("keep a token", "error", err)
			continue
		}
		list = append(list, state.Put(kindToken, t.hash.key(), data))
	}
	i.changes.list = nil
	clear(i.changes.tokens)
	ctx, cancel := i.patience()
	defer cancel()
	for some := range slices.Chunk(list, state.MaxChanges) {
		if _, err := i.State.Apply(ctx, some...); err != nil {
			i.Logger.Error("tokens and clients that were just made can't be kept", "error", err)
		}
	}
}

// patience is how long the records may take.
func (i *Issuer) patience() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 5*time.Second)
}

func (h hash) key() string { return hex.EncodeToString(h[:]) }

// hashOfKey returns the hash that a record's key stands for.
func hashOfKey(key string) (h hash, err error) {
	b, err := hex.DecodeString(key)
	if err == nil && copy(h[:], b) != len(h) {
		err = errors.New("it is too short")
	}
	return h, err
}

func (t *token) kept() keptToken {
	g := t.grant
	k := keptToken{
		Grant: keptGrant{
			ID: g.id, Number: g.number, Provider: g.provider.name, Client: g.client, User: g.user, Scope: g.scope, Audience: g.audience, By: g.by, Nonce: g.nonce,
			Offline: g.offline, Revoked: g.revoked, Since: g.since,
		},
		Number: t.number, Refresh: t.refresh, Scope: t.scope, Ends: t.ends, Revoked: t.revoked, Replaced: t.replaced, NextUsed: t.nextUsed,
	}
	if t.from != nil {
		k.From = t.from.hash.key()
	}
	return k
}

// load reads what is kept.
func (i *Issuer) load() {
	if i.State == nil {
		return
	}
	i.changes.tokens = map[*token]bool{}
	ctx, cancel := i.patience()
	defer cancel()
	if err := errors.Join(i.loadClients(ctx), i.loadTokens(ctx)); err != nil {
		i.Logger.Error("read the tokens and clients that were kept", "error", err)
	}
	i.state.tokens.dropped = func(h hash) { i.changes.list = append(i.changes.list, state.Remove(kindToken, h.key())) }
	i.state.clients.dropped = func(h hash) { i.changes.list = append(i.changes.list, state.Remove(kindClient, h.key())) }
}

// read reads the records of a kind.
func read[K any](ctx context.Context, st state.Store, kind string, f func(h hash, k K)) error {
	for after := ""; ; {
		list, err := st.List(ctx, kind, after, 500)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, r := range list {
			var k K
			h, err := hashOfKey(r.Key)
			if err == nil {
				err = json.Unmarshal(r.Data, &k)
			}
			if err != nil {
				return fmt.Errorf("the %s %s: %w", kind, r.Key, err)
			}
			f(h, k)
			after = r.Key
		}
	}
}

func (i *Issuer) loadClients(ctx context.Context) error {
	type one struct {
		hash
		keptClient
	}
	var all []one
	err := read(ctx, i.State, kindClient, func(h hash, k keptClient) { all = append(all, one{h, k}) })
	slices.SortFunc(all, func(a, b one) int { return a.Since.Compare(b.Since) })
	for _, k := range all {
		c := &client{name: k.Name, public: k.Public, redirects: k.Redirects}
		copy(c.secret[:], k.Secret)
		i.state.clients.place(k.hash, c)
	}
	return err
}

func (i *Issuer) loadTokens(ctx context.Context) error {
	var all []*token
	from := map[*token]string{}
	grants := map[string]*grant{}
	err := read(ctx, i.State, kindToken, func(h hash, k keptToken) {
		g := grants[k.Grant.ID]
		if g == nil {
			g = k.Grant.grant()
			grants[g.id] = g
			i.state.grants = max(i.state.grants, g.number)
		}
		g.revoked = g.revoked || k.Grant.Revoked
		t := k.token(h, g)
		i.state.issued = max(i.state.issued, t.number)
		all, from[t] = append(all, t), k.From
	})
	slices.SortFunc(all, func(a, b *token) int { return a.number - b.number })
	for _, t := range all {
		i.state.tokens.place(t.hash, t)
	}
	for _, t := range all {
		if h, err := hashOfKey(from[t]); err == nil {
			t.from = i.state.tokens.items[h]
		}
	}
	return err
}

func (k *keptToken) token(h hash, g *grant) *token {
	return &token{grant: g, hash: h, number: k.Number, refresh: k.Refresh, scope: k.Scope, ends: k.Ends, revoked: k.Revoked, replaced: k.Replaced, nextUsed: k.NextUsed}
}

// known returns the token with this text: one that this process has made or read, or one that another process that shares
// the records has made since. The caller holds the lock.
func (i *Issuer) known(text string) (*token, bool) {
	t, ok := i.state.tokens.get(text)
	if ok || i.State == nil || !strings.HasPrefix(text, accessPrefix) && !strings.HasPrefix(text, refreshPrefix) {
		return t, ok
	}
	ctx, cancel := i.patience()
	defer cancel()
	h := hashOf(text)
	r, err := i.State.Get(ctx, kindToken, h.key())
	var k keptToken
	if err == nil {
		err = json.Unmarshal(r.Data, &k)
	}
	if err != nil {
		if !errors.Is(err, state.ErrNone) {
			i.Logger.Error("look for a token", "error", err)
		}
		return nil, false
	}
	g := k.Grant.grant()
	for _, other := range i.state.tokens.items {
		if other.grant.id == g.id {
			g = other.grant
		}
	}
	g.revoked = g.revoked || k.Grant.Revoked
	t = k.token(h, g)
	i.state.tokens.place(h, t)
	return t, true
}

func (k *keptGrant) grant() *grant {
	g := &grant{id: k.ID, number: k.Number, provider: own, client: k.Client, user: k.User, scope: k.Scope, audience: k.Audience, by: k.By, nonce: k.Nonce, offline: k.Offline, since: k.Since}
	for _, p := range providers() {
		if p.name == k.Provider {
			g.provider = p
		}
	}
	return g
}

// keepClient notes that a client has registered.
func (i *Issuer) keepClient(id string, c *client) {
	if i.State == nil {
		return
	}
	data, err := json.Marshal(keptClient{Name: c.name, Secret: c.secret[:], Public: c.public, Redirects: c.redirects, Since: i.Now()})
	if err != nil {
		i.Logger.Error("keep a client", "error", err)
		return
	}
	i.changes.list = append(i.changes.list, state.Put(kindClient, hashOf(id).key(), data))
}
