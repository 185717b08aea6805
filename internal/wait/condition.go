// Package wait waits for something to happen at a rig, and defines the language that says what. `mailrig wait`, GET
// /api/v1/wait, and mailtest's WaitMessage and WaitSession use it.
//
// A [Condition] says what to wait for (messages, sessions or findings) and what must be true of it. A [Language] parses
// words such as to:bob@example.test into [Matcher]s. Each matcher is a row in one of two tables (match.go), with the
// values that it may have and a function that examines a message or a session. [For] returns when a [Rig] has enough of
// what is wanted (wait.go).
//
// To add a matcher, add a row, and document it in docs/http.md and cmd/mailrig/wait.go.
package wait

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/suggest"
)

// Condition says what to wait for: messages, sessions or findings.
type Condition struct {
	What  What
	Match []Matcher // all of them must match
	IDs   []string  // of findings; any one of them is enough
	Count int       // how many to wait for; 0 means 1
	// After leaves out what was there when an earlier answer gave this number as its Next, so that nothing stale counts. 0
	// leaves out nothing.
	After uint64
}

// What is the kind of thing to wait for.
type What string

// The kinds.
const (
	Messages What = "message" // in any mailbox: a message to three recipients counts three times, a deleted one doesn't count
	Sessions What = "session" // that the journal holds, including open ones
	Findings What = "finding" // including those of severity Good
)

// Matcher is something that must be true of a message or a session.
type Matcher struct {
	Key, Value string
	Not        bool // it must not be true
}

func (m Matcher) String() string {
	if m.Not {
		return "-" + m.Key + ":" + m.Value
	}
	return m.Key + ":" + m.Value
}

// BadCondition is the error for a condition that makes no sense. It says why.
type BadCondition struct{ Err error }

func (e *BadCondition) Error() string { return e.Err.Error() }
func (e *BadCondition) Unwrap() error { return e.Err }

func bad(format string, args ...any) error { return &BadCondition{fmt.Errorf(format, args...)} }

// Language says what the words of a condition can mean at one rig.
type Language struct {
	Doors []door.Door               // through which a session can come
	Check func(ids ...string) error // reports unknown ids of findings
}

// word matches a word that looks like a matcher, known or not. It doesn't match a URL, or the "Re:" of a subject.
var word = lazyregexp.New(`^([a-z]+):(.+)$`)

// Parse parses words like "to:bob@example.test" and "subject:Welcome home". Words without a key continue the value
// before them. "any" alone is no matcher at all. An error is a *BadCondition.
func (l Language) Parse(what What, texts ...string) ([]Matcher, error) {
	var (
		list   []Matcher
		values [][]string // the words of each value
	)
	known := keys(what)
	for _, text := range texts {
		fresh := true
		for _, w := range strings.Fields(text) {
			m := word.FindStringSubmatch(w)
			switch {
			case m != nil && slices.Contains(known, m[1]):
				list, values = append(list, Matcher{Key: m[1]}), append(values, []string{m[2]})
			case m != nil && !strings.HasPrefix(m[2], "//") && (fresh || suggest.Nearest(m[1], known) != ""):
				return nil, unknownKey(what, m[1])
			case len(list) == 0 && w == "any" && strings.TrimSpace(text) == "any":
			case len(list) == 0:
				return nil, bad("%q doesn't say what to match; say %s, or any", w, forms(what))
			default:
				values[len(list)-1] = append(values[len(list)-1], w)
			}
			fresh = false
		}
	}
	for i := range list {
		list[i].Value = strings.Join(values[i], " ")
		if err := l.value(list[i]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func unknownKey(what What, key string) error {
	hint := "use " + forms(what)
	if near := suggest.Nearest(key, keys(what)); near != "" {
		hint = "did you mean " + near + ":?"
	} else {
		for _, other := range []What{Messages, Sessions} {
			if slices.Contains(keys(other), key) {
				hint = fmt.Sprintf("that is for a %s; use %s", other, forms(what))
			}
		}
	}
	return bad("there is no matcher %s: for a %s; %s", key, what, hint)
}

func forms(what What) string { return strings.Join(keys(what), ":, ") + ":" }

// value checks the value of a known matcher.
func (l Language) value(m Matcher) error {
	allowed := l.values(m.Key)
	if allowed == nil || slices.Contains(allowed, m.Value) {
		return nil
	}
	return bad("%s is %q; it can be %s", m.Key, m.Value, strings.Join(allowed, ", "))
}

// values returns the values that a matcher may have. nil means any value.
func (l Language) values(key string) (allowed []string) {
	switch key {
	case "door":
		for _, d := range l.Doors {
			allowed = append(allowed, fmt.Sprint(d.Port))
		}
	case "protocol":
		for _, d := range l.Doors {
			if p := string(d.Protocol); !slices.Contains(allowed, p) {
				allowed = append(allowed, p)
			}
		}
	default:
		for _, row := range sessionMatchers {
			if row.key == key {
				allowed = row.values
			}
		}
	}
	return allowed
}

// check completes a condition, or reports what is wrong with it.
func (l Language) check(c *Condition) error {
	switch c.What {
	case Messages, Sessions:
		for _, m := range c.Match {
			if !slices.Contains(keys(c.What), m.Key) {
				return unknownKey(c.What, m.Key)
			}
			if err := l.value(m); err != nil {
				return err
			}
		}
	case Findings:
		if len(c.IDs) == 0 {
			return bad("no finding is named; give an id (docs/findings.md lists them)")
		}
		if err := l.Check(c.IDs...); err != nil {
			return &BadCondition{err}
		}
	default:
		return bad("can't wait for %q; wait for a message, a session or a finding", c.What)
	}
	if c.Count < 0 {
		return bad("the count is %d; give at least 1", c.Count)
	}
	c.Count = max(1, c.Count)
	return nil
}

func (c *Condition) String() string {
	if c.What == Findings {
		return strings.Join(c.IDs, " or ")
	}
	var parts []string
	for _, m := range c.Match {
		parts = append(parts, m.String())
	}
	return strings.Join(parts, " ")
}
