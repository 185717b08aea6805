package fault

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/protocol/smtp"
)

// Faults by address need no scenario. They are always on, so several tests can use one running server, and each gets
// the fault that it asks for.
//
//	reply+550@any.domain                      as sender or recipient: 550 5.0.0 …
//	reply+451+4.7.1@any.domain                with an enhanced code
//	reply+550+5.1.1+user-unknown@any.domain   with a text; hyphens become spaces
//	login+wrong-password@any.domain           as user name: this refusal; see protocol.LoginReasons
//
// ByAddress marks them in a session, in place of a scenario's name.
const ByAddress = event.ByAddress

// AddressReply returns the SMTP reply that a sender's or recipient's address asks for. ok is false for ordinary
// addresses.
func AddressReply(address string) (reply string, ok bool) {
	local, _, _ := strings.Cut(address, "@")
	if len(local) < len("reply+") || !strings.EqualFold(local[:len("reply+")], "reply+") {
		return "", false
	}
	words := strings.Split(local[len("reply+"):], "+")
	code, err := strconv.Atoi(words[0])
	if err != nil || code < 400 || code > 599 {
		return "", false
	}
	words = words[1:]
	status := strconv.Itoa(code/100) + ".0.0"
	if len(words) > 0 && isStatus(words[0], code) {
		status, words = words[0], words[1:]
	}
	text := "This is what the address asks for"
	if joined := strings.Join(words, " "); joined != "" {
		text = strings.ReplaceAll(joined, "-", " ")
	}
	return strconv.Itoa(code) + " " + status + " " + text, true
}

// isStatus reports whether s is an enhanced status code (RFC 3463) that matches a reply code.
func isStatus(s string, code int) bool {
	r, err := smtp.Parse(strconv.Itoa(code) + " " + s)
	return err == nil && r.Enhanced != [3]int{} && r.Enhanced[0] == code/100
}

// AddressLogin returns the refusal that a user name asks for, or nil for an ordinary name.
func AddressLogin(user string) *identity.Refusal {
	local, _, _ := strings.Cut(user, "@")
	name, ok := strings.CutPrefix(strings.ToLower(local), "login+")
	if !ok {
		return nil
	}
	reason := protocol.Reason(name)
	if !slices.Contains(protocol.LoginReasons(), reason) {
		return nil
	}
	return &identity.Refusal{Reason: reason, Injected: ByAddress}
}
