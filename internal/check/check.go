// Package check examines a mail server from outside, as a careful client would, and says what a person needs to know:
// which doors answer, what they speak, whether their encryption holds, which settings to type into a client, and what
// is wrong.
//
// [Run] examines all doors at the same time and takes a bounded time. At each door it does what a client does
// (open.go): it connects on IPv4 and IPv6 (dial.go), reads the greeting, asks for the capabilities, begins TLS (tls.go,
// cert.go), and asks for the capabilities again. If it can't go on, it says why. It tries a second time if that tells
// more: with TLS at a port that stays silent, with outdated TLS at a port whose handshake fails. Each protocol has one
// file (smtp.go, imap.go, pop3.go). Then it chooses settings (settings.go), logs in if asked to (login.go; words in
// refusal.go), sends a message to itself if asked to (send.go), and lists what is wrong, each with one piece of advice
// (advice.go).
//
// It is careful in three ways. It sends a password only through TLS with a certificate that verifies, unless the caller
// allows otherwise. It tries the password once for each protocol, and not again after a refusal, because servers lock
// accounts. It bounds everything that the server sends (wire.go), and cleans it before it gets into the report.
//
// Report.Recorded hands out what a server said, for a scenario (tape.go).
//
// To report something else that can be wrong, add its words in advice.go. Codes and field names are public;
// docs/check.md lists them. The command is cmd/mailrig/check.go.
//
// RFC 3207, 2595, 8314 (TLS for mail), 5321, 4954 (SMTP), 9051, 5530 (IMAP), 1939, 2449 (POP3), 9525 (names in
// certificates).
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

// Wish says which kind of encryption the caller wants for a protocol.
type Wish string

// The wishes.
const (
	Any      Wish = "any"      // examine all doors, and recommend the best
	TLS      Wish = "tls"      // only doors with TLS from the first byte
	STARTTLS Wish = "starttls" // only doors with STARTTLS
	Plain    Wish = "plain"    // the same doors, without encryption
	Off      Wish = "off"      // don't examine
)

// Defaults of Options.
const (
	DefaultTimeout     = 5 * time.Second
	DefaultSendTimeout = time.Minute
)

// Options say what to examine and what is allowed. Host is required; the rest may be left out.
type Options struct {
	Host   string                 // the name that a person would type into a client
	Doors  []Target               // where the doors are; nil means all, at their standard ports on Host
	Wishes map[door.Protocol]Wish // a missing protocol means Any
	Roots  []*x509.Certificate    // CAs to trust besides the system's

	User     string // "" means no login
	Password string

	AllowPlainLogin     bool // allow sending the password in clear
	AllowUntrustedLogin bool // allow sending it to a server whose certificate doesn't verify
	AllLogins           bool // log in once at each door, rather than once for each protocol

	Record bool // also ask, after a login, for what Report.Recorded needs

	Send        bool          // send a message from Address to itself, and wait for it
	Address     string        // "" means User
	SendTimeout time.Duration // how long to wait for it; 0 means DefaultSendTimeout

	Timeout time.Duration // for each wait; a door takes three at most; 0 means DefaultTimeout
	Now     func() time.Time
	Resolve func(ctx context.Context, host string) ([]netip.Addr, error) // nil means the system's resolver
}

// Target says where a door really is.
type Target struct {
	door.Door
	Host string // "" means Options.Host
	At   int    // its port; 0 means the standard one
}

// Targets returns all doors with an offset added to their port numbers.
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
	pool     *x509.CertPool // nil means the system's
	noSystem error          // why the system's CAs can't be read
}

// Run examines the server. When ctx ends, it stops at once and reports what is known.
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

// wanted reports whether to examine a door.
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

// target returns where a door is.
func (c *checker) target(d *Door) Target {
	for _, t := range c.Doors {
		if t.Port == d.Port {
			return t
		}
	}
	return Target{}
}

// hostPort returns where to connect.
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

// bounded returns a context for one wait.
func (c *checker) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, c.Timeout)
}

func joined(host, port string) string { return net.JoinHostPort(host, port) }
