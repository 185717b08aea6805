package explain

import (
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed table/*.yaml
var files embed.FS

// Table is what the package knows. It is made by Load and then only read.
type Table struct {
	causes   map[string]Cause
	order    []string // the causes' ids, as they stand in causes.yaml
	families []Family
	codes    []codeSign
	symptoms []Symptom
	words    *automaton
	signs    []compiled
}

// Family is a group of programs with the same words.
type Family struct {
	ID    string `yaml:"family"`
	Name  string `yaml:"name"`
	Level string `yaml:"level"` // server, any, or empty: the words of these programs alone
	Signs []Sign `yaml:"signs"`
}

// Sign is a message that is known.
type Sign struct {
	Says    oneOrMore `yaml:"says"`  // regular expressions, for text in lower case on one line
	Means   string    `yaml:"means"` // ids of causes, or names of groups, the likeliest first
	Sure    Sure      `yaml:"sure"`
	From    string    `yaml:"from"`    // where that is known from; see sources.yaml
	Counted string    `yaml:"counted"` // how often it was counted, for the first cause
}

// Symptom is what users say.
type Symptom struct {
	Title string    `yaml:"symptom"`
	Says  oneOrMore `yaml:"says"`
	Means string    `yaml:"means"`
	Ask   string    `yaml:"ask"` // the question that tells the causes apart
	// Scenarios show this symptom, the best ones first.
	Scenarios []string `yaml:"scenarios"`
	Counted   string   `yaml:"counted"`
}

// compiled is one regular expression of a sign.
type compiled struct {
	re      *regexp.Regexp
	means   []string
	group   bool
	sure    Sure
	level   level
	family  string
	from    string
	counted string
}

// oneOrMore is a list in YAML, or its only member.
type oneOrMore []string

// UnmarshalYAML reads either form.
func (o *oneOrMore) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*o = oneOrMore{n.Value}
		return nil
	}
	return n.Decode((*[]string)(o))
}

// Groups of causes that a table's "means" may name.
var groups = map[string][]string{
	"CONNECTION":  {"port-closed", "port-blocked"},
	"CERTIFICATE": {"ca-unknown", "certificate-wrong-name", "certificate-expired", "self-signed", "chain-incomplete", "certificate-not-yet-valid", "certificate-too-weak"},
	"LOGIN":       {"password-refused", "app-password", "oauth-required", "account-locked", "access-off", "smtp-login-off", "web-login", "too-many-logins", "login-unavailable", "login-method", "login-not-offered"},
}

// Load reads the embedded table. An error is a mistake in the table, which a test would have shown.
func Load() (*Table, error) { return load(func(string, string, Sign) bool { return true }) }

// load reads the table without the signs that keep rejects.
func load(keep func(family, says string, s Sign) bool) (*Table, error) {
	t := &Table{causes: map[string]Cause{}}
	var causes []Cause
	if err := read("causes", &causes); err != nil {
		return nil, err
	}
	for _, c := range causes {
		t.causes[c.ID] = c
		t.order = append(t.order, c.ID)
	}
	if err := read("codes", &t.codes); err != nil {
		return nil, err
	}
	if err := read("symptoms", &t.symptoms); err != nil {
		return nil, err
	}
	entries, err := files.ReadDir("table")
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".yaml")
		if slices.Contains([]string{"causes", "codes", "symptoms", "sources"}, name) {
			continue
		}
		var f Family
		if err := read(name, &f); err != nil {
			return nil, err
		}
		t.families = append(t.families, f)
	}
	return t, t.compile(keep)
}

func read(name string, into any) error {
	data, err := files.ReadFile("table/" + name + ".yaml")
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		return fmt.Errorf("table/%s.yaml: %w", name, err)
	}
	return nil
}

// compile makes the automaton of all signs.
func (t *Table) compile(keep func(family, says string, s Sign) bool) error {
	add := func(says, means string, c compiled) (err error) {
		if c.means, err = t.expand(means); err != nil {
			return fmt.Errorf("%s: %q: %w", c.family, says, err)
		}
		c.group = strings.ToLower(means) != means
		if c.re, err = regexp.Compile(says); err != nil {
			return fmt.Errorf("%s: %w", c.family, err)
		}
		t.signs = append(t.signs, c)
		return nil
	}
	for _, f := range t.families {
		l := ownWords
		switch f.Level {
		case "server":
			l = serverWords
		case "code":
			l = serverCode
		case "any":
			l = anyWords
		}
		for _, s := range f.Signs {
			for _, says := range s.Says {
				if !keep(f.ID, says, s) {
					continue
				}
				if err := add(says, s.Means, compiled{sure: s.Sure, level: l, family: f.ID, from: s.From, counted: s.Counted}); err != nil {
					return err
				}
			}
		}
	}
	for _, s := range t.symptoms {
		for _, says := range s.Says {
			if err := add(says, s.Means, compiled{sure: OneOf, level: userWords, family: "users", counted: s.Counted}); err != nil {
				return err
			}
		}
	}
	literals := make([][]string, len(t.signs))
	for i, s := range t.signs {
		if literals[i] = required(s.re.String()); literals[i] == nil {
			return fmt.Errorf("%s: %q has no word of three letters that must be there", s.family, s.re)
		}
	}
	t.words = newAutomaton(literals)
	return nil
}

// expand turns the words of "means" into ids of causes.
func (t *Table) expand(means string) (ids []string, err error) {
	for _, word := range strings.Fields(means) {
		members := groups[word]
		if members == nil {
			members = []string{word}
		}
		for _, id := range members {
			if _, ok := t.causes[id]; !ok {
				return nil, fmt.Errorf("no cause %q in causes.yaml", id)
			}
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("it means nothing")
	}
	return ids, nil
}

// Causes returns all causes, in the table's order.
func (t *Table) Causes() (all []Cause) {
	for _, id := range t.order {
		all = append(all, t.causes[id])
	}
	return all
}

// Symptoms returns what users say, in the table's order.
func (t *Table) Symptoms() []Symptom { return t.symptoms }

// Symptoms lists what users say, without the rest of the table.
func Symptoms() []Symptom {
	var list []Symptom
	if err := read("symptoms", &list); err != nil {
		panic(err) // the binary was built wrongly: a test would have failed
	}
	return list
}
