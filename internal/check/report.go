package check

import (
	"time"

	"github.com/mailrig/mailrig/internal/door"
)

// Report is what the check found. Its JSON is public; docs/check.md describes it. Text from the server is cleaned and
// shortened.
type Report struct {
	Host        string     `json:"host"`
	Checked     time.Time  `json:"checked"`
	Seconds     float64    `json:"seconds"`
	Good        bool       `json:"good"` // nothing that a client needs is wrong
	Interrupted bool       `json:"interrupted"`
	User        string     `json:"user,omitempty"`
	Doors       []*Door    `json:"doors"`
	Settings    []Setting  `json:"settings"`
	RoundTrip   *RoundTrip `json:"round_trip,omitempty"`
	Problems    []Problem  `json:"problems"`
}

// State says how a door answered.
type State string

// The states of a door.
const (
	StateOpen          State = "open"           // it speaks its protocol
	StateNoAddress     State = "no-address"     // the host's name has no address
	StateRefused       State = "refused"        // nothing listens there
	StateTimeout       State = "timeout"        // no connection within the timeout
	StateUnreachable   State = "unreachable"    // the network has no route
	StateBlockedHere   State = "blocked-here"   // this machine forbids the connection
	StateClosed        State = "closed"         // it accepted the connection and closed it without a word
	StateReset         State = "reset"          // it accepted the connection and reset it
	StateSilent        State = "silent"         // it accepted the connection and said nothing
	StateSlow          State = "slow"           // it began to speak, and didn't finish in time
	StateHTTP          State = "http"           // a web server, or a network's login page
	StateOtherProtocol State = "other-protocol" // another mail protocol than the port is for
	StateUnknown       State = "unknown"        // something else
	StateRejected      State = "rejected"       // its greeting is a refusal
	StateSpeaksTLS     State = "speaks-tls"     // TLS from the first byte where it should begin later
	StateSpeaksClear   State = "speaks-clear"   // a greeting in clear where TLS should begin
	StateTLSFailed     State = "tls-failed"     // the TLS handshake failed
	StateBroken        State = "broken"         // the conversation broke off
	StateInterrupted   State = "interrupted"    // the check was stopped before this
	StateFailed        State = "failed"         // this machine couldn't connect, for another reason
)

// closed reports whether there seems to be no door at all, as is usual for what a provider doesn't offer.
func (s State) closed() bool {
	return s == StateRefused || s == StateTimeout || s == StateUnreachable || s == StateNoAddress
}

// Door is what the check saw at one door.
type Door struct {
	Port      int           `json:"port"` // standard port number
	Service   string        `json:"service"`
	Protocol  door.Protocol `json:"protocol"`
	Address   string        `json:"address"` // host:port as asked for
	Addresses []Address     `json:"addresses"`
	State     State         `json:"state"`
	Detail    string        `json:"detail,omitempty"` // in words
	Speaks    string        `json:"speaks,omitempty"` // smtp, imap, pop3, http, ssh
	Greeting  string        `json:"greeting,omitempty"`
	Security  string        `json:"security"` // none, starttls or tls: what the check reached
	STARTTLS  Upgrade       `json:"starttls,omitempty"`
	BeforeTLS *Capabilities `json:"before_tls,omitempty"`
	InTLS     *Capabilities `json:"in_tls,omitempty"`
	TLS       *Session      `json:"tls,omitempty"`
	Login     *Login        `json:"login,omitempty"`
	Usable    bool          `json:"usable"` // a client can work here, with encryption

	implicit bool // TLS comes first at this port
	masked   bool // a firewall rewrites what the server says
	again    bool // the server offers STARTTLS inside TLS

	tape, loginTape *tape // of the first look and of the login; nil if there was none
}

// helloRefused returns the server's words if it refused the client's introduction, with TLS or without.
func (d *Door) helloRefused() string {
	for _, c := range []*Capabilities{d.BeforeTLS, d.InTLS} {
		if c != nil && c.refused != "" {
			return c.refused
		}
	}
	return ""
}

// Address is one address of the host. It says whether the port there can be reached.
type Address struct {
	Address string `json:"address"`
	State   State  `json:"state"` // open means connected
	Detail  string `json:"detail,omitempty"`
}

