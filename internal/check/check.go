// Package check looks at a mail server from outside, as a careful client would, and
// says what a person needs to know: which doors answer, what they speak, whether
// their encryption holds, which settings to type into a client, and what is wrong.
//
// [Run] looks at all doors at once and takes a bounded time. For each door it goes
// the way of a client (open.go): connect on IPv4 and IPv6 (dial.go), greeting,
// capabilities, STARTTLS or TLS (tls.go, cert.go), capabilities again. Where the way
// ends it says why, and looks a second time when that tells more: with TLS at a port
// that stays silent, with outdated TLS at one whose handshake fails. The three
// protocols are one file each (smtp.go, imap.go, pop3.go). Then it chooses settings
// (settings.go), logs in if it is asked to (login.go, words in refusal.go), sends a
// message to itself if it is asked to (send.go), and writes down what is wrong with
// one piece of advice for each (advice.go).
//
// It is careful in three ways. A password goes only through TLS with a certificate
// that verifies, unless the caller says otherwise. It is tried once for each
// protocol, and no more once it was refused, because accounts get locked. Whatever
// the server sends is bounded (wire.go), and cleaned before it gets into the report.
//
// To add something that can be wrong, add its words in advice.go; codes and field
// names are public, docs/check.md lists them. The command is cmd/mailrig/check.go.
//
// RFC 3207, 2595, 8314 (TLS for mail), 5321, 4954 (SMTP), 9051, 5530 (IMAP), 1939,
// 2449 (POP3), 9525 (names in certificates).
package check

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/door"
)

// Wish is which kind of encryption the caller wants to have for a protocol.
type Wish string

// The wishes.
const (
	Any      Wish = "any"      // look at all doors, recommend the best
	TLS      Wish = "tls"      // only doors with TLS from the first byte
	STARTTLS Wish = "starttls" // only doors with STARTTLS
	Plain    Wish = "plain"    // the same doors, without encryption
	Off      Wish = "off"      // don't look
)

// Defaults of Options.
const (
	DefaultTimeout     = 5 * time.Second
	DefaultSendTimeout = time.Minute
)

// Options says what to look at, and what is allowed. Host is needed, the rest may be
// left out.
type Options struct {
	Host   string                 // the name that a person would type into a client
	Doors  []Target               // where the doors are; nil: all, at their standard ports on Host
	Wishes map[door.Protocol]Wish // missing: Any
	Roots  []*x509.Certificate    // CAs to trust besides the system's

	User     string // "": no login
	Password string

	AllowPlainLogin     bool // the password may go in clear
	AllowUntrustedLogin bool // it may go to a server whose certificate doesn't verify
	AllLogins           bool // one login at each door instead of one for each protocol

	Send        bool          // send a message from Address to itself, and wait for it
	Address     string        // "": User
	SendTimeout time.Duration // how long to wait for it; 0: DefaultSendTimeout

	Timeout time.Duration // for each wait; a door takes at most three; 0: DefaultTimeout
	Now     func() time.Time
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error) // nil: the system's
}

// Target is a door and where it really is.
type Target struct {
	door.Door
	Host string // "": Options.Host
	At   int    // its port; 0: the standard one
}

// Targets are all doors with an offset added to their numbers.
func Targets(offset int) []Target {
	var all []Target
	for _, d := range door.All() {
		all = append(all, Target{Door: d, At: d.Port + offset})
	}
	return all
}

// checker is one check.
type checker struct {
	Options
	pool     *x509.CertPool // nil: the system's
	noSystem error          // why the system's CAs can't be read
}

// Run looks at the server. When ctx ends it stops at once and reports what is known.
func Run(ctx context.Context, o Options) *Report {
	c := newChecker(o)
	began := c.Now()
	r := &Report{Host: clean(c.Host), Checked: began.UTC().Truncate(time.Second), User: clean(c.User), Doors: []*Door{}}

	var wg sync.WaitGroup
	for _, t := range c.Doors {
		if !c.wanted(t.Door) {
			continue
		}
		d := newDoor(t)
		r.Doors = append(r.Doors, d)
		wg.Go(func() { c.look(ctx, t, d) })
	}
	wg.Wait()

	c.choose(r)
	if c.User != "" {
		c.logins(ctx, r)
	}
	r.Interrupted = ctx.Err() != nil
	c.advise(r)
	r.Seconds = c.Now().Sub(began).Seconds()
	return r
}

func newChecker(o Options) *checker {
	c := &checker{Options: o}
	if c.Doors == nil {
		c.Doors = Targets(0)
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.SendTimeout <= 0 {
		c.SendTimeout = DefaultSendTimeout
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Resolve == nil {
		c.Resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	if c.Address == "" {
		c.Address = c.User
	}
	c.pool, c.noSystem = x509.SystemCertPool()
	if c.noSystem != nil {
		c.pool = x509.NewCertPool()
	}
	for _, ca := range c.Roots {
		c.pool.AddCert(ca)
	}
	return c
}

func (c *checker) wish(p door.Protocol) Wish {
	if w := c.Wishes[p]; w != "" {
		return w
	}
	return Any
}

// wanted tells whether a door is to be looked at.
func (c *checker) wanted(d door.Door) bool {
	switch c.wish(d.Protocol) {
	case Off:
		return false
	case TLS:
		return d.Security == door.TLS
	case STARTTLS, Plain:
		return d.Security != door.TLS
	default:
		return true
	}
}

// target is where a door is.
func (c *checker) target(d *Door) Target {
	for _, t := range c.Doors {
		if t.Port == d.Port {
			return t
		}
	}
	return Target{}
}

// hostPort is where to connect to.
func (c *checker) hostPort(t Target) (host, port string) {
	host = t.Host
	if host == "" {
		host = c.Host
	}
	at := t.At
	if at == 0 {
		at = t.Port
	}
	return host, strconv.Itoa(at)
}

// bounded is a context for one wait.
func (c *checker) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.Timeout)
}

func joined(host, port string) string { return net.JoinHostPort(host, port) }
