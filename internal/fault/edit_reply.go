package fault

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync/atomic"

	"github.com/mailrig/mailrig/internal/protocol"
)

// EditReply replaces what matches a pattern in the server's reply to a command, line by line. It never edits message
// bodies or literals.
type EditReply struct {
	Find string `yaml:"find" doc:"a regular expression (RE2)"`
	Put  string `yaml:"put" doc:"what comes in its place; $1 is the first group; may be empty"`

	re atomic.Pointer[regexp.Regexp] // Find, compiled on first use
}

// Kind implements Fault.
func (*EditReply) Kind() Kind {
	return Kind{
		Name:    "edit-reply",
		Doc:     "In the reply to the command, whatever fits the pattern is replaced.",
		Example: "{find: 'UIDVALIDITY \\d+', put: 'UIDVALIDITY 1'}",
		New:     func() Fault { return new(EditReply) },
		ForUser: ByCommand,
	}
}

// Validate compiles the pattern.
func (f *EditReply) Validate() error {
	if f.Find == "" {
		return errors.New("find: give a regular expression")
	}
	if _, err := regexp.Compile(f.Find); err != nil {
		return fmt.Errorf("find: %q isn't a regular expression: %s", f.Find, strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	if re, err := syntax.Parse(f.Find, syntax.Perl); err == nil && spansLines(re) {
		return errors.New("find: the pattern wants a line end, and mailrig edits line by line, without the line ends; write a rule for each line")
	}
	return nil
}

// ActsIn implements Spoken. A pattern for the beginning of a line fits only the protocols whose lines begin so.
func (f *EditReply) ActsIn(p *protocol.Protocol) bool {
	b, ok := p.Replies.(lineBeginner)
	if !ok {
		return true
	}
	re, err := syntax.Parse(f.Find, syntax.Perl)
	return err != nil || b.BeginsLine(lineBegins(re))
}

// Explain says what is replaced. The sentence before it names the command.
func (f *EditReply) Explain() string {
	if f.Put == "" {
		return fmt.Sprintf("in the reply, `%s` is removed", f.Find)
	}
	return fmt.Sprintf("in the reply, `%s` is replaced by `%s`", f.Find, f.Put)
}

// Edit implements EditStage.
func (f *EditReply) Edit(line []byte) ([]byte, bool) {
	re := f.re.Load()
	if re == nil {
		re = regexp.MustCompile(f.Find) // Validate has compiled it before
		f.re.Store(re)
	}
	if !re.Match(line) {
		return line, false
	}
	return re.ReplaceAll(line, []byte(f.Put)), true
}

// CheckRule requires the command whose reply is edited.
func (f *EditReply) CheckRule(r *Rule) error {
	if len(r.Match.Command) == 0 {
		return errors.New("edit-reply: say in the reply to which command, like match: {command: SELECT}")
	}
	return nil
}

// Edits reports whether any rule may edit what the engine says.
func (c *Conn) Edits() bool { return c != nil && c.editing }

// Edit edits a line of the engine's reply to the command that Event describes. It returns the scenario that did, or "".
// Counters count replies, not lines.
func (c *Conn) Edit(line []byte) (edited []byte, by string) {
	each(c, func(r *rule, s EditStage) bool {
		out, did := s.Edit(line)
		if !did {
			return false
		}
		kept := c.keep()
		seen, ok := kept.edits[r]
		if !ok || seen.command != c.commands {
			seen = edits{c.commands, r.take(c)}
			if seen.acts {
				c.acts(r)
			}
			kept.edits[r] = seen
		}
		if seen.acts {
			line, by = out, r.Scenario
		}
		return false
	})
	return line, by
}

// edits remembers that a rule was counted for a command, because the reply may have many lines.
type edits struct {
	command int
	acts    bool
}
