package scenarios

import "fmt"

// Expectation is something that a client's sessions show. A scenario requires
// or forbids it.
type Expectation struct {
	ID string
	Do string // completes "A good client must" and "A good client must not"
}

// Expectations lists what expect may name. The ids are the ids of findings and
// as such public API.
var Expectations = []Expectation{
	{"password-sent-in-clear", "send a password over a connection without TLS"},
	{"mail-sent-in-clear", "send a message over a connection without TLS"},
	{"fell-back-to-clear", "go on without TLS where TLS was wanted and failed"},
	{"continued-after-bad-certificate", "go on after a certificate that it can't trust"},
	{"mail-sent", "get a message accepted in the end"},
	{"used-submission-door", "submit its message on door 587, 465 or 2525, logged in and inside TLS"},
	{"retried-after-temporary-failure", "keep what failed for the time being and try it again later"},
	{"repeated-refused-password", "send a password again that was refused: accounts get locked that way"},
	{"repeated-permanent-failure", "repeat by itself what was refused for good"},
	{"reconnected-too-fast", "connect again and again without a pause after a failure"},
	{"gave-up-in-time", "give up by itself on a server that says nothing, within five minutes"},
	{"waited-for-greeting", "wait for a late greeting"},
	{"spoke-before-greeting", "say anything before the greeting is there"},
	{"spoke-to-wrong-server", "go on talking after a greeting that its protocol doesn't have"},
	{"worked-as-usual", "send or fetch its mail as on any other day: nothing is wrong"},
	{"tried-next-address", "try the server's next address when one fails"},
	{"spoke-before-handshake", "send a command between STARTTLS and the handshake"},
	{"trusted-data-from-before-tls", "believe inside TLS what was said before it"},
	{"asked-capabilities-again", "ask for the capabilities again inside TLS"},
	{"repeated-starttls", "ask for STARTTLS again inside TLS"},
	{"followed-referral", "log in, or look for mail, where a referral points"},
	{"used-old-tls", "agree to TLS 1.0 or 1.1"},
	{"sent-server-name", "say in the handshake which host it wants (SNI)"},
	{"took-part-for-whole", "take a message that was cut short for a whole one"},
	{"used-unlisted-mechanism", "log in with a mechanism that isn't listed"},
	{"cancelled-broken-login", "leave a login that it can't go on with by a line of * alone"},
	{"sent-message-without-go-ahead", "send a message where DATA wasn't answered with 354"},
	{"delivered-twice", "send a message again to a recipient who has it"},
	{"used-unlisted-extension", "use an extension that isn't listed"},
	{"ignored-size-limit", "announce or upload a message larger than SIZE allows"},
	{"kept-message-id", "send a message again with the same Message-ID"},
	{"waited-for-reply", "wait for a reply as long as RFC 5321 section 4.5.3.2 has it"},
}

func expectation(id string) (Expectation, bool) {
	for _, e := range Expectations {
		if e.ID == id {
			return e, true
		}
	}
	return Expectation{}, false
}

func expectationIDs() []string {
	var ids []string
	for _, e := range Expectations {
		ids = append(ids, e.ID)
	}
	return ids
}

// expectFile is expect as a file has it.
type expectFile struct {
	Require []expectationID `yaml:"require"`
	Forbid  []expectationID `yaml:"forbid"`
}

// Validate refuses what no client could keep.
func (e *expectFile) Validate() error {
	for _, a := range e.Require {
		for _, b := range e.Forbid {
			if a == b {
				return fmt.Errorf("%s is both required and forbidden; keep one", a)
			}
		}
	}
	return nil
}

// expectationID is an id that must exist.
type expectationID string

func (id *expectationID) UnmarshalText(b []byte) error {
	if _, ok := expectation(string(b)); !ok {
		return fmt.Errorf("%q isn't the id of an expectation; %s", b, didYouMean(string(b), expectationIDs()))
	}
	*id = expectationID(b)
	return nil
}

func (e *expectFile) expect() Expect {
	var out Expect
	for _, id := range e.Require {
		out.Require = append(out.Require, string(id))
	}
	for _, id := range e.Forbid {
		out.Forbid = append(out.Forbid, string(id))
	}
	return out
}
