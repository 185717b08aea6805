package server

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/store"
	"github.com/mailrig/mailrig/internal/webhook"
	"github.com/mailrig/mailrig/scenarios"
)

// Defaults of a Config.
const (
	DefaultHTTP            = "127.0.0.1:8025"
	DefaultDomain          = "example.test"
	DefaultMaxMessageBytes = 50 << 20
	DefaultMaxConnections  = 10_000
	DefaultKeepSessions    = 1000
)

// LeastMemory is the smallest Config.MaxMemory, in bytes.
const LeastMemory = budget.Least

// What Config.WhenFull says.
const (
	Refuse = "refuse" // mail that has no room gets a temporary failure
	Evict  = "evict"  // the oldest mail of the largest account makes room for it
)

// Config says how to run. The zero value is what `mailrig` does without flags, except that there is no web page.
type Config struct {
	Hosts      []string // addresses to listen on; none means 127.0.0.1 and ::1
	PortOffset string   // "" or "auto": standard ports, or 3000 higher; a number; or "random"
	HTTP       string   // address of the web page and API; "" or "off" means none
	HTTPExact  bool     // the user chose HTTP: don't move to a free port if it is taken
	HTTPS      string   // address of the same page and API inside TLS; "" or "off" means none
	// HTTPLogins are the names and passwords with which a request reaches the web page and the API; none means that
	// anybody may do everything there.
	HTTPLogins []HTTPLogin

	// TokenLifetime is how long an access token lasts that the rig issues; 0 means an hour.
	TokenLifetime time.Duration

	// Mailpit makes the rig take the place of a Mailpit; nil means that it doesn't.
	Mailpit *Mailpit

	Domain    string   // appended to names without "@"; "" means DefaultDomain
	Hostnames []string // more names for the certificate, besides localhost and *.example.test
	Users     []User   // if not empty, only these may log in
	// Auth says which ways to log in are offered, and where: words as in strong, 143:CRAM-MD5, smtp/tls:plain. None means
	// plain. CheckAuth checks them.
	Auth    []string
	SeedDir string // load mail from DIR/user@domain/FOLDER/*.eml
	SeedRaw bool   // keep the line ends of messages from SeedDir; by default, CRLF is put into those that have none
	// CADir is where to keep the CA. "" means in Data, or in memory with its certificate in a temporary file.
	CADir string

	// Data is a directory that keeps the mail between runs, or the URL of a PostgreSQL database, as
	// postgres://user:password@host/database. "" keeps it in memory. One server at a time uses a directory; any number share
	// a database.
	Data         string
	KeepFor      time.Duration // with Data: mail that came longer ago is removed; 0 means never
	KeepMessages int           // with Data: only so many messages are kept, those that came last; 0 means all

	Quota Quota // bounds what an account holds

	// Scenarios are active from the start. With Data, they take the place of those that were active for everybody when the
	// last server ended; nil leaves these active. An empty list that isn't nil makes none active.
	Scenarios []*scenarios.Scenario
	// RandomSeed is the seed of rules with a chance: the same client meets the same at rigs with the same seed. 0 means
	// a new one; Server.RandomSeed tells it.
	RandomSeed uint64
	Grammar    *scenarios.Grammar // of scenarios that come over HTTP; nil means scenarios.Standard

	// Balancers are addresses, or networks such as 10.0.0.0/8, from which every connection to a door begins with the
	// header of the PROXY protocol, version 1 or 2. Sessions then have the client's address.
	Balancers []string

	MaxMessageBytes int64 // in bytes; 0 means DefaultMaxMessageBytes
	MaxConnections  int   // at all doors together; 0 means DefaultMaxConnections
	KeepSessions    int   // how many ended sessions are kept; 0 means DefaultKeepSessions

	// Webhooks are URLs to which each message and each finding is posted as it comes. The server fetches nothing else.
	Webhooks []string

	MaxMemory int64  // bytes that all of it may take; 0 means half of what the machine or its cgroup has, at most 2 GiB
	WhenFull  string // Refuse or Evict; "" means Refuse

	// OnTrouble is called once for each kind of trouble that whoever runs the server must know of and can do something
	// about. It must be quick.
	OnTrouble func(text string)

	Version   string
	Logger    *slog.Logger   // nil is silent
	OnSession func(*Session) // called when a session ends, on its own goroutine; must be quick
	// OnFinding is called with each finding that isn't Good, by one goroutine. Unless the finding's sessions are still
	// open, OnSession has been called with them before. OnFinding must not call Shutdown.
	OnFinding func(Finding)

	protocols []served       // which protocols there are; nil means mailrig's own
	findings  []diagnose.Row // which findings there are; nil means mailrig's own
	store     store.Store    // in place of one in memory
}

