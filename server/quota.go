package server

import (
	"errors"
	"fmt"
	"strings"

	"github.com/mailrig/mailrig/internal/budget"
	"github.com/mailrig/mailrig/internal/store/quota"
)

// Quota says how many bytes the messages of an account may have together. SMTP then answers 452 4.2.2 to mail for an account
// that is full, and IMAP offers QUOTA (RFC 2087) and answers NO [OVERQUOTA]. Mail from SeedDir isn't counted against it. The
// zero value bounds nothing.
type Quota struct {
	Each int64            // bytes, of accounts that Of doesn't name; 0 means no bound
	Of   map[string]int64 // bytes, by user; 0 means no bound
}

// Any reports whether some account has a bound.
func (q Quota) Any() bool { return quota.Limits(q).Any() }

// Set reads a bound as it is typed: 50MB for every account, or alice@example.test=1MB for one. 0 means no bound.
func (q *Quota) Set(text string) error {
	user, size, one := strings.Cut(text, "=")
	if !one {
		size = user
	}
	bytes := int64(0)
	if size != "0" {
		var err error
		if bytes, err = budget.ParseSize(size); err != nil {
			return err
		}
	}
	switch {
	case !one:
		q.Each = bytes
		return nil
	case user == "" || strings.ContainsAny(user, " \t\r\n\x00"):
		return fmt.Errorf("%q names no user; give a bound such as alice@example.test=1MB", text)
	case q.Of == nil:
		q.Of = map[string]int64{}
	}
	q.Of[user] = bytes
	return nil
}

func (q Quota) check() error {
	for _, n := range q.Of {
		if n < 0 {
			return errors.New("a quota is negative; give a number of bytes, or 0 for none")
		}
	}
	if q.Each < 0 {
		return errors.New("the quota is negative; give a number of bytes, or 0 for none")
	}
	return nil
}

// quotas returns the bounds by canonical addresses.
func (c *Config) quotas(address func(user string) string) quota.Limits {
	limits := quota.Limits{Each: c.Quota.Each, Of: map[string]int64{}}
	for user, n := range c.Quota.Of {
		limits.Of[address(user)] = n
	}
	return limits
}
