package imapd

import (
	"context"
	"fmt"
	"strings"

	"github.com/emersion/go-imap/v2"

	"github.com/mailrig/mailrig/internal/store"
)

// Quota bounds how many bytes an account may hold (RFC 2087). Package quota has the real one.
type Quota interface {
	// Usage returns how many bytes an account holds, and its bound: 0 means that it has none.
	Usage(ctx context.Context, account string) (used, limit int64, err error)
	// Reserve makes sure that an account has room for so many bytes until release is called, which must be once the store
	// has answered. It returns store.ErrOverQuota if there is no room.
	Reserve(ctx context.Context, account string, bytes int64) (release func(), err error)
}

// reserve reserves room for what the client adds to its account. The error is a reply.
func (s *session) reserve(bytes int64) (release func(), err error) {
	if s.cfg.Quota == nil {
		return func() {}, nil
	}
	release, err = s.cfg.Quota.Reserve(s.ctx(), s.account, bytes)
	return release, refused(err)
}

// reserveFor reserves room for copies of messages in the selected mailbox.
func (s *session) reserveFor(uids []store.UID) (release func(), err error) {
	if s.cfg.Quota == nil {
		return func() {}, nil
	}
	entries, err := s.cfg.Store.Entries(s.ctx(), s.view.Mailbox().ID, uids)
	if err != nil {
		return nil, refused(err)
	}
	var bytes int64
	for i := range entries {
		bytes += entries[i].Message.Size()
	}
	return s.reserve(bytes)
}

// root is the name of the only quota root: the whole account (RFC 2087 section 2).
const root = `""`

// quotaCommands returns the commands of RFC 2087, which go before those that say that there is no quota.
func quotaCommands(q Quota) []Command {
	show := func(ctx context.Context, c *Call) error {
		used, limit, err := q.Usage(ctx, c.Account)
		if err != nil {
			return err
		}
		resources := ""
		if limit > 0 {
			resources = fmt.Sprintf("STORAGE %d %d", kibibytes(used), kibibytes(limit))
		}
		return c.Untagged("QUOTA " + root + " (" + resources + ")")
	}
	return []Command{
		{"GETQUOTA", "QUOTA", LoggedIn, func(ctx context.Context, c *Call) error {
			switch name, err := c.name("a quota root"); {
			case err != nil:
				return err
			case name != "":
				return no(imap.ResponseCodeNonExistent, "There is no such quota root; the only one is "+root)
			}
			return show(ctx, c)
		}},
		{"GETQUOTAROOT", "QUOTA", LoggedIn, func(ctx context.Context, c *Call) error {
			name, err := c.name("a mailbox") // which need not exist (RFC 9208 section 4.1.2)
			if err != nil {
				return err
			}
			if err := c.Untagged("QUOTAROOT " + quote(name) + " " + root); err != nil {
				return err
			}
			return show(ctx, c)
		}},
		{"SETQUOTA", "QUOTA", LoggedIn, func(context.Context, *Call) error {
			return no(imap.ResponseCodeNoPerm, "Only --quota sets a quota here")
		}},
	}
}

// kibibytes returns a size in the unit of STORAGE, 1,024 bytes, rounded up (RFC 2087 section 3).
func kibibytes(bytes int64) int64 { return (bytes + 1023) / 1024 }

// name returns the only argument of a command.
func (c *Call) name(what string) (string, error) {
	values, err := c.Arguments()
	if err != nil {
		return "", err
	}
	if len(values) != 1 || values[0].Kind == List {
		return "", bad("Syntax error: give " + what)
	}
	return values[0].Text, nil
}

// quote writes a mailbox name as the client wrote it: quoted, or as a literal if it can't be quoted (RFC 3501 section 9).
func quote(name string) string {
	if strings.ContainsAny(name, "\r\n\x00") || strings.ContainsFunc(name, func(c rune) bool { return c > 0x7e }) {
		return fmt.Sprintf("{%d}\r\n%s", len(name), name)
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}
