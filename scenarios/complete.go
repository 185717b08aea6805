package scenarios

import (
	"encoding/json"
	"slices"
	"strings"
)

// Completion is one thing that can be written at a place in a scenario file.
type Completion struct {
	Text string // to be put in the place of what has been begun
	Doc  string // what it means; "" if nothing is known
	Key  bool   // it is a key: a colon follows
}

// Complete lists what can be written at an offset of an unfinished scenario, in bytes, and returns how many bytes before
// the offset have been begun of it. It follows the schema, so it knows what the grammar knows.
func (g *Grammar) Complete(text string, offset int) (list []Completion, begun int) {
	offset = max(0, min(offset, len(text)))
	var schema map[string]any
	if err := json.Unmarshal(g.JSONSchema(), &schema); err != nil {
		return nil, 0 // a test reads it
	}
	at := cursorAt(text[:offset])
	node := schema
	for _, key := range at.path {
		if node = within(node, key); node == nil {
			return nil, 0
		}
	}
	if at.value {
		for _, word := range choices(node) {
			list = append(list, Completion{Text: word, Doc: described(within(node, word))})
		}
	} else {
		properties, _ := fields(node)["properties"].(map[string]any)
		for key, p := range properties {
			if !slices.Contains(at.siblings, key) {
				list = append(list, Completion{key, described(p), true})
			}
		}
	}
	list = slices.DeleteFunc(list, func(c Completion) bool { return !strings.HasPrefix(c.Text, at.begun) || c.Text == at.begun })
	slices.SortFunc(list, func(a, b Completion) int { return strings.Compare(a.Text, b.Text) })
	return list, len(at.begun)
}

// place in a file.
type cursor struct {
	path     []string // the keys around it
	value    bool     // a value is expected, not a key
	begun    string
	siblings []string // keys that are there already
}

// cursorAt finds out where the end of a text is. It reads YAML's indentation, and braces and brackets in the last line.
func cursorAt(before string) cursor {
	lines := strings.Split(before, "\n")
	last := lines[len(lines)-1]
	indent, rest := indentation(last)
	var at cursor
	for i, limit := len(lines)-2, indent; i >= 0; i-- { // the keys above it that are further left, and beside it
		depth, line := indentation(lines[i])
		key, value, ok := strings.Cut(line, ":")
		key = strings.TrimSpace(key)
		switch {
		case line == "" || strings.HasPrefix(line, "#") || !ok:
		case depth == indent && limit == indent:
			at.siblings = append(at.siblings, key)
			if strings.HasPrefix(strings.TrimLeft(lines[i], " "), "- ") {
				limit = indent - 1 // the element of the list begins here
			}
		case depth < limit && (strings.TrimSpace(value) == "" || depth < indent-2):
			at.path = append([]string{key}, at.path...)
			limit = depth
		}
	}
	for { // into what is open in the last line
		open := strings.IndexAny(rest, "{[:")
		if open < 0 {
			break
		}
		switch rest[open] {
		case ':':
			if after := rest[open+1:]; after != "" && after[0] != ' ' {
				return at // not a key
			}
			at.path, at.value = append(at.path, strings.TrimSpace(rest[:open])), true
			rest = rest[open+1:]
		case '{':
			at.value, at.siblings, rest = false, nil, rest[open+1:]
			for { // what is complete inside it
				comma := strings.Index(rest, ",")
				if colon := strings.Index(rest, ":"); comma < 0 || colon < 0 || strings.Contains(rest[:comma], "[") && !strings.Contains(rest[:comma], "]") {
					break
				} else if colon < comma {
					at.siblings = append(at.siblings, strings.TrimSpace(rest[:colon]))
				}
				rest = rest[comma+1:]
			}
		case '[':
			rest = rest[open+1:]
			if comma := strings.LastIndex(rest, ","); comma >= 0 {
				rest = rest[comma+1:]
			}
		}
	}
	at.begun = strings.TrimSpace(rest)
	return at
}

// indentation returns how far a line is indented, and the rest of it. The hyphen of a list counts.
func indentation(line string) (int, string) {
	rest := strings.TrimLeft(line, " ")
	if item, ok := strings.CutPrefix(rest, "- "); ok {
		rest = strings.TrimLeft(item, " ")
	}
	return len(line) - len(rest), strings.TrimRight(rest, "\r")
}

// within returns the schema of a key's value.
func within(node map[string]any, key string) map[string]any {
	properties, _ := fields(node)["properties"].(map[string]any)
	value, _ := properties[key].(map[string]any)
	return value
}

// fields returns the part of a schema that has properties: itself, its elements, or one of its alternatives.
func fields(node map[string]any) map[string]any {
	if node == nil || node["properties"] != nil {
		return node
	}
	if items, ok := node["items"].(map[string]any); ok {
		return fields(items)
	}
	some, _ := node["anyOf"].([]any)
	for _, s := range some {
		if one, ok := s.(map[string]any); ok {
			if f := fields(one); f["properties"] != nil {
				return f
			}
		}
	}
	return node
}

// choices returns the words that a value may be.
func choices(node map[string]any) (all []string) {
	words, _ := node["enum"].([]any)
	for _, w := range words {
		if s, ok := w.(string); ok {
			all = append(all, s)
		}
	}
	if items, ok := node["items"].(map[string]any); ok {
		all = append(all, choices(items)...)
	}
	some, _ := node["anyOf"].([]any)
	for _, s := range some {
		if one, ok := s.(map[string]any); ok {
			all = append(all, choices(one)...)
		}
	}
	if node["type"] == "boolean" {
		all = append(all, "true", "false")
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func described(node any) string {
	m, _ := node.(map[string]any)
	text, _ := m["description"].(string)
	return text
}
