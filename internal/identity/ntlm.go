package identity

import (
	"bytes"
	"context"
	"encoding/binary"
	"unicode/utf16"

	"github.com/emersion/go-sasl"
)

// ntlmMechanism is NTLM, which Exchange servers offer ([MS-NLMP]). It always fails: nobody should use it any more
// (Microsoft deprecated it in 2024), but clients that see it offered choose it, and must go on to something else.
var ntlmMechanism = Mechanism{
	Name: "NTLM", Needs: NeedsNothing, ByName: true,
	Server: func(x Exchange) sasl.Server { return &ntlm{decide: x.Decide} },
}

type ntlm struct {
	decide func(Attempt) error
	asked  bool
}

const ntlmSignature = "NTLMSSP\x00"

// Next reads the client's NEGOTIATE message, sends a CHALLENGE, and refuses the AUTHENTICATE message.
func (n *ntlm) Next(response []byte) (challenge []byte, done bool, err error) {
	switch {
	case response == nil && !n.asked:
		n.asked = true
		return []byte{}, false, nil
	case len(response) < 12 || !bytes.HasPrefix(response, []byte(ntlmSignature)):
		return nil, false, ErrMalformed
	}
	n.asked = true
	switch binary.LittleEndian.Uint32(response[8:]) {
	case 1:
		return ntlmChallenge(), false, nil
	case 3:
		return nil, false, n.decide(Attempt{Mechanism: "NTLM", User: ntlmUser(response),
			Proof: proof(func(context.Context, Authority) (bool, error) { return false, nil })})
	}
	return nil, false, ErrMalformed
}

// ntlmChallenge returns a CHALLENGE message ([MS-NLMP] section 2.2.1.2) without a target. Nobody checks the answer.
func ntlmChallenge() []byte {
	const unicode, ntlm, end = 1, 0x200, 48
	b := make([]byte, end)
	copy(b, ntlmSignature)
	binary.LittleEndian.PutUint32(b[8:], 2)
	binary.LittleEndian.PutUint32(b[16:], end) // of the target's name, which is empty
	binary.LittleEndian.PutUint32(b[20:], unicode|ntlm)
	copy(b[24:], "mailrig!")
	binary.LittleEndian.PutUint32(b[44:], end) // of the target's properties: none
	return b
}

// ntlmUser returns the user's name in an AUTHENTICATE message ([MS-NLMP] section 2.2.1.3), or "" if it has none.
func ntlmUser(b []byte) string {
	const fields, flags = 36, 60
	if len(b) < flags+4 {
		return ""
	}
	n, at := int(binary.LittleEndian.Uint16(b[fields:])), int(binary.LittleEndian.Uint32(b[fields+4:]))
	if at > len(b) || n > len(b)-at {
		return ""
	}
	name := b[at : at+n]
	if b[flags]&1 == 0 { // not in Unicode
		return string(name)
	}
	units := make([]uint16, n/2)
	for i := range units {
		units[i] = binary.LittleEndian.Uint16(name[2*i:])
	}
	return string(utf16.Decode(units))
}
