package issuer

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"
)

// signer signs ID tokens with ES256 (RFC 7518 section 3.4). An RSA key would take a second to make.
type signer struct {
	key *ecdsa.PrivateKey
	id  string
}

func newSigner() (*signer, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the key for ID tokens: %w", err)
	}
	return signerOf(key)
}

func signerOf(key *ecdsa.PrivateKey) (*signer, error) {
	point, err := key.PublicKey.Bytes()
	if err != nil {
		return nil, fmt.Errorf("make the key for ID tokens: %w", err)
	}
	sum := sha256.Sum256(point)
	return &signer{key, b64(sum[:8])}, nil
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// public returns the key as a JWK.
func (s *signer) public() map[string]any {
	point, _ := s.key.PublicKey.Bytes() // newSigner has seen that it works; 0x04, x, y
	return map[string]any{
		"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": s.id, "x": b64(point[1:33]), "y": b64(point[33:65]),
	}
}

// sign makes a JWT (RFC 7519).
func (s *signer) sign(claims map[string]any) (string, error) {
	header, err := json.Marshal(map[string]any{"alg": "ES256", "typ": "JWT", "kid": s.id})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	text := b64(header) + "." + b64(body)
	sum := sha256.Sum256([]byte(text))
	r, t, err := ecdsa.Sign(rand.Reader, s.key, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign an ID token: %w", err)
	}
	var signature [64]byte
	r.FillBytes(signature[:32])
	t.FillBytes(signature[32:])
	return text + "." + b64(signature[:]), nil
}

// idToken makes the ID token of a grant (OpenID Connect Core section 2).
func (i *Issuer) idToken(g *grant, issuer string, lifetime time.Duration) (string, error) {
	key, err := i.key()
	if err != nil {
		return "", err
	}
	now := i.Now()
	claims := userClaims(g.user)
	claims["iss"], claims["aud"] = issuer, g.client
	claims["iat"], claims["exp"], claims["auth_time"] = now.Unix(), now.Add(lifetime).Unix(), g.since.Unix()
	if g.nonce != "" {
		claims["nonce"] = g.nonce
	}
	return key.sign(claims)
}

// userClaims says who a user is. The subject has no colon, and doesn't change while the address is the same.
func userClaims(user string) map[string]any {
	sum := sha256.Sum256([]byte(user))
	return map[string]any{"sub": b64(sum[:12]), "email": user, "email_verified": true, "name": user, "preferred_username": user}
}
