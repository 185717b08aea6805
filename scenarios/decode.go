package scenarios

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/mailrig/mailrig/internal/fault"
	"github.com/mailrig/mailrig/internal/suggest"
)

// maxValues is how many values a file may have after its aliases have been followed. The types bound the depth, so an
// alias of itself ends too.
const maxValues = 20_000

// decoder fills Go values from YAML and collects all mistakes on the way. It knows nothing about scenarios: struct tags
// and a few interfaces tell it everything. A field's `yaml` tag is its key, and `enum` lists the words that it may be.
// An embedded map has one key for each protocol of the grammar (see fault.PerProtocol).
type decoder struct {
	grammar  *Grammar
	file     string
	mistakes []Mistake
	values   int
	spent    bool // stop looking
}

// place says what a value is for. Messages about mistakes use it.
type place struct {
	name    string   // key
	example string   // of a value; may be ""
	enum    []string // nil means anything
}

func (p place) like() string {
	if p.example == "" {
		return ""
	}
	return ", like " + p.name + ": " + p.example
}

// entry is a key in a mapping, and its value.
type entry struct {
	name       string
	key, value *yaml.Node
}

// follow replaces an alias by what it stands for, and counts the value.
func (d *decoder) follow(n *yaml.Node) *yaml.Node {
	if d.values++; d.values > maxValues && !d.spent {
		d.wrong(n, "the file has more than %d values, aliases followed; write fewer", maxValues)
		d.spent = true
	}
	for n.Kind == yaml.AliasNode && n.Alias != nil {
		n = n.Alias
	}
	return n
}

// mapping returns the entries of a mapping, each key once.
func (d *decoder) mapping(n *yaml.Node, p place) ([]entry, bool) {
	if n = d.follow(n); n.Kind != yaml.MappingNode {
		d.wrong(n, "%s wants keys with values%s, not %s", p.name, p.like(), describe(n))
		return nil, false
	}
	var entries []entry
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content) && !d.spent; i += 2 {
		key := d.follow(n.Content[i])
		if key.Kind != yaml.ScalarNode {
			d.wrong(n.Content[i], "a key of %s is %s; a key is a word", p.name, describe(key))
			continue
		}
		if line, twice := first[key.Value]; twice {
			d.wrong(n.Content[i], "%s has the key %q twice, first in line %d; keep one", p.name, key.Value, line)
			continue
		}
		first[key.Value] = n.Content[i].Line
		entries = append(entries, entry{key.Value, n.Content[i], n.Content[i+1]})
	}
	return entries, true
}

// decode fills v, which must be settable, and reports whether there was no mistake.
func (d *decoder) decode(at *yaml.Node, v reflect.Value, p place) bool {
	before := len(d.mistakes)
	n := d.follow(at)
	if d.spent {
		return false
	}
	switch {
	case n.Style&yaml.TaggedStyle != 0:
		d.wrong(at, "%s has the tag %s; leave it out", p.name, n.Tag)
	case isEmpty(n):
		d.wrong(at, "%s has no value; give it one%s, or leave the key out", p.name, p.like())
	default:
		d.fill(at, n, v, p)
	}
	if len(d.mistakes) != before || d.spent {
		return false
	}
	if err := d.validate(v.Addr().Interface()); err != nil {
		d.wrong(culprit(at, n, err), "%s: %v", p.name, err)
		return false
	}
	return true
}

// validate calls the value's own check, if it has one.
func (d *decoder) validate(v any) error {
	switch v := v.(type) {
	case fault.Validator:
		return v.Validate()
	case fault.ProtocolValidator:
		return v.ValidateFor(d.grammar.Protocols)
	}
	return nil
}

// culprit returns the value whose key begins the message, or else the whole mapping.
func culprit(at, n *yaml.Node, err error) *yaml.Node {
	name, _, _ := strings.Cut(err.Error(), ":")
	if n.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if n.Content[i].Value == name {
				return n.Content[i]
			}
		}
	}
	return at
}

func (d *decoder) fill(at, n *yaml.Node, v reflect.Value, p place) {
	if n.Kind == yaml.ScalarNode {
		switch t := v.Addr().Interface().(type) {
		case fault.ReplyReader:
			d.text(at, n, t.ReadReply(n.Value, d.grammar.Protocols), p)
			return
		case encoding.TextUnmarshaler:
			d.text(at, n, t.UnmarshalText([]byte(n.Value)), p)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.fill(at, n, v.Elem(), p)
	case reflect.Struct:
		d.fields(at, n, v, p)
	case reflect.Slice:
		d.list(at, n, v, p)
	default:
		d.scalar(at, n, v, p)
	}
}

// fields decodes a mapping into the fields that have a yaml tag.
func (d *decoder) fields(at, n *yaml.Node, v reflect.Value, p place) {
	fields := d.grammar.fieldsOf(v.Type())
	var names []string
	for _, f := range fields {
		names = append(names, f.key)
	}
	if len(names) == 0 {
		d.wrong(at, "%s wants a text%s, not %s", p.name, p.like(), describe(n))
		return
	}
	entries, _ := d.mapping(at, p)
	for _, e := range entries {
		i := slices.Index(names, e.name)
		if i < 0 {
			d.wrong(e.key, "%s has no key %q; %s", p.name, e.name, didYouMean(e.name, names))
			continue
		}
		f := fields[i]
		inner := place{name: e.name, enum: d.grammar.enum(f.Tag.Get("enum"))}
		if !f.perProtocol {
			d.decode(e.value, v.FieldByIndex(f.Index), inner)
			continue
		}
		value := reflect.New(f.Type.Elem()).Elem()
		if d.decode(e.value, value, inner) && !value.IsZero() {
			all := v.FieldByIndex(f.Index)
			if all.IsNil() {
				all.Set(reflect.MakeMap(f.Type))
			}
			all.SetMapIndex(reflect.ValueOf(e.name), value)
		}
	}
}

// field is a key that is read from YAML into a struct.
type field struct {
	reflect.StructField
	key         string
	perProtocol bool // the key is a protocol in the map that the field is
}

// fieldsOf lists the keys of a struct, in order.
func (g *Grammar) fieldsOf(t reflect.Type) (all []field) {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		switch key := f.Tag.Get("yaml"); {
		case f.Anonymous && f.Type.Kind() == reflect.Struct:
			for _, inner := range g.fieldsOf(f.Type) {
				inner.Index = append([]int{i}, inner.Index...)
				all = append(all, inner)
			}
		case f.Anonymous && f.Type.Kind() == reflect.Map:
			for _, name := range g.Protocols.Names() {
				all = append(all, field{f, name, true})
			}
		case key != "" && f.IsExported():
			all = append(all, field{f, key, false})
		}
	}
	return all
}

