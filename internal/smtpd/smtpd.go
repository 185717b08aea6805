// Package smtpd connects the SMTP engine (go-smtp) to the mailboxes in internal/store: sessions, logins, delivery, and
// trace header fields (RFC 5321 section 4.4).
//
// The server calls Serve for each phase of a connection, so what a door requires (TLS first, login first) can differ
// from connection to connection. The engine always believes that it is in clear text: the gate below it does TLS.
// Faults don't belong here. What a scenario decides comes from Config.Session. To change what the engine may ask, add a
// method to Session, and implement it in package session.
package smtpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/mailrig/mailrig/internal/identity"
	"github.com/mailrig/mailrig/internal/oneconn"
	proto "github.com/mailrig/mailrig/internal/protocol/smtp"
	"github.com/mailrig/mailrig/internal/spool"
	"github.com/mailrig/mailrig/internal/store"
)

// MaxRecipients is how many recipients one message may have. RFC 5321 section 4.5.3.1.8 requires at least 100.
const MaxRecipients = 1000

// Config is what one phase of a connection needs.
type Config struct {
	Session Session
	Store   store.Store
	Spool   spool.Room // where messages are while they arrive
	Quota   Quota      // bounds what an account holds; nil has no bound. Store keeps it
	Domain  string     // the server's name, for the greeting and the trace header fields
	// Queued returns what the reply to a message that was delivered says behind 250 2.0.0. nil means the engine's words.
	Queued func(store.Message) string
	Logger *slog.Logger
}

// Quota bounds how many bytes an account may hold. Package quota has the real one, whose store keeps the bound.
type Quota interface {
	// Full reports whether an account has no room for anything.
	Full(ctx context.Context, account string) (bool, error)
}

// Session is the connection that a phase belongs to. It knows who the client is and what the client may do. Package
// session has the real one.
type Session interface {
	// Context ends with the connection.
	Context() context.Context
	ID() string // the connection's id, kept with each message

	// Secure reports whether the client's bytes come through TLS.
	Secure() bool
	// NeedsTLS reports whether AUTH and MAIL are refused until TLS is up (RFC 3207 section 4).
	NeedsTLS() bool
	// NeedsLogin reports whether MAIL is refused until the client has logged in (RFC 6409 section 4.3).
	NeedsLogin() bool

	// Mechanisms returns the current names for AUTH.
	Mechanisms() []string
	// Authenticate begins an exchange. If the login is refused, its Next returns a *identity.Refusal. An error says
	// that the mechanism isn't advertised.
	Authenticate(mechanism string) (sasl.Server, error)
	// User returns who has logged in, or "".
	User() string

	// Limits returns the limits on a message from the current user: its size in bytes without the trace header fields,
	// and its number of recipients. 0 recipients means MaxRecipients.
	Limits() (messageBytes int64, recipients int)
	// TooLarge and TooMany are called before a message or a recipient is refused because of Limits.
	TooLarge()
	TooMany()
	// Refuse returns the reply that refuses this sender or recipient, or "".
	Refuse(address string) (reply string)
	// Message returns a reader of the message that the engine is about to read, without what was added to it on the
	// way. It returns nil if the engine's own reader must do. The engine then reads an empty message.
	Message() io.Reader
	// Dropping reports whether somebody else will refuse the message that has just come. If so, it must not be stored.
	Dropping() bool

	// Arrives returns to whom the message is delivered now, if that isn't as usual: the recipients of each of several
	// deliveries, of which the first is what the client is told about. It sees to what is delivered later. nil means as
	// usual.
	Arrives(to []string, in store.Incoming) [][]string
	// Stored is called for each message once it is in these places. message has no trace header fields. Stored must
	// neither change nor keep it.
	Stored(from string, places []store.Place, message []byte)
	// Delivered is called for each recipient to whom a message has been delivered.
	Delivered(from, to string, m store.Message)
}

