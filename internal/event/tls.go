package event

// This file has what happens below the dialogue: the TLS handshake and its alerts.

// Hello is a ClientHello.
type Hello struct {
	StartTLS   bool     // by command, not from the first byte
	Versions   []uint16 // offered, as in crypto/tls; newest first
	Ciphers    []uint16
	ServerName string   // SNI, "" for none
	Protocols  []string // ALPN
}

// Handshake is how a handshake came out.
type Handshake struct {
	StartTLS    bool
	Outcome     HandshakeOutcome
	Version     uint16 // as in crypto/tls; 0 when it wasn't agreed on
	Cipher      uint16
	Certificate string // profile of the certificate that was to be shown
	// Bad says that a client must refuse this certificate, for the name that it asked for.
	Bad bool
	// WrongName says that this certificate isn't for the name that the client asked for, or that it asked for
	// none.
	WrongName bool
	Alert     int    // number of the alert that ended it, 0 for none (RFC 8446 section 6)
	AlertFrom Side   // who sent that alert
	Spoilt    string // with SpoiltByScenario, how: stall, garbage, close, reset or alert
	// Detail is what the TLS library says of a failure: for people, never read by programs. It is "" where the
	// outcome says it all.
	Detail string
}

// HandshakeOutcome says how a handshake came out.
type HandshakeOutcome string

// The outcomes.
const (
	Established      HandshakeOutcome = "established"
	RefusedByClient  HandshakeOutcome = "refused-by-client"     // by an alert
	LeftByClient     HandshakeOutcome = "left"                  // FIN or RST in the middle, without an alert
	NoVersion        HandshakeOutcome = "no-common-version"     // of TLS
	NoCipher         HandshakeOutcome = "no-common-cipher"      // suite
	NoServerName     HandshakeOutcome = "no-server-name"        // the server wants one
	NoClientCert     HandshakeOutcome = "no-client-certificate" // the server wants one
	NotTLS           HandshakeOutcome = "not-tls"               // other bytes where a ClientHello must begin
	NoHandshake      HandshakeOutcome = "no-handshake"          // nothing came in time
	StalledHandshake HandshakeOutcome = "stalled"               // it began, and didn't end in time
	SpoiltByScenario HandshakeOutcome = "spoilt"                // on purpose
	TLSOnClearDoor   HandshakeOutcome = "tls-on-clear-door"     // a ClientHello where the door begins in clear
	NoCertificate    HandshakeOutcome = "no-certificate"        // the rig couldn't make the one it needs
	OtherwiseFailed  HandshakeOutcome = "failed"                // see Detail
)

// Alert is an alert that came when the handshake was done on our side: in TLS 1.3 the client looks at the
// certificate only then.
type Alert struct {
	From   Side
	Number int
	Detail string // what the TLS library says: for people
}

// CloseNotify says that the client has said goodbye on the TLS layer (RFC 8446 section 6.1).
type CloseNotify struct{}

// TLS sums up what is known of a connection's TLS, established or failed.
type TLS struct {
	Hello     bool // a ClientHello came
	Handshake      // of the last try
	// ServerName is the SNI as sent, "" for none.
	ServerName string
	// CloseNotify says that the client ended TLS before it left.
	CloseNotify bool
}

// Established reports whether the handshake completed on our side.
func (t *TLS) Established() bool { return t != nil && t.Outcome == Established }

// ClientAlert returns the number of the alert that the client sent, 0 for none.
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

// AlertName returns the name of a TLS alert, "" for none or an unknown number.
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