// doc returns what the field's tag says about the key.
func (f *field) doc() string {
	if f.perProtocol {
		return f.Tag.Get(f.key)
	}
	return f.Tag.Get("doc")
}

// list decodes a list. A single element may stand alone.
func (d *decoder) list(at, n *yaml.Node, v reflect.Value, p place) {
	elements := []*yaml.Node{at}
	switch n.Kind {
	case yaml.SequenceNode:
		if elements = n.Content; len(elements) == 0 {
			d.wrong(at, "%s is an empty list; name at least one, or leave the key out", p.name)
			return
		}
	case yaml.MappingNode:
		d.wrong(at, "%s wants a list%s, not %s", p.name, p.like(), describe(n))
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, min(len(elements), maxValues))
	for _, e := range elements {
		if d.spent {
			return
		}
		value := reflect.New(v.Type().Elem()).Elem()
		if d.decode(e, value, place{name: p.name, enum: p.enum}) {
			list = reflect.Append(list, value)
		}
	}
	v.Set(list)
}

// text records an error from a type that parses scalars itself.
func (d *decoder) text(at, n *yaml.Node, err error, p place) {
	switch {
	case err != nil && isSwitch(n):
		d.wrong(at, "%s: %v; to YAML a bare %s is true or false, write \"%s\" in quotes if you mean the word", p.name, err, n.Value, n.Value)
	case err != nil:
		d.wrong(at, "%s: %v%s", p.name, err, meant(err))
	}
}

// meant returns the hint for a value that isn't among the known ones.
func meant(err error) string {
	var value *fault.ValueError
	if !errors.As(err, &value) {
		return ""
	}
	if near := suggest.Nearest(value.Value, value.Known); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}

var duration = reflect.TypeFor[time.Duration]()

// scalar decodes Go's basic types.
func (d *decoder) scalar(at, n *yaml.Node, v reflect.Value, p place) {
	if v.Type() == duration {
		if t, err := time.ParseDuration(n.Value); err == nil && n.Kind == yaml.ScalarNode {
			v.SetInt(int64(t))
			return
		}
		d.wrong(at, "%s wants a duration, like 500ms, 20s or 5m, not %s", p.name, describe(n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		d.word(at, n, v, p)
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(n.Value, 10, v.Type().Bits())
		if err != nil || n.Tag != "!!int" {
			d.wrong(at, "%s wants a whole number, like 25, not %s", p.name, describe(n))
			return
		}
		v.SetInt(i)
	case reflect.Bool:
		switch {
		case isSwitch(n) && n.Tag != "!!bool":
			d.wrong(at, "%s wants true or false, not %s; write it so", p.name, n.Value)
			return
		case n.Tag != "!!bool":
			d.wrong(at, "%s wants true or false, without quotes, not %s", p.name, describe(n))
			return
		}
		v.SetBool(strings.EqualFold(n.Value, "true"))
	default:
		panic(fmt.Sprintf("scenarios: a fault has a field of type %v, which the decoder doesn't know", v.Type())) // a bug in mailrig
	}
}

func (d *decoder) word(at, n *yaml.Node, v reflect.Value, p place) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.wrong(at, "%s wants a text, not %s", p.name, describe(n))
	case isSwitch(n):
		d.wrong(at, "%s wants a text, and to YAML a bare %s is true or false; write \"%s\" in quotes", p.name, n.Value, n.Value)
	case n.Tag != "!!str":
		d.wrong(at, "%s wants a text, not %s; write \"%s\" in quotes", p.name, describe(n), n.Value)
	case p.enum != nil && !slices.Contains(p.enum, n.Value):
		d.wrong(at, "%s can't be %q; %s", p.name, n.Value, didYouMean(n.Value, p.enum))
	default:
		v.SetString(n.Value)
	}
}

// isSwitch reports whether a scalar is a bare true or false in YAML 1.2 or 1.1. The library follows neither completely;
// other readers and editors do.
func isSwitch(n *yaml.Node) bool {
	if n.Kind != yaml.ScalarNode || n.Style != 0 {
		return false
	}
	switch strings.ToLower(n.Value) {
	case "true", "false", "yes", "no", "on", "off", "y", "n":
		return true
	}
	return false
}

// describe says what is there in place of the right thing.
func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	}
	text := n.Value
	if r := []rune(text); len(r) > 40 {
		text = string(r[:40]) + "…"
	}
	switch n.Tag {
	case "!!null":
		return "nothing"
	case "!!int", "!!float":
		return "the number " + text
	case "!!bool":
		return text
	}
	return strconv.Quote(text)
}
