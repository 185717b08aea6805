package session

import (
	"io"
	"time"

	"github.com/mailrig/mailrig/internal/event"
	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/store"
)

// Secure reports whether the client's bytes come through TLS.
func (s *Session) Secure() bool { return s.phase.Secure() }

// NeedsTLS reports whether the client must begin TLS before it may log in or send mail (RFC 3207 section 4, RFC 2595
// section 2.1).
func (s *Session) NeedsTLS() bool {
	return s.needs.tls && !s.phase.Secure()
}

// NeedsLogin reports whether the client must log in before it may send mail (RFC 6409
// section 4.3).
func (s *Session) NeedsLogin() bool { return s.needs.login && s.user == "" }

// Limits returns the limits on a message from the current user: its size in bytes without trace headers, and its number
// of recipients. 0 recipients means the engine's own limit.
func (s *Session) Limits() (messageBytes int64, recipients int) {
	limits := s.plan.Limits()
	messageBytes, _ = limits.Bytes(s.shared.MaxMessageBytes)
	return messageBytes, limits.Recipients
}

// TooLarge tells the session that a message is refused because it is larger than Limits allow.
func (s *Session) TooLarge() {
	_, by := s.plan.Limits().Bytes(s.shared.MaxMessageBytes)
	s.overLimit(by)
}

// TooMany tells the session that a recipient is refused because the message has as many as Limits allow.
func (s *Session) TooMany() { s.overLimit(s.plan.Limits().RecipientsBy) }

func (s *Session) overLimit(by string) {
	if by != "" {
		s.phase.Refused(by)
	}
}

// Refuse returns the SMTP reply that an address stands for by its own name, or "". Such addresses let a test choose a
// reply without a scenario.
func (s *Session) Refuse(address string) (reply string) {
	reply, ok := fault.AddressReply(address)
	if ok {
		s.phase.Refused(fault.ByAddress)
	}
	return reply
}

// Dropping reports whether the message that has just come will be refused. If so, nobody may store it.
func (s *Session) Dropping() bool { return s.phase.Dropping() }

// Message returns a reader of the message that the engine is about to read, or nil if the engine must read it.
func (s *Session) Message() io.Reader { return s.phase.Message() }

// Arrives returns to whom a message is delivered now, if a scenario changes that: the recipients of each of several
// deliveries. nil means all of them, once.
func (s *Session) Arrives(to []string, in store.Incoming) [][]string {
	if !s.plan.Delivers() {
		return nil
	}
	times := make([][]string, 1)
	for _, recipient := range to {
		f, ok := s.plan.Delivery(recipient)
		switch {
		case !ok:
			times[0] = append(times[0], recipient)
			continue
		case f.Copies == 0:
			s.record.Notice(event.DeliveryLost, f.By)
			continue
		case f.After > 0 && s.shared.Later != nil && s.shared.Later(recipient, f, in):
			s.record.Notice(event.DeliveryLate, f.By)
			continue
		case f.Copies > 1:
			s.record.Notice(event.DeliveryRepeated, f.By)
		}
		for i := range f.Copies {
			if i == len(times) {
				times = append(times, nil)
			}
			times[i] = append(times[i], recipient)
		}
	}
	return times
}

// Stored records that a message is in these places. raw is what the client sent; Stored neither
// changes nor keeps it.
func (s *Session) Stored(from string, places []store.Place, raw []byte) {
	s.record.stored(from, places, raw)
}

// Delivered tells the session that a message has been delivered to a recipient. A scenario may let it bounce.
func (s *Session) Delivered(from, to string, m store.Message) {
	b, ok := s.plan.Bounce(to)
	if ok && s.shared.Bounce != nil && s.shared.Bounce(from, to, b, m) {
		s.record.bounces(from, to, b)
	}
}

// Folders lists how a scenario arranges the folders of the user who has just logged in. An empty list leaves them as
// they are.
func (s *Session) Folders() (out []store.Folder) {
	folders, by := s.plan.Folders()
	for _, folder := range folders {
		out = append(out, store.Folder(folder))
	}
	s.unseen.names = append(s.unseen.names, by)
	return out
}

// Naming returns the form of the mailbox names that the user who has just logged in sees: the delimiter (0 for NIL),
// and the prefix of every name except INBOX.
func (s *Session) Naming() (delimiter byte, prefix string) {
	delimiter, prefix, by, ok := s.plan.Hierarchy()
	if !ok {
		return store.Delimiter, ""
	}
	s.unseen.names = append(s.unseen.names, by)
	return delimiter, prefix
}

// Renumber returns how much higher UIDs are for the user who has just logged in than they are in the store. It is asked
// once for each login, when the client is about to see a UID.
func (s *Session) Renumber() (higher uint32) {
	higher, by := s.plan.Renumber()
	if higher > 0 {
		s.record.renumbered(higher, by)
	}
	return higher
}

// SawNames tells the session that the client is shown mailbox names, or names a mailbox other than INBOX. What a
// scenario made of the names has acted then.
func (s *Session) SawNames() { s.saw(&s.unseen.names) }

// SawInbox tells the session that the client is shown what is in INBOX. What a scenario put there has acted then.
func (s *Session) SawInbox() { s.saw(&s.unseen.inbox) }

func (s *Session) saw(by *[]string) {
	for _, name := range *by {
		s.record.Injected(name)
	}
	*by = nil
}

// Meanwhile returns what another session does to the selected mailbox before the current command: the sequence numbers
// that it expunges, and how many messages it delivers.
func (s *Session) Meanwhile() (expunge []uint32, deliver int) {
	m, by := s.plan.Meanwhile()
	for _, n := range m.Expunge {
		expunge = append(expunge, uint32(n))
	}
	s.record.meanwhile(expunge, m.Deliver, by)
	return expunge, m.Deliver
}

// MuteIdle reports whether the present IDLE stays silent now. It must be asked again after next; 0 means that nothing
// will change.
func (s *Session) MuteIdle() (mute bool, next time.Duration) {
	mute, by, next := s.phase.Mute()
	if by != "" {
		s.record.muted(by)
	}
	return mute, next
}
