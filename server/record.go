package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/transcript"
)

// What the transcript keeps of messages and passwords, so that one can tell whether a
// client sent the same again.

// castagnoli is the polynomial that processors compute by themselves.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// maxHeader bounds how far into a message its Message-ID is looked for, in bytes.
const maxHeader = 64 << 10

// stored describes a message as the client sent it.
func stored(from string, to []string, raw []byte) transcript.Stored {
	m := transcript.Stored{
		From: from, Recipients: to, Bytes: int64(len(raw)),
		Sum: fmt.Sprintf("%08x-%x", crc32.Checksum(raw, castagnoli), len(raw)),
	}
	head := raw[:min(len(raw), maxHeader)]
	for _, f := range message.Header(head) {
		if strings.EqualFold(f.Name, "Message-ID") {
			m.MessageID = f.Value
			break
		}
	}
	return m
}

// passwordTags makes tags of passwords that tell equal ones and nothing else.
type passwordTags struct{ key [16]byte }

func newPasswordTags() (t passwordTags) {
	_, _ = rand.Read(t.key[:]) // never fails; package crypto/rand
	return t
}

// tag is 32 bits of a keyed hash: the key dies with the process.
func (t *passwordTags) tag(password string) string {
	if password == "" {
		return ""
	}
	h := hmac.New(sha256.New, t.key[:])
	h.Write([]byte(password))
	return hex.EncodeToString(h.Sum(nil)[:4])
}