// Serve starts an engine on conn and returns. The engine closes conn when it is done with it.
func Serve(conn net.Conn, cfg Config) {
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{cfg: cfg, Session: cfg.Session, conn: c}, nil
	}))
	s.Domain = cfg.Domain
	s.MaxRecipients = MaxRecipients
	if _, fewer := cfg.Session.Limits(); fewer > 0 {
		s.MaxRecipients = fewer
	}
	s.MaxMessageBytes = 0 // the engine would refuse a message of exactly the limit; Mail and Data enforce it
	s.MaxLineLength = 0   // the engine would count it inside DATA too; the gate limits command lines
	s.AllowInsecureAuth = true
	s.EnableSMTPUTF8 = true
	s.EnableBINARYMIME = true
	s.ErrorLog = errorLog{cfg.Logger}
	_ = s.Serve(oneconn.New(conn)) // always net.ErrClosed: there is no second connection
}

// errorLog receives the engine's log. A client that leaves isn't worth a line.
type errorLog struct{ log *slog.Logger }

func (e errorLog) Printf(format string, v ...any) {
	if e.log != nil {
		e.log.Debug(fmt.Sprintf(format, v...), "engine", "smtp")
	}
}
func (e errorLog) Println(v ...any) { e.Printf("%s", fmt.Sprint(v...)) }

var (
	errTLSFirst = &smtp.SMTPError{ // RFC 3207 section 4
		Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Must issue a STARTTLS command first",
	}
	errLoginFirst = &smtp.SMTPError{ // RFC 4954 section 6
		Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required",
	}
	errTooLarge = &smtp.SMTPError{
		Code: 552, EnhancedCode: smtp.EnhancedCode{5, 3, 4}, Message: "Message size exceeds fixed maximum message size",
	}
	errNested = &smtp.SMTPError{ // RFC 5321 section 4.1.4: one MAIL per transaction
		Code: 503, EnhancedCode: smtp.EnhancedCode{5, 5, 1}, Message: "A transaction has begun already; send RSET to give it up",
	}
	errNoTransaction = &smtp.SMTPError{ // RFC 5321 section 4.1.4
		Code: 503, EnhancedCode: smtp.EnhancedCode{5, 5, 1}, Message: "Send MAIL first",
	}
	errAuthInside = &smtp.SMTPError{ // RFC 4954 section 4
		Code: 503, EnhancedCode: smtp.EnhancedCode{5, 5, 1}, Message: "AUTH isn't possible in a transaction",
	}
	errFull = &smtp.SMTPError{
		Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "Insufficient system storage",
	}
	errOverQuota = &smtp.SMTPError{ // RFC 3463 section 3.3: X.2.2, a mailbox that is full; persistent, and worth another try
		Code: 452, EnhancedCode: smtp.EnhancedCode{4, 2, 2}, Message: "The mailbox is full",
	}
	errNotNow = &smtp.SMTPError{
		Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 2}, Message: "The message store takes no messages at present, try again later",
	}
	errStore = &smtp.SMTPError{
		Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "The message store failed, try again later",
	}
	errMechanism = &smtp.SMTPError{ // RFC 4954 section 4
		Code: 504, EnhancedCode: smtp.EnhancedCode{5, 5, 4}, Message: "Unrecognized authentication type",
	}
	errMalformed = &smtp.SMTPError{ // RFC 4954 section 4
		Code: 501, EnhancedCode: smtp.EnhancedCode{5, 5, 2}, Message: "Malformed authentication response",
	}
)

// session is one SMTP session: from EHLO to QUIT or STARTTLS.
type session struct {
	Session
	cfg  Config
	conn *smtp.Conn

	mu   sync.Mutex   // the engine delivers BDAT from another goroutine
	tx   *transaction // nil: no MAIL yet
	sent int          // how many messages this session has sent, for their trace ids
}

// transaction is one MAIL and what follows. It doesn't change any more once its message comes.
type transaction struct {
	from string
	to   []string
	size int64 // as announced; 0 if unknown
	id   int   // number of the message in this session
}

