package fault

import (
	"fmt"
	"strings"

	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/protocol"
)

// attribute matches a special use: a backslash and a word.
var attribute = lazyregexp.New(`^\\[A-Za-z]+$`)

// Folders gives the account of the user who logs in by IMAP these folders, like those of a real provider. Each entry is
// a name, optionally followed by " = " and the special use (RFC 6154).
type Folders []string

// Kind implements Fault.
func (*Folders) Kind() Kind {
	return Kind{
		Name:    "folders",
		Doc:     "Whoever logs in by IMAP finds these folders, as at some providers.",
		Example: `['Sent Items', '[Gmail]/Trash = \Trash']`,
		New:     func() Fault { return new(Folders) },
		ForUser: Always,
	}
}

// Folder is one of these folders.
type Folder struct{ Name, SpecialUse string }

// Validate checks the form of each entry.
func (f *Folders) Validate() error {
	if len(*f) == 0 {
		return fmt.Errorf("name at least one folder, like Sent Items = \\Sent")
	}
	for _, line := range *f {
		name, use, has := strings.Cut(line, " = ")
		if name == "" || strings.ContainsAny(name, "*%\r\n") || (has && !attribute.MatchString(use)) {
			return fmt.Errorf("%q isn't a folder; write a name, or a name, = and a special use, like [Gmail]/Sent Mail = \\Sent", line)
		}
	}
	return nil
}

// Folders implements FolderStage.
func (f *Folders) Folders() (out []Folder) {
	for _, line := range *f {
		name, use, _ := strings.Cut(line, " = ")
		out = append(out, Folder{name, use})
	}
	return out
}

// CheckRule refuses counters, and conditions that nobody can know yet.
func (f *Folders) CheckRule(r *Rule) error {
	if len(r.Match.Command) > 0 {
		return fmt.Errorf("folders: mailrig makes them at login; leave out command")
	}
	return r.uncounted()
}

// ActsIn implements Spoken.
func (f *Folders) ActsIn(p *protocol.Protocol) bool { return p.Mailboxes }

// Folders lists the folders that the account of the user gets at login, and the scenario that says so. None means the
// folders that every account has.
func (c *Conn) Folders() (folders []Folder, by string) {
	return first(c, func(s FolderStage) ([]Folder, bool) { return s.Folders(), true })
}
