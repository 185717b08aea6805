package identity

import (
	"crypto/md5"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/emersion/go-sasl"
)

// digestMD5Mechanism is DIGEST-MD5 (RFC 2831, declared historic by RFC 6331), for old clients. Only the quality of
// protection "auth" is offered: TLS does the rest.
var digestMD5Mechanism = Mechanism{
	Name: "DIGEST-MD5", Needs: NeedsSecret, ByName: true,
	Server: func(x Exchange) sasl.Server { return &digestMD5{x: x} },
}

type digestMD5 struct {
	x        Exchange
	nonce    string // "" before the challenge
	accepted bool
}

func (d *digestMD5) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case d.accepted: // the client acknowledges the server's proof
		return nil, true, nil
	case d.nonce == "":
		if len(response) > 0 {
			return nil, false, ErrMalformed // subsequent authentication (section 2.2) isn't offered
		}
		d.nonce = rand.Text()
		return fmt.Appendf(nil, `realm="%s",nonce="%s",qop="auth",charset=utf-8,algorithm=md5-sess`, d.x.Host, d.nonce), false, nil
	}
	said, ok := parseDigest(string(response))
	if !ok || said["username"] == "" || said["response"] == "" {
		return nil, false, ErrMalformed
	}
	var rspauth string
	err = d.x.Decide(secretAttempt("DIGEST-MD5", said["username"], func(secret []byte) bool {
		id := said["authzid"]
		right := said["nonce"] == d.nonce && said["nc"] == "00000001" && (said["qop"] == "auth" || said["qop"] == "") &&
			(id == "" || id == said["username"])
		rspauth = digest(said, secret, "")
		return subtle.ConstantTimeCompare([]byte(digest(said, secret, "AUTHENTICATE")), []byte(strings.ToLower(said["response"]))) == 1 && right
	}))
	if err != nil {
		return nil, false, err
	}
	d.accepted = true
	challenge = []byte("rspauth=" + rspauth)
	if d.x.Connection != nil {
		d.x.Connection.Hide(challenge)
	}
	return challenge, false, nil
}

// digest is the client's response with the method AUTHENTICATE, and the server's with none (section 2.1.2.1).
func digest(said map[string]string, secret []byte, method string) string {
	sum := func(parts ...string) string {
		h := md5.Sum([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h[:])
	}
	user := md5.Sum([]byte(said["username"] + ":" + said["realm"] + ":" + string(secret)))
	a1 := []string{string(user[:]), said["nonce"], said["cnonce"]}
	if id := said["authzid"]; id != "" {
		a1 = append(a1, id)
	}
	return sum(sum(a1...), said["nonce"], said["nc"], said["cnonce"], "auth", sum(method, said["digest-uri"]))
}

// parseDigest reads a list of name=value, where a value may be quoted (section 7.1). A name that comes twice is an
// error.
func parseDigest(s string) (said map[string]string, ok bool) {
	said = map[string]string{}
	for s = strings.Trim(s, " ,"); s != ""; s = strings.TrimLeft(s, " ,") {
		name, rest, found := strings.Cut(s, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, twice := said[name]; !found || twice {
			return nil, false
		}
		value, after, ok := digestValue(rest)
		if !ok || after != "" && after[0] != ',' && after[0] != ' ' {
			return nil, false
		}
		said[name], s = value, after
	}
	return said, true
}

func digestValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		if at := strings.IndexByte(s, ','); at >= 0 {
			return strings.TrimRight(s[:at], " "), s[at:], true
		}
		return s, "", true
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