// AuthMechanisms returns nothing if TLS must come first, so that a client isn't tempted to log in (RFC 4954 section 4).
func (s *session) AuthMechanisms() []string {
	if s.NeedsTLS() {
		return nil
	}
	return s.Mechanisms()
}

func (s *session) Auth(mech string) (sasl.Server, error) {
	switch {
	case s.current() != nil:
		return nil, errAuthInside
	case s.NeedsTLS():
		return nil, errTLSFirst
	}
	server, err := s.Authenticate(mech)
	if err != nil {
		return nil, errMechanism
	}
	return exchange{server}, nil
}

// exchange gives the engine errors that it can express.
type exchange struct{ sasl.Server }

func (e exchange) Next(response []byte) (challenge []byte, done bool, err error) {
	challenge, done, err = e.Server.Next(response)
	if no := (*identity.Refusal)(nil); errors.As(err, &no) {
		err = refusal(no)
	} else if err != nil {
		err = errMalformed
	}
	return challenge, done, err
}

func refusal(r *identity.Refusal) error {
	return smtpError(r.Reply(proto.Protocol))
}

// smtpError turns a reply's text into an error for the engine. The text must be a valid reply.
func smtpError(text string) error {
	reply, err := proto.Parse(text)
	if err != nil {
		return err
	}
	e := &smtp.SMTPError{Code: reply.Code, EnhancedCode: smtp.EnhancedCode(reply.Enhanced), Message: reply.Text}
	switch lines := strings.Split(reply.Text, "\n"); {
	case reply.Enhanced == [3]int{}:
		e.EnhancedCode = smtp.NoEnhancedCode
	case len(lines) > 1: // RFC 2034 section 4: on each line; the engine puts it only on the last
		e.EnhancedCode = smtp.NoEnhancedCode
		status := fmt.Sprintf("%d.%d.%d ", reply.Enhanced[0], reply.Enhanced[1], reply.Enhanced[2])
		e.Message = status + strings.Join(lines, "\n"+status)
	}
	return e
}

// Mail begins a transaction. The framing keeps the order of commands (package protocol/smtp). The engine by itself lets
// a second MAIL through and keeps the first one's recipients. Mail, Rcpt and Auth refuse what would contradict their own
// transaction, so that nothing is acknowledged that they don't know of.
func (s *session) Mail(from string, opts *smtp.MailOptions) error {
	switch {
	case s.current() != nil:
		return errNested
	case s.NeedsTLS():
		return errTLSFirst
	case s.NeedsLogin():
		return errLoginFirst
	}
	if err := s.refused(from); err != nil {
		return err
	}
	if maxBytes, _ := s.Limits(); opts != nil && opts.Size > maxBytes {
		s.TooLarge()
		return errTooLarge // RFC 1870 section 6.1
	}
	tx := &transaction{from: from}
	if opts != nil {
		tx.size = opts.Size
	}
	s.set(tx)
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	tx := s.current()
	if tx == nil {
		return errNoTransaction
	}
	if err := s.refused(to); err != nil {
		return err
	}
	if _, most := s.Limits(); most > 0 && len(tx.to) >= most {
		s.TooMany()
		return smtpError(fmt.Sprintf("452 4.5.3 Maximum limit of %d recipients reached", most))
	}
	if s.full(to) {
		return errOverQuota
	}
	tx.to = append(tx.to, to)
	return nil
}

// full reports whether a recipient's account has no room for anything. If the store fails, its failure is answered when the
// message has come.
func (s *session) full(to string) bool {
	if s.cfg.Quota == nil {
		return false
	}
	full, err := s.cfg.Quota.Full(s.Context(), s.cfg.Store.Address(to))
	return err == nil && full
}

func (s *session) refused(address string) error {
	if text := s.Refuse(address); text != "" {
		return smtpError(text)
	}
	return nil
}

func (s *session) Reset() { s.set(nil) }

func (s *session) set(tx *transaction) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tx = tx
}

func (s *session) current() *transaction {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tx
}

func (s *session) Logout() error { return nil }
