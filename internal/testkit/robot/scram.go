package robot

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// scramNonce is the robots' nonce. Nobody listens to them, so it may always be the same.
const scramNonce = "rOprNGfwEbeRWgbNEkqO"

// scramFirst returns the first message of a login by SCRAM-SHA-256 (RFC 7677), in base64.
func scramFirst(user string) string { return b64("n,," + scramBare(user)) }

func scramBare(user string) string { return "n=" + user + ",r=" + scramNonce }

// scramFinal answers the server's first message, which comes in base64. It also returns what the server must answer then.
// right says that the server's nonce begins with the robot's.
func scramFinal(user, password, challenge string) (final, proof string, right bool, err error) {
	first, err := base64.StdEncoding.DecodeString(strings.TrimSpace(challenge))
	if err != nil {
		return "", "", false, err
	}
	said := map[string]string{}
	for _, part := range strings.Split(string(first), ",") {
		name, value, _ := strings.Cut(part, "=")
		said[name] = value
	}
	salt, err := base64.StdEncoding.DecodeString(said["s"])
	if err != nil {
		return "", "", false, err
	}
	n, err := strconv.Atoi(said["i"])
	if err != nil || n < 1 || n > 100_000 {
		return "", "", false, fmt.Errorf("%q iterations: %v", said["i"], err)
	}
	salted, err := pbkdf2.Key(sha256.New, password, salt, n, sha256.Size)
	if err != nil {
		return "", "", false, err
	}
	bare := "c=biws,r=" + said["r"]
	message := scramBare(user) + "," + string(first) + "," + bare
	key := mac(salted, "Client Key")
	stored := sha256.Sum256(key)
	for i, b := range mac(stored[:], message) {
		key[i] ^= b
	}
	server := mac(mac(salted, "Server Key"), message)
	return b64(bare + ",p=" + base64.StdEncoding.EncodeToString(key)), b64("v=" + base64.StdEncoding.EncodeToString(server)),
		strings.HasPrefix(said["r"], scramNonce), nil
}

func mac(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}
