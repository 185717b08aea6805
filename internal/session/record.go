package session

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"net"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/message"
	"github.com/mailrig/mailrig/internal/protocol"
	"github.com/mailrig/mailrig/internal/store"
)

// record records what a session decides.
type record struct {
	*event.Recorder
	tags *Tags
}

func begin(shared *Shared, d door.Door, conn net.Conn, plan *fault.Plan) record {
	var reader event.Reader
	if p := protocol.Find(shared.Protocols, string(d.Protocol)); p != nil {
		reader = p.Replies
	}
	return record{tags: shared.Tags, Recorder: shared.Journal.Begin(event.Info{
		Door: d.Port, Service: d.Service, Protocol: string(d.Protocol), Security: string(d.Security),
		Client: conn.RemoteAddr().String(), Server: conn.LocalAddr().String(), Scenarios: plan.Scenarios(), Reader: reader,
	})}
}

// joined records that the user's own scenarios act from now on.
func (r record) joined(own *fault.Plan) { r.Scenarios(own.Scenarios()) }

// acted records an act of a rule, so that findings know which rule and which kind of fault it was.
func (r record) acted(a fault.Act) {
	r.Acted(event.Acted{Rule: a.Rule, Kind: a.Kind, Command: a.Command}, a.Scenario)
}

// limits records which limits a scenario sets.
func (r record) limits(l fault.Limits) {
	if l.MessageBytes > 0 {
		r.Standing(&event.Setting{Name: event.SetMessageLimit, N: l.MessageBytes}, l.BytesBy)
	}
	if l.Recipients > 0 {
		r.Standing(&event.Setting{Name: event.SetRecipientLimit, N: int64(l.Recipients)}, l.RecipientsBy)
	}
}

// login records a login attempt and its outcome: nil, or the refusal.
func (r record) login(a identity.Attempt, no *identity.Refusal) {
	l := event.Login{User: identity.Shown(a.User), Mechanism: a.Mechanism, OK: no == nil, Exposed: a.Exposes, Password: r.tags.tag(a.Credential), NotUTF8: !utf8.ValidString(a.Credential)}
	if no != nil {
		l.Injected, l.Token = no.Injected, string(no.Token)
	}
	r.Login(l)
	if no != nil && no.Known != nil {
		r.Add(no.Known, no.Injected)
	}
}

// acknowledged records whether the client answered an error as its mechanism requires: with an empty line (XOAUTH2), or
// with the single byte ^A (RFC 7628 section 3.2.3). Anything else it said isn't recorded.
func (r record) acknowledged(right bool, by string) {
	if right {
		r.Notice(event.Acknowledged, by)
	} else {
		r.Notice(event.NotAcknowledged, by)
	}
}

// preauth records the user who is logged in from the start.
func (r record) preauth(st fault.Start) {
	r.Add(&event.Setting{Name: event.SetUser, Text: st.User}, st.By)
}

// filled records how many messages a scenario put into INBOX.
func (r record) filled(messages int, by string) {
	r.Add(&event.Setting{Name: event.SetFill, N: int64(messages)}, by)
}

// renumbered records how much higher UIDs are.
func (r record) renumbered(higher uint32, by string) {
	r.Add(&event.Setting{Name: event.SetRenumber, N: int64(higher)}, by)
}

// meanwhile records what another session did.
func (r record) meanwhile(expunge []uint32, deliver int, by string) {
	if len(expunge) > 0 {
		r.Add(&event.Setting{Name: event.SetExpunge, Numbers: expunge}, by)
	}
	if deliver > 0 {
		r.Add(&event.Setting{Name: event.SetDeliver, N: int64(deliver)}, by)
	}
}

// muted records an IDLE that stays silent.
func (r record) muted(by string) { r.Notice(event.MuteIdle, by) }

// bounces records that a delivery report will follow.
func (r record) bounces(from, to string, b fault.Bounce) {
	r.Add(&event.Bouncing{Recipient: to, Sender: from, After: b.After}, b.By)
}

// castagnoli is the CRC polynomial for which processors have an instruction.
var castagnoli = sync.OnceValue(func() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) })

// stored records a message as the client sent it, and what is unusual about it. Its checksum shows whether a client sent the same message again.
func (r record) stored(from string, places []store.Place, raw []byte) {
	m := event.Stored{
		From: from, Bytes: int64(len(raw)),
		Sum: sum(raw),
	}
	for _, p := range places {
		m.Recipients = append(m.Recipients, p.Account)
		m.Places = append(m.Places, event.Place{Account: p.Account, Mailbox: p.Mailbox, UID: uint32(p.UID)})
	}
	id, unusual := message.Examine(raw)
	m.MessageID = id
	if unusual != nil {
		form := event.Form(*unusual)
		m.Form = &form
	}
	r.Stored(m)
}

// sum returns a checksum and the length, in hexadecimal.
func sum(raw []byte) string {
	var crc [4]byte
	binary.BigEndian.PutUint32(crc[:], crc32.Checksum(raw, castagnoli()))
	b := append(hex.AppendEncode(make([]byte, 0, 24), crc[:]), '-')
	return string(strconv.AppendInt(b, int64(len(raw)), 16))
}

// Tags makes opaque tags of passwords. Equal passwords have equal tags; a tag reveals nothing else.
type Tags struct{ key [16]byte }

// NewTags returns Tags with a random key. Tags with different keys can't be compared.
func NewTags() *Tags {
	t := new(Tags)
	_, _ = rand.Read(t.key[:]) // never fails, says package crypto/rand
	return t
}

// tag returns 32 bits of a keyed hash. The key is lost when the process ends.
func (t *Tags) tag(password string) string {
	if password == "" {
		return ""
	}
	h := hmac.New(sha256.New, t.key[:])
	h.Write([]byte(password))
	return hex.EncodeToString(h.Sum(nil)[:4])
}
