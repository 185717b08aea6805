package fault

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Handshake makes a TLS handshake fail, whether it begins with the first byte or after STARTTLS.
type Handshake struct {
	Fate  HandshakeFate
	Alert uint8
}

// Kind implements Fault.
func (*Handshake) Kind() Kind {
	return Kind{
		Name:    "handshake",
		Doc:     "The TLS handshake fails in this way.",
		Example: "stall",
		New:     func() Fault { return new(Handshake) },
	}
}

// UnmarshalText parses stall, garbage, close, reset, or alert and a number.
func (f *Handshake) UnmarshalText(b []byte) error {
	known := []string{"stall", "garbage", "close", "reset", "alert 40"}
	word, number, _ := strings.Cut(string(b), " ")
	f.Fate = HandshakeFate(word)
	switch f.Fate {
	case HandshakeStall, HandshakeGarbage, HandshakeClose, HandshakeReset:
		if number == "" {
			return nil
		}
	case HandshakeAlert:
		n, err := strconv.ParseUint(number, 10, 8)
		if err == nil && n > 0 {
			f.Alert = uint8(n)
			return nil
		}
		return fmt.Errorf("%q: give the alert's number after it (RFC 8446 section 6), like alert 40", b)
	}
	return &ValueError{Value: string(b), Known: known, Open: true}
}

// TLS implements TLSStage.
func (f *Handshake) TLS(t *TLS) { t.Handshake, t.Alert = f.Fate, f.Alert }

// CheckRule refuses conditions that nobody can know yet.
func (f *Handshake) CheckRule(r *Rule) error { return r.beforeTLS() }

// Waits implements Waiter.
func (f *Handshake) Waits() time.Duration {
	if f.Fate == HandshakeStall {
		return Forever
	}
	return 0
}

// Explain says how the handshake ends.
func (f *Handshake) Explain() string {
	switch f.Fate {
	case HandshakeStall:
		return "the client's TLS hello is never answered"
	case HandshakeGarbage:
		return "the client's TLS hello is answered with something that isn't TLS"
	case HandshakeClose:
		return "the connection is closed at the client's TLS hello"
	case HandshakeReset:
		return "the connection is reset at the client's TLS hello"
	}
	return fmt.Sprintf("the client's TLS hello is answered with alert %d", f.Alert)
}