// Upgrade says what happened to STARTTLS (STLS).
type Upgrade string

// What can happen to it.
const (
	UpgradeDone     Upgrade = "done"     // offered, and TLS began
	UpgradeMissing  Upgrade = "missing"  // not offered, and refused when asked for
	UpgradeHidden   Upgrade = "hidden"   // not offered, but it works
	UpgradeRefused  Upgrade = "refused"  // offered, and refused
	UpgradeInjected Upgrade = "injected" // more text after the positive reply
	UpgradeFailed   Upgrade = "failed"   // accepted, and then there was no TLS
	UpgradePreauth  Upgrade = "preauth"  // IMAP PREAUTH: too late for it
)

// Capabilities are what a server advertises.
type Capabilities struct {
	Names       []string `json:"names"`
	Mechanisms  []string `json:"mechanisms"`  // SASL; LOGIN and USER may mean the command
	TakesLogin  bool     `json:"takes_login"` // the server would accept a password here
	NotAnswered string   `json:"not_answered,omitempty"`

	starttls bool
	userPass bool   // IMAP LOGIN, POP3 USER
	refused  string // why the server refused the client's introduction (SMTP)
}

// Session is a TLS session and its certificate.
type Session struct {
	Version     string       `json:"version"`
	Cipher      string       `json:"cipher"`
	Verified    bool         `json:"verified"`
	Faults      []Fault      `json:"faults"`
	Certificate *Certificate `json:"certificate,omitempty"`
	Outdated    bool         `json:"outdated"` // only versions or ciphers that clients no longer accept
	ClientCert  bool         `json:"asks_for_client_certificate"`
}

// Fault is one thing that is wrong with a certificate.
type Fault struct {
	Code  string `json:"code"`
	Words string `json:"words"`
	Try   string `json:"try"`
}

// Certificate is the server's own certificate.
type Certificate struct {
	Subject   string    `json:"subject"`
	Names     []string  `json:"names"`
	Issuer    string    `json:"issuer"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	Key       string    `json:"key"`
	Signature string    `json:"signature"`
	SHA256    string    `json:"sha256"`
	Chain     []string  `json:"chain"` // subjects of the certificates sent after it
}

// Login says how a login went.
type Login struct {
	State     LoginState `json:"state"`
	Mechanism string     `json:"mechanism,omitempty"`
	Reply     string     `json:"reply,omitempty"` // the server's words
	Words     string     `json:"words"`           // mailrig's words
}

// Setting is what to type into a client for one purpose.
type Setting struct {
	Protocol       door.Protocol `json:"protocol"`
	Server         string        `json:"server"`
	Port           int           `json:"port"`       // the real port
	Door           int           `json:"door"`       // standard port number
	Encryption     string        `json:"encryption"` // "SSL/TLS", "STARTTLS" or "None"
	Authentication string        `json:"authentication"`
	User           string        `json:"user,omitempty"`
	Alternative    bool          `json:"alternative"` // equally good, if the first one doesn't work
}

// RoundTrip says what happened to the test message.
type RoundTrip struct {
	OK        bool    `json:"ok"`
	From      string  `json:"from"`
	MessageID string  `json:"message_id,omitempty"`
	SentBy    int     `json:"sent_by,omitempty"`  // standard port number of the door
	FoundBy   int     `json:"found_by,omitempty"` // standard port number of the door
	Folder    string  `json:"folder,omitempty"`
	Seconds   float64 `json:"seconds,omitempty"`
	Words     string  `json:"words"`
	Try       string  `json:"try,omitempty"`
}

// Severity says how serious a problem is.
type Severity string

// The severities.
const (
	Error   Severity = "error"   // something that a client needs is wrong
	Warning Severity = "warning" // it works, but not as it should
	Note    Severity = "note"    // good to know
)

// Problem is one thing that is wrong, and what to try.
type Problem struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Ports    []int    `json:"ports"` // standard port numbers; empty: the server as a whole
	What     string   `json:"what"`
	Try      string   `json:"try"`
}

func newDoor(t Target) *Door {
	return &Door{
		Port: t.Port, Service: t.Service, Protocol: t.Protocol, Security: "none",
		Addresses: []Address{}, implicit: t.Security == door.TLS,
	}
}
