package event

// This file defines what happens below the dialogue: the TLS handshake and its alerts.

// Hello is a ClientHello.
type Hello struct {
	StartTLS   bool     // begun by command, not with the first byte
	Versions   []uint16 // as offered, with crypto/tls numbers; newest first
	Ciphers    []uint16
	ServerName string   // SNI; "" if the client sent none
	Protocols  []string // ALPN
}

// Handshake is the outcome of a handshake.
type Handshake struct {
	StartTLS    bool
	Outcome     HandshakeOutcome
	Version     uint16 // crypto/tls number of the one that the server chose; 0 if none did
	Cipher      uint16
	Certificate string // profile of the certificate that the server was to present
	// Bad says that a client must refuse this certificate for the name that it asked for.
	Bad bool
	// WrongName says that this certificate isn't valid for the name that the client asked for or, if it asked for none,
	// for the address that it connected to.
	WrongName bool
	Alert     int    // number of the alert that ended it (RFC 8446 section 6); 0 if none did
	AlertFrom Side   // which side sent that alert
	Spoilt    string // how, if Outcome is SpoiltByScenario: stall, garbage, close, reset or alert
	// Detail is the TLS library's description of a failure. It is for people; programs must not parse it. It is "" if
	// the outcome says everything.
	Detail string
}

// HandshakeOutcome says how a handshake ended.
type HandshakeOutcome string

// The outcomes of a handshake.
const (
	Established      HandshakeOutcome = "established"
	RefusedByClient  HandshakeOutcome = "refused-by-client"     // with an alert
	LeftByClient     HandshakeOutcome = "left"                  // FIN or RST during the handshake, without an alert
	NoVersion        HandshakeOutcome = "no-common-version"     // no TLS version in common
	NoCipher         HandshakeOutcome = "no-common-cipher"      // no cipher suite in common
	NoServerName     HandshakeOutcome = "no-server-name"        // the server requires SNI
	NoClientCert     HandshakeOutcome = "no-client-certificate" // the server requires a client certificate
	NotTLS           HandshakeOutcome = "not-tls"               // other bytes where a ClientHello must begin
	NoHandshake      HandshakeOutcome = "no-handshake"          // nothing came in time
	StalledHandshake HandshakeOutcome = "stalled"               // it began, and didn't end in time
	SpoiltByScenario HandshakeOutcome = "spoilt"                // a scenario spoilt it
	TLSOnClearDoor   HandshakeOutcome = "tls-on-clear-door"     // a ClientHello where the door begins in clear
	NoCertificate    HandshakeOutcome = "no-certificate"        // mailrig couldn't make the certificate that it needs
	OtherwiseFailed  HandshakeOutcome = "failed"                // see Detail
)

// Alert is an alert that came after the handshake was complete on mailrig's side. In TLS 1.3 a client checks the
// certificate only then.
type Alert struct {
	From   Side
	Number int
	Detail string // the TLS library's description, for people
}

// CloseNotify says that the client closed the TLS layer properly (RFC 8446 section 6.1).
type CloseNotify struct{}

// TLS sums up what is known about a connection's TLS, whether it was established or failed.
type TLS struct {
	Hello     bool // a ClientHello came
	Handshake      // the last handshake
	// ServerName is the SNI as sent; "" if there was none.
	ServerName string
	// CloseNotify says that the client closed TLS before it left.
	CloseNotify bool
}

// Established reports whether the handshake completed on mailrig's side.
func (t *TLS) Established() bool { return t != nil && t.Outcome == Established }

// ClientAlert returns the number of the alert that the client sent, or 0.
func (t *TLS) ClientAlert() int {
	if t == nil || t.AlertFrom != Client {
		return 0
	}
	return t.Alert
}

// alertNames are TLS alerts by number (RFC 8446 section 6, RFC 5246 section 7.2).
var alertNames = map[int]string{
	0: "close_notify", 10: "unexpected_message", 20: "bad_record_mac", 22: "record_overflow",
	40: "handshake_failure", 42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
	45: "certificate_expired", 46: "certificate_unknown", 47: "illegal_parameter", 48: "unknown_ca",
	49: "access_denied", 50: "decode_error", 51: "decrypt_error", 70: "protocol_version",
	71: "insufficient_security", 80: "internal_error", 86: "inappropriate_fallback", 90: "user_canceled",
	109: "missing_extension", 110: "unsupported_extension", 112: "unrecognized_name",
	113: "bad_certificate_status_response", 115: "unknown_psk_identity", 116: "certificate_required",
	120: "no_application_protocol",
}

// AlertName returns the name of a TLS alert. It returns "" for 0 and for an unknown number.
func AlertName(n int) string {
	if n == 0 {
		return ""
	}
	return alertNames[n]
}

func (*Hello) what() name       { return "hello" }
func (*Handshake) what() name   { return "handshake" }
func (*Alert) what() name       { return "alert" }
func (*CloseNotify) what() name { return "close-notify" }
