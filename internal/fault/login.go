package fault

import (
	"fmt"
	"strings"
	"sync"

	"github.com/mailrig/mailrig/internal/identity"
)

// Login refuses logins: by the name of a usual refusal, or with a reply for each
// protocol. Without a reply for a protocol, its logins go through.
type Login struct {
	SMTP string `yaml:"smtp" doc:"the SMTP reply, like 535 5.7.8 Authentication credentials invalid"`
	IMAP string `yaml:"imap" doc:"the IMAP status, like NO [AUTHENTICATIONFAILED] Authentication failed"`
	POP3 string `yaml:"pop3" doc:"the POP3 status, like -ERR [AUTH] Authentication failed"`
}

// UnmarshalText reads the name of a refusal.
func (f *Login) UnmarshalText(b []byte) error {
	r, ok := identity.Named(string(b))
	if !ok {
		return fmt.Errorf("%w; or give the replies: {smtp: …, imap: …, pop3: …}", &ValueError{string(b), identity.Names()})
	}
	f.SMTP, f.IMAP, f.POP3 = r.SMTP, r.IMAP, r.POP3
	return nil
}

// Validate checks the form of each reply; a refusal must refuse.
func (f *Login) Validate() error {
	if err := checkReplies(f.SMTP, f.IMAP, f.POP3); err != nil {
		return err
	}
	if r, err := identity.ParseSMTP(f.SMTP); err == nil && r.Code < 400 {
		return fmt.Errorf("smtp: %q wouldn't refuse the login; give a code from 400 to 599", f.SMTP)
	}
	if strings.HasPrefix(f.IMAP, "OK") {
		return fmt.Errorf("imap: %q wouldn't refuse the login", f.IMAP)
	}
	if strings.HasPrefix(f.POP3, "+OK") {
		return fmt.Errorf("pop3: %q wouldn't refuse the login", f.POP3)
	}
	return nil
}

func (f *Login) login(c *Conn, _ identity.Attempt) *identity.Refusal {
	if byProtocol(c.Protocol, f.SMTP, f.IMAP, f.POP3) == "" {
		return nil
	}
	return &identity.Refusal{SMTP: f.SMTP, IMAP: f.IMAP, POP3: f.POP3}
}

// LimitConnections refuses logins of a user who is logged in on Max connections
// of the doors that the rule matches. The count is real: a connection that ends
// makes room.
type LimitConnections struct {
	Max  int    `yaml:"max" doc:"how many connections a user may have, 0 or more"`
	SMTP string `yaml:"smtp" doc:"the SMTP reply; 421 4.7.0 … when left out"`
	IMAP string `yaml:"imap" doc:"the IMAP status; NO [LIMIT] … when left out"`
	POP3 string `yaml:"pop3" doc:"the POP3 status; -ERR [SYS/TEMP] … when left out"`

	mu      sync.Mutex
	live    map[string]int   // connections by user
	holders map[*Conn]string // whose place a connection has
}

// Validate fills in the usual replies and checks the bounds.
func (f *LimitConnections) Validate() error {
	if f.Max < 0 {
		return fmt.Errorf("max: can't be negative")
	}
	d := identity.TooManyConnections
	for _, r := range []struct {
		p *string
		d string
	}{{&f.SMTP, d.SMTP}, {&f.IMAP, d.IMAP}, {&f.POP3, d.POP3}} {
		if *r.p == "" {
			*r.p = r.d
		}
	}
	return (&Login{f.SMTP, f.IMAP, f.POP3}).Validate()
}

// fresh gives each activation of a scenario a count of its own.
func (f *LimitConnections) fresh() any {
	return &LimitConnections{Max: f.Max, SMTP: f.SMTP, IMAP: f.IMAP, POP3: f.POP3, live: map[string]int{}, holders: map[*Conn]string{}}
}

func (f *LimitConnections) admit(c *Conn, a identity.Attempt) *identity.Refusal {
	user := strings.ToLower(a.User)
	f.mu.Lock()
	defer f.mu.Unlock()
	if before, ok := f.holders[c]; ok {
		f.live[before]-- // a second login on one connection gives the first one's place back
		delete(f.holders, c)
	} else {
		c.leave = append(c.leave, func() { f.release(c) })
	}
	if f.live[user] >= f.Max {
		return &identity.Refusal{SMTP: f.SMTP, IMAP: f.IMAP, POP3: f.POP3}
	}
	f.live[user]++
	f.holders[c] = user
	return nil
}

func (f *LimitConnections) release(c *Conn) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if user, ok := f.holders[c]; ok {
		f.live[user]--
		delete(f.holders, c)
	}
}
