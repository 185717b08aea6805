package fault

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

// RateLimit refuses a command that comes too often. The count is real, over a
// window that slides; "per" keeps it for each user, client, connection or envelope.
type RateLimit struct {
	Max    int           `yaml:"max" doc:"how many may come within the time, 0 or more"`
	Within time.Duration `yaml:"within" doc:"the time, like 1m"`
	SMTP   string        `yaml:"smtp" doc:"the SMTP reply; 421 4.7.0 … when left out"`
	IMAP   string        `yaml:"imap" doc:"the IMAP status; NO [LIMIT] … when left out"`
	POP3   string        `yaml:"pop3" doc:"the POP3 status; -ERR [SYS/TEMP] … when left out"`

	mu   sync.Mutex
	came map[string][]time.Time
}

// Validate fills in the usual replies and checks the bounds.
func (f *RateLimit) Validate() error {
	if f.Max < 0 || f.Max > 100_000 {
		return errors.New("max: give 0 to 100000")
	}
	if f.Within <= 0 || f.Within > 24*time.Hour {
		return errors.New("within: give a time of at most a day, like 1m")
	}
	if f.SMTP == "" {
		f.SMTP = "421 4.7.0 Try again later, closing connection."
	}
	if f.IMAP == "" {
		f.IMAP = "NO [LIMIT] Rate limit exceeded, try again later"
	}
	if f.POP3 == "" {
		f.POP3 = "-ERR [SYS/TEMP] Rate limit exceeded, try again later"
	}
	return checkReplies(f.SMTP, f.IMAP, f.POP3)
}

func (f *RateLimit) fresh() any {
	return &RateLimit{Max: f.Max, Within: f.Within, SMTP: f.SMTP, IMAP: f.IMAP, POP3: f.POP3, came: map[string][]time.Time{}}
}

func (f *RateLimit) command(a *Action, c *Conn, r *rule) bool {
	now := time.Now()
	key := c.key(r.Per)
	if r.Per == PerConnection {
		key = fmt.Sprintf("%p", c)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	recent := f.came[key]
	for len(recent) > 0 && now.Sub(recent[0]) > f.Within {
		recent = recent[1:]
	}
	if len(recent) < f.Max {
		f.came[key] = append(recent, now)
		return false
	}
	f.came[key] = recent
	a.Reply = byProtocol(c.Protocol, f.SMTP, f.IMAP, f.POP3)
	return true
}

// CheckRule wants to know what is counted.
func (f *RateLimit) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("rate-limit: say which command is counted, like match: {command: MAIL}")
	}
	if r.Skip > 0 || r.Times > 0 {
		return errors.New("rate-limit: counts by itself; skip and times can't be used with it")
	}
	return nil
}

// Greylist defers a delivery until the same sender, recipient and client try again
// after a while (RFC 6647). It remembers: whoever has passed once passes again.
type Greylist struct {
	Wait time.Duration `yaml:"wait" doc:"how long the client must wait, like 5s"`
	SMTP string        `yaml:"smtp" doc:"the reply; 451 4.7.1 Greylisted, … when left out"`

	mu    sync.Mutex
	first map[string]time.Time
}

// Validate fills in the usual reply and checks the bounds.
func (f *Greylist) Validate() error {
	if f.Wait < 0 || f.Wait > time.Hour {
		return errors.New("wait: give a time of at most an hour, like 5s")
	}
	if f.SMTP == "" {
		f.SMTP = "451 4.7.1 Greylisted, please try again in " + strconv.Itoa(int(f.Wait.Seconds()+0.999)) + " seconds"
	}
	return checkReplies(f.SMTP, "", "")
}

func (f *Greylist) fresh() any {
	return &Greylist{Wait: f.Wait, SMTP: f.SMTP, first: map[string]time.Time{}}
}

func (f *Greylist) command(a *Action, c *Conn, _ *rule) bool {
	if c.Event.Command != "RCPT" {
		return false
	}
	now, key := time.Now(), strings.ToLower(c.key(PerEnvelope))
	f.mu.Lock()
	defer f.mu.Unlock()
	first, known := f.first[key]
	if !known {
		f.first[key] = now
	} else if now.Sub(first) >= f.Wait {
		return false
	}
	a.Reply = f.SMTP
	return true
}

// CheckRule refuses what the fault decides by itself.
func (f *Greylist) CheckRule(r *Rule) error {
	if len(r.Match.Command) > 0 || r.Skip > 0 || r.Times > 0 || r.Per != PerScenario {
		return errors.New("greylist: acts on RCPT and remembers by itself; command, skip, times and per can't be used with it")
	}
	return nil
}
