package fault

import "fmt"

// Explainer is a fault that says by itself what it does, where its kind's sentence
// would have to speak of all that it could do. The sentence begins in lower case and
// has no full stop.
type Explainer interface{ Explain() string }

var (
	_ Explainer = (*Connect)(nil)
	_ Explainer = (*Security)(nil)
	_ Explainer = (*Certificate)(nil)
	_ Explainer = (*Handshake)(nil)
	_ Explainer = (*EndConnection)(nil)
	_ Explainer = (*CutMessage)(nil)
	_ Explainer = (*Drip)(nil)
)

// Explain says what becomes of the connection.
func (f *Connect) Explain() string {
	return map[string]string{
		"refuse": "the connection is refused",
		"drop":   "the server doesn't answer: the client's connect times out",
		"silent": "the connection is accepted, and nothing is ever said",
		"close":  "the connection is accepted and closed at once",
		"reset":  "the connection is accepted and reset at once",
		"portal": "an HTTP redirect is answered, as a captive portal does",
	}[f.Mode]
}

// Explain says what the door speaks.
func (f *Security) Explain() string {
	if f.Mode == SpeakTLS {
		return "the door speaks TLS from the first byte"
	}
	return "the door speaks clear text, and never TLS"
}

// Explain says which certificate is shown.
func (f *Certificate) Explain() string {
	return fmt.Sprintf("the server shows the certificate %q instead of the right one", f.Profile)
}

// Explain says what the handshake comes to.
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

// ends are the words for how a connection ends.
var ends = map[End]string{
	EndClose: "closed", EndReset: "reset", EndTruncate: "closed without TLS's close_notify", EndSilence: "left open, and nothing is ever said again",
}

// Explain says how the connection ends.
func (f *EndConnection) Explain() string {
	return "without a reply, the connection is " + ends[f.How]
}

// Explain says where and how the connection is cut.
func (f *CutMessage) Explain() string {
	how := f.How
	if how == EndNone {
		how = EndReset
	}
	switch f.In {
	case InReply:
		return "the message is stored, and instead of the reply the connection is " + ends[how]
	case InDownload:
		return fmt.Sprintf("after %d bytes of a message that the server sends, the connection is %s", f.After, ends[how])
	}
	return fmt.Sprintf("after %d bytes of a message that the client sends, the connection is %s", f.After, ends[how])
}

// Explain says how slow the server is.
func (f *Drip) Explain() string {
	return fmt.Sprintf("the server sends %d bytes at a time, %v apart", f.Bytes, f.Every)
}
