package scenarios

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/lazyregexp"
	"github.com/mailrig/mailrig/internal/suggest"
)

const (
	maxTitle = 60  // characters: one line of a list
	maxName  = 64  // characters
	maxRules = 500 // in one file
)

var (
	fileKeys = []string{"name", "title", "story", "rules", "expect"}
	ruleKeys = []string{"match", "after", "until", "chance", "skip", "times", "per"} // and one fault
	goodName = lazyregexp.New(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// Parse reads a scenario. file is its name in messages. If it ends in .yaml or .yml, the scenario must have its base
// name. The error is an *Errors with every mistake in the file.
func Parse(file string, data []byte) (*Scenario, error) { return Standard().parse(file, data) }

// Parse is the function of that name for scenarios in this grammar.
func (g *Grammar) Parse(file string, data []byte) (*Scenario, error) {
	s, err := g.parse(file, data)
	if s != nil {
		s.grammar = g
	}
	return s, err
}

func (g *Grammar) parse(file string, data []byte) (*Scenario, error) {
	d := &decoder{grammar: g, file: file}
	if file == "" {
		d.file = "scenario"
	}
	s := &Scenario{File: file, text: string(data)}
	if root := d.document(data); root != nil {
		d.scenario(root, s)
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	return s, nil
}

func (d *decoder) scenario(root *yaml.Node, s *Scenario) {
	entries, ok := d.mapping(root, place{name: "a scenario"})
	if !ok {
		return
	}
	missing := fileKeys[:4]
	for _, e := range entries {
		missing = slices.DeleteFunc(slices.Clone(missing), func(k string) bool { return k == e.name })
		switch e.name {
		case "name":
			d.name(e.value, s)
		case "title":
			if d.line(e, &s.Title) && utf8.RuneCountInString(s.Title) > maxTitle {
				d.wrong(e.value, "the title has %d characters, %d are the most; the story has room for more", utf8.RuneCountInString(s.Title), maxTitle)
			}
		case "story":
			d.line(e, &s.Story)
		case "rules":
			d.rules(e.value, s)
		case "expect":
			var expect expectFile
			if d.decode(e.value, reflect.ValueOf(&expect).Elem(), place{name: "expect", example: "{require: [mail-sent]}"}) {
				s.Expect = expect.expect()
			}
		default:
			d.unknownKey(e)
		}
	}
	for _, k := range missing {
		d.wrong(root, "the scenario has no %s; %s", k, whatFor[k])
	}
	for i := range s.Rules {
		s.Rules[i].Scenario = s.Name
	}
}

var whatFor = map[string]string{
	"name":  "name it as the file is called, without .yaml",
	"title": "give it one of at most 60 characters",
	"story": "tell in a few sentences what happens and what a good client does",
	"rules": "give it a list of rules with one fault each",
}

// line reads a text that must not be blank.
func (d *decoder) line(e entry, text *string) bool {
	if !d.decode(e.value, reflect.ValueOf(text).Elem(), place{name: e.name}) {
		return false
	}
	if *text = strings.TrimSpace(*text); *text == "" {
		d.wrong(e.value, "%s is blank; %s", e.name, whatFor[e.name])
		return false
	}
	return true
}

// GoodName reports whether a scenario may have this name.
func GoodName(name string) bool { return goodName.MatchString(name) && len(name) <= maxName }

func (d *decoder) name(n *yaml.Node, s *Scenario) {
	if !d.decode(n, reflect.ValueOf(&s.Name).Elem(), place{name: "name"}) {
		return
	}
	if !GoodName(s.Name) {
		d.wrong(n, "%q isn't a good name; use at most %d lower case letters, digits and single hyphens, like slow-greeting", s.Name, maxName)
		return
	}
}

// unknownKey reports an unknown key in a file, and says where it may belong.
func (d *decoder) unknownKey(e entry) {
	near := suggest.Nearest(e.name, fileKeys)
	if near == "" && slices.Contains(append(d.grammar.faultKeys(), ruleKeys...), e.name) {
		d.wrong(e.key, "a scenario has no key %q; it belongs into a rule, below rules", e.name)
		return
	}
	d.wrong(e.key, "a scenario has no key %q; %s", e.name, didYouMean(e.name, fileKeys))
}

func (d *decoder) rules(at *yaml.Node, s *Scenario) {
	n := d.follow(at)
	switch {
	case n.Kind != yaml.SequenceNode:
		d.wrong(at, "rules wants a list, not %s; begin each rule with a hyphen", describe(n))
		return
	case len(n.Content) == 0:
		d.wrong(at, "rules is an empty list; %s", whatFor["rules"])
	case len(n.Content) > maxRules:
		d.wrong(at, "the scenario has %d rules, %d are the most; use lists in match", len(n.Content), maxRules)
		return
	}
	for _, rule := range n.Content {
		if d.spent {
			return
		}
		s.Rules = append(s.Rules, d.rule(rule))
	}
	d.checkCapabilities(n.Content, s.Rules)
}

// counters are the plain keys of a rule.
type counters struct {
	Match  fault.Match
	After  fault.Moment
	Until  fault.Moment
	Chance fault.Chance
	Skip   int
	Times  int
	Per    string
}

// rule reads one rule. The result is usable only if there was no mistake.
func (d *decoder) rule(at *yaml.Node) fault.Rule {
	var c counters
	var faults []entry
	matchWrong, counterWrong := false, false
	entries, ok := d.mapping(at, place{name: "a rule"})
	for _, e := range entries {
		switch e.name {
		case "match":
			if d.decode(e.value, reflect.ValueOf(&c.Match).Elem(), place{name: "match", example: "{door: 25}"}) {
				d.checkDoors(e, &c.Match)
				d.checkCommands(e, &c.Match)
				d.checkMatch(e, &c.Match)
			} else {
				matchWrong = true
				ok = d.given(e, &c.Match) && ok
			}
		case "skip":
			counterWrong = !d.count(e, &c.Skip) || counterWrong
		case "times":
			counterWrong = !d.count(e, &c.Times) || counterWrong
		case "after":
			counterWrong = !d.moment(e, &c.After) || counterWrong
		case "until":
			counterWrong = !d.moment(e, &c.Until) || counterWrong
		case "chance":
			counterWrong = !d.decode(e.value, reflect.ValueOf(&c.Chance).Elem(), place{name: "chance", example: "10%"}) || counterWrong
		case "per":
			d.decode(e.value, reflect.ValueOf(&c.Per).Elem(), place{name: "per", enum: perNames()})
		default:
			if _, known := d.grammar.kind(e.name); !known {
				d.unknownRuleKey(e)
				ok = false // it may have been meant as the fault
				continue
			}
			faults = append(faults, e)
		}
	}
	r := fault.Rule{Match: c.Match, After: c.After, Until: c.Until, Chance: c.Chance, Skip: c.Skip, Times: c.Times, Per: fault.Per(c.Per)}
	d.checkMoments(at, &r)
	counts := r.Limited() // whether something else than skip and times counts
	if len(faults) == 1 {
		kind, _ := d.grammar.kind(faults[0].name)
		counts = counts || kind.Counts
	}
	// A counter that is itself wrong counts as given.
	if c.Per != "" && c.Skip == 0 && c.Times == 0 && !counts && !counterWrong {
		d.wrong(at, "per: %s has nothing to count; add times, skip, after, until or chance, or leave per out", c.Per)
	}
	switch {
	case len(faults) == 0 && ok:
		d.wrong(at, "the rule has no fault; add one of %s", join(d.grammar.faultKeys(), "and"))
	case len(faults) > 1:
		var names []string
		for _, f := range faults {
			names = append(names, f.name)
		}
		d.wrong(faults[1].key, "the rule has %d faults, %s; make each a rule of its own", len(faults), join(names, "and"))
	}
	for _, f := range faults {
		kind, _ := d.grammar.kind(f.name)
		value := kind.New()
		if !d.decode(f.value, reflect.ValueOf(value).Elem(), place{name: f.name, example: kind.Example}) {
			continue
		}
		one := r
		one.Fault = value
		if !matchWrong {
			d.checkSpoken(f, &one)
		}
		if checker, can := value.(fault.Checker); can && ok {
			d.together(f, checker.CheckRule(&one))
		}
		if !matchWrong {
			d.together(f, one.CheckContent())
		}
		if len(faults) == 1 {
			r.Fault = value
		}
	}
	return r
}

// together records what can't be used together, each as a mistake of its own.
func (d *decoder) together(e entry, err error) {
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range several.Unwrap() {
			d.together(e, err)
		}
		return
	}
	if err != nil {
		d.wrong(e.key, "%v", err)
	}
}

// moment reads after or until.
func (d *decoder) moment(e entry, m *fault.Moment) bool {
	return d.decode(e.value, reflect.ValueOf(m).Elem(), place{name: e.name, example: "{command: ID}"})
}

// checkMoments rejects commands that the rule can't meet, and a time that ends before it begins.
func (d *decoder) checkMoments(at *yaml.Node, r *fault.Rule) {
	where := fault.Match{Door: r.Match.Door, Protocol: r.Match.Protocol}
	if r.Per == fault.PerScenario || r.Per == fault.PerConnection { // the same connection has both commands
		where.Protocol = d.grammar.having(r.Match.Command, d.grammar.spoken(&r.Match))
	}
	for _, m := range []fault.Moment{r.After, r.Until} {
		where.Command = m.Command
		d.checkCommands(entry{key: at}, &where)
	}
	switch {
	case r.Until.Time > 0 && r.After.Time >= r.Until.Time:
		d.wrong(at, "until: %v comes before after: %v; the rule could never act", r.Until.Time, r.After.Time)
	case len(r.After.Command) > 0 && !slices.ContainsFunc(r.After.Command, func(c string) bool { return !r.Until.Is(c) }):
		d.wrong(at, "until: %s ends the rule with the same OK that begins it; the rule could never act", join(r.Until.Command, "or"))
	}
}

func (d *decoder) count(e entry, n *int) bool {
	if !d.decode(e.value, reflect.ValueOf(n).Elem(), place{name: e.name}) {
		return false
	}
	if *n < 0 {
		d.wrong(e.value, "%s can't be negative; give 1 or more, or leave it out", e.name)
		return false
	}
	return true
}

// given fills in what was meant in a match with mistakes. Then what can't be used together is reported at the same
// time, and nothing that is only wrong is reported as missing. clear is false if a key may have been meant as any
// other.
func (d *decoder) given(e entry, m *fault.Match) (clear bool) {
	n := d.follow(e.value)
	if n.Kind != yaml.MappingNode {
		return false
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !slices.Contains(matchKeys(), n.Content[i].Value) {
			return false
		}
		for name, list := range map[string]*[]string{"command": &m.Command, "user": &m.User, "sender": &m.Sender, "recipient": &m.Recipient,
			"mailbox": &m.Mailbox, "mechanism": &m.Mechanism, "arguments": &m.Arguments} {
			if n.Content[i].Value == name && len(*list) == 0 {
				*list = []string{""}
			}
		}
	}
	return true
}

func (d *decoder) unknownRuleKey(e entry) {
	known := append(d.grammar.faultKeys(), ruleKeys...)
	if slices.Contains(matchKeys(), e.name) {
		d.wrong(e.key, "a rule has no key %q; it belongs into match, like match: {%s: …}", e.name, e.name)
		return
	}
	if slices.Contains(fileKeys, e.name) {
		d.wrong(e.key, "a rule has no key %q; it belongs to the scenario, at the left margin", e.name)
		return
	}
	d.wrong(e.key, "a rule has no key %q; %s", e.name, didYouMean(e.name, known))
}

// checkDoors requires door numbers that exist and that speak what the rule matches.
func (d *decoder) checkDoors(e entry, m *fault.Match) {
	entries, _ := d.mapping(e.value, place{name: "match"})
	doors := d.grammar.doors()
	for _, inner := range entries {
		if inner.name != "door" {
			continue
		}
		n := d.follow(inner.value)
		nodes := n.Content
		if n.Kind == yaml.ScalarNode {
			nodes = []*yaml.Node{inner.value}
		}
		for i, port := range m.Door {
			protocol, known := doors[port]
			switch {
			case !known:
				d.wrong(nodes[i], "%d isn't a door; the doors are %s, by their standard numbers wherever they listen", port, d.grammar.doorList())
			case len(m.Protocol) > 0 && !slices.Contains(m.Protocol, protocol):
				d.wrong(nodes[i], "door %d speaks %s, protocol says %s; the rule could never match", port, protocol, join(m.Protocol, "or"))
			}
		}
	}
}

func (g *Grammar) doorList() string {
	var ports []int
	for p := range g.doors() {
		ports = append(ports, p)
	}
	slices.Sort(ports)
	var names []string
	for _, p := range ports {
		names = append(names, strconv.Itoa(p))
	}
	return join(names, "and")
}

func perNames() []string {
	var names []string
	for _, p := range fault.Pers {
		names = append(names, string(p))
	}
	return names
}

func matchKeys() (names []string) {
	match := reflect.TypeFor[fault.Match]()
	for i := range match.NumField() {
		if f := match.Field(i); f.IsExported() {
			names = append(names, f.Tag.Get("yaml"))
		}
	}
	return names
}