// HTTPLogin is a name and a password for the web page and the API (RFC 7617). The name has no colon.
type HTTPLogin struct {
	Name, Password string
	ReadOnly       bool // only GET and HEAD
}

// User is an account that may log in.
type User struct{ Name, Password string }

func (c *Config) fill() error {
	if c.Grammar == nil {
		c.Grammar = scenarios.Standard()
	}
	if c.Domain == "" {
		c.Domain = DefaultDomain
	}
	if c.MaxMessageBytes == 0 {
		c.MaxMessageBytes = DefaultMaxMessageBytes
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = DefaultMaxConnections
	}
	if c.KeepSessions == 0 {
		c.KeepSessions = DefaultKeepSessions
	}
	for c.RandomSeed == 0 {
		c.RandomSeed = uint64(rand.Uint32()) // short enough to be typed
	}
	if c.MaxMemory == 0 {
		c.MaxMemory = budget.Default()
	}
	if c.WhenFull == "" {
		c.WhenFull = Refuse
	}
	if c.protocols == nil {
		c.protocols = product()
	}
	if c.findings == nil {
		c.findings = diagnose.Rows()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.MaxMessageBytes < 0 || c.MaxMessageBytes > 1<<31-1:
		return fmt.Errorf("a maximum message size of %d bytes is out of range; give 1 to %d", c.MaxMessageBytes, 1<<31-1)
	case c.MaxConnections < 0:
		return errors.New("the maximum number of connections is negative; give at least 1, or 0 for the default")
	case c.KeepSessions < 0:
		return errors.New("the number of sessions to keep is negative; give at least 1, or 0 for the default")
	case c.MaxMemory < LeastMemory:
		return fmt.Errorf("%s of memory is too little; give at least %s", budget.FormatSize(c.MaxMemory), budget.FormatSize(LeastMemory))
	case c.WhenFull != Refuse && c.WhenFull != Evict:
		return fmt.Errorf("%q isn't what can be done when memory is full; give %s or %s", c.WhenFull, Refuse, Evict)
	case c.TokenLifetime < 0:
		return errors.New("the lifetime of tokens is negative; give one such as 5s, or 0 for an hour")
	case c.KeepFor < 0 || c.KeepMessages < 0:
		return errors.New("what is kept is negative; give an age or a number of messages above 0, or 0 to keep all mail")
	case c.Data == "" && (c.KeepFor > 0 || c.KeepMessages > 0):
		return errors.New("an age or a number of messages applies only to mail that is kept in a directory; give Data too")
	case strings.ContainsAny(c.Domain, "@ \t\r\n"):
		return fmt.Errorf("%q isn't a domain; give one such as example.test", c.Domain)
	}
	if _, err := door.ParseOffset(c.PortOffset); err != nil {
		return err
	}
	if err := CheckBalancers(c.Balancers); err != nil {
		return err
	}
	if err := c.Mailpit.fill(); err != nil {
		return err
	}
	for _, hook := range c.Webhooks {
		if err := webhook.Check(hook); err != nil {
			return err
		}
	}
	for _, u := range c.Users {
		if u.Name == "" || u.Password == "" || strings.ContainsAny(u.Name, " \t\r\n\x00") {
			return fmt.Errorf("user %q needs a name without spaces and a password that isn't empty", u.Name)
		}
	}
	for _, l := range c.HTTPLogins {
		if l.Name == "" || l.Password == "" || strings.ContainsFunc(l.Name+l.Password, unicode.IsControl) || strings.Contains(l.Name, ":") { // RFC 7617 section 2
			return fmt.Errorf("the login %q for the web page needs a name without a colon and a password, both without control characters", l.Name)
		}
	}
	if err := CheckData(c.Data); err != nil {
		return err
	}
	if err := c.Quota.check(); err != nil {
		return err
	}
	if _, err := c.offer(); err != nil {
		return err
	}
	if c.SeedDir != "" {
		switch info, err := os.Stat(c.SeedDir); {
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("the seed directory %s doesn't exist; create it with user@domain/INBOX/*.eml inside", c.SeedDir)
		case err != nil:
			return fmt.Errorf("read the seed directory: %w", err)
		case !info.IsDir():
			return fmt.Errorf("%s isn't a directory; a seed directory has user@domain/INBOX/*.eml inside", c.SeedDir)
		}
	}
	return nil
}
