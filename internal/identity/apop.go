package identity

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// APOPCommand is POP3's login with a digest (RFC 1939 section 7). The greeting's stamp is its challenge.
const APOPCommand Command = "APOP"

// APOP returns the attempt that APOP makes: digest is the MD5 sum of stamp and password, in hexadecimal.
func APOP(user, digest, stamp string) Attempt {
	return secretAttempt(string(APOPCommand), user, func(secret []byte) bool {
		sum := md5.Sum(append([]byte(stamp), secret...))
		return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(strings.ToLower(digest))) == 1
	})
}
