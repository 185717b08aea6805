package fault

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/protocol"
)

// Hierarchy changes the form of IMAP's mailbox names: another delimiter, no delimiter, or a prefix before every name
// except INBOX (RFC 2342, RFC 9051 section 5.1). LIST, NAMESPACE and the names in commands all agree.
type Hierarchy struct {
	Delimiter string `yaml:"delimiter" doc:"between the parts of a name: one of . \\ / | ^, or NIL for folders of one level only; / by default"`
	Prefix    string `yaml:"prefix" doc:"before every name but INBOX, like INBOX. (ends with the delimiter)"`
}

// Kind implements Fault.
func (*Hierarchy) Kind() Kind {
	return Kind{
		Name:    "hierarchy",
		Doc:     "IMAP's mailbox names have another delimiter, none, or a prefix before all but INBOX.",
		Example: `{delimiter: ".", prefix: "INBOX."}`,
		New:     func() Fault { return new(Hierarchy) },
		ForUser: Always,
	}
}

// Delimiters lists the possible delimiters.
var Delimiters = []string{".", `\`, "/", "|", "^", "NIL"}

// UnmarshalText parses a delimiter.
func (f *Hierarchy) UnmarshalText(b []byte) error {
	if !slices.Contains(Delimiters, string(b)) {
		return &ValueError{Value: string(b), Known: Delimiters}
	}
	f.Delimiter = string(b)
	return nil
}

// Validate checks that delimiter and prefix fit together.
func (f *Hierarchy) Validate() error {
	if f.Delimiter == "" {
		f.Delimiter = "/"
	}
	switch name := strings.TrimSuffix(f.Prefix, f.Delimiter); {
	case !slices.Contains(Delimiters, f.Delimiter):
		return fmt.Errorf("delimiter: %w", &ValueError{Value: f.Delimiter, Known: Delimiters})
	case f.Prefix == "":
	case f.Delimiter == "NIL":
		return fmt.Errorf("prefix: needs a delimiter; give one, or leave out prefix")
	case name == f.Prefix || name == "" || strings.ContainsAny(name, "*%&\"\r\n"+f.Delimiter):
		return fmt.Errorf("prefix: give one name with the delimiter after it, like INBOX%s", f.Delimiter)
	}
	return nil
}

// Hierarchy implements HierarchyStage.
func (f *Hierarchy) Hierarchy() (delimiter byte, prefix string) {
	if f.Delimiter == "NIL" {
		return 0, ""
	}
	return f.Delimiter[0], f.Prefix
}

// CheckRule refuses counters, and conditions that nobody can know yet.
func (f *Hierarchy) CheckRule(r *Rule) error { return r.atLogin() }

// ActsIn implements Spoken.
func (f *Hierarchy) ActsIn(p *protocol.Protocol) bool { return p.Mailboxes }

// Hierarchy returns the form of mailbox names in IMAP. ok is false for the usual form. A delimiter of 0 means NIL.
func (c *Conn) Hierarchy() (delimiter byte, prefix, by string, ok bool) {
	standing(c, func(r *rule, s HierarchyStage) bool {
		delimiter, prefix = s.Hierarchy()
		by, ok = r.Scenario, true
		return true
	})
	return delimiter, prefix, by, ok
}
