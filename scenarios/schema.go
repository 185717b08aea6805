package scenarios

import (
	"encoding"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/fault"
)

// JSONSchema describes a scenario file in JSON Schema (draft-07), so that editors complete and explain it. The schema
// is made from the kinds of fault themselves. The loader is stricter: it also knows what can't be used together.
func JSONSchema() []byte { return Standard().JSONSchema() }

// JSONSchema is the function of that name for scenarios in this grammar.
func (g *Grammar) JSONSchema() []byte {
	text := func(doc string) object { return object{"type": "string", "description": doc} }
	var ids []string
	for _, e := range Expectations() {
		ids = append(ids, e.ID)
	}
	list := object{"anyOf": []object{
		{"type": "array", "items": object{"enum": ids}, "uniqueItems": true},
		{"enum": ids},
	}}
	schema := object{
		"$schema":              "http://json-schema.org/draft-07/schema#",
		"$id":                  "https://github.com/mailrig/mailrig/scenario.schema.json",
		"title":                "mailrig scenario",
		"type":                 "object",
		"additionalProperties": false,
		"required":             []string{"name", "title", "story", "rules"},
		"properties": object{
			"name":  object{"type": "string", "pattern": goodName.String(), "maxLength": maxName, "description": "the file's own name, without .yaml"},
			"title": text("one line for a list"),
			"story": text("what happens in the world, what the client sees, what a good client does"),
			"rules": object{"type": "array", "minItems": 1, "maxItems": maxRules, "items": g.ruleSchema()},
			"expect": object{
				"type": "object", "additionalProperties": false, "description": "what a good client does",
				"properties": object{
					"require": list, "forbid": list,
					"command": object{"enum": []string{CommandSucceeds, CommandFails}, "description": "what a trial's command must report"},
					"mail":    object{"enum": []string{MailOnce, MailNone}, "description": "how often each message that the client sends must have arrived"},
					"within":  object{"type": "string", "description": "how long a trial's command may take, such as 30s"},
				},
			},
		},
	}
	out, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic(err) // nothing in it can fail
	}
	return append(out, '\n')
}

type object = map[string]any

func (g *Grammar) ruleSchema() object {
	properties := object{
		"match":  g.structSchema(reflect.TypeFor[fault.Match](), "when the rule acts; all that is given must fit"),
		"after":  g.momentSchema("when the rule begins to act: a time after the connection began, or a command that has been answered OK"),
		"until":  g.momentSchema("when the rule stops: a time after the connection began, or a command that has been answered OK"),
		"chance": object{"type": "string", "pattern": `^[0-9]+(\.[0-9]+)?%$`, "description": "how probable it is that the rule acts where it could, such as 10%"},
		"skip":   object{"type": "integer", "minimum": 0, "description": "how many matches pass first"},
		"times":  object{"type": "integer", "minimum": 0, "description": "how often the rule acts then; for ever by default"},
		"per":    object{"enum": perNames(), "description": "what skip, times, after, until, chance and rate-limit count separately for"},
	}
	var one []object
	for _, k := range g.Kinds {
		properties[k.Name] = g.kindSchema(k)
		one = append(one, object{"required": []string{k.Name}})
	}
	return object{"type": "object", "additionalProperties": false, "properties": properties, "oneOf": one}
}

// momentSchema describes after and until.
func (g *Grammar) momentSchema(doc string) object {
	return object{"description": doc, "anyOf": []object{
		typeSchema(duration),
		g.structSchema(reflect.TypeFor[fault.Moment](), ""),
	}}
}

// kindSchema describes a fault's value: a scalar, a list, a map, or a choice of them.
func (g *Grammar) kindSchema(k fault.Kind) object {
	v := k.New()
	t := reflect.TypeOf(v).Elem()
	var forms []object
	switch u := v.(type) {
	case fault.ReplyReader:
		forms = append(forms, object{"type": "string"})
	case encoding.TextUnmarshaler:
		forms = append(forms, scalarSchema(u, k))
	}
	switch {
	case t.Kind() == reflect.Slice:
		forms = append(forms, typeSchema(t))
	case len(g.fieldsOf(t)) > 0:
		forms = append(forms, g.structSchema(t, ""))
	}
	doc := k.Doc + " Example: " + k.Example
	if len(forms) == 1 {
		forms[0]["description"] = doc
		return forms[0]
	}
	return object{"anyOf": forms, "description": doc}
}

// scalarSchema finds out which words a kind knows by giving it one that can't be valid.
func scalarSchema(u encoding.TextUnmarshaler, k fault.Kind) object {
	var value *fault.ValueError
	if err := u.UnmarshalText([]byte("\x00")); errors.As(err, &value) && !value.Open {
		return object{"enum": value.Known}
	}
	if strings.Trim(k.Example, "0123456789") == "" {
		return object{"type": "integer", "minimum": 1}
	}
	return object{"type": "string"}
}

func (g *Grammar) structSchema(t reflect.Type, doc string) object {
	properties := object{}
	for _, f := range g.fieldsOf(t) {
		typ := f.Type
		if f.perProtocol {
			typ = typ.Elem()
		}
		s := typeSchema(typ)
		if typ.Kind() == reflect.Struct {
			s = g.structSchema(typ, "")
		}
		if words := g.enum(f.Tag.Get("enum")); words != nil {
			switch s["type"] {
			case "string":
				s = object{"enum": words}
			default:
				s = object{"anyOf": []object{{"enum": words}, {"type": "array", "items": object{"enum": words}}}}
			}
		}
		if d := f.doc(); d != "" {
			s["description"] = g.doc(d)
		}
		properties[f.key] = s
	}
	out := object{"type": "object", "additionalProperties": false, "properties": properties}
	if doc != "" {
		out["description"] = doc
	}
	return out
}

func typeSchema(t reflect.Type) object {
	switch {
	case t == reflect.TypeFor[time.Duration]():
		return object{"type": "string", "pattern": `^[0-9.]+(ns|us|µs|ms|s|m|h)([0-9.]+(ns|us|µs|ms|s|m|h))*$`}
	case t.Kind() == reflect.Pointer:
		return typeSchema(t.Elem())
	case t.Kind() == reflect.Slice:
		item := typeSchema(t.Elem())
		return object{"anyOf": []object{item, {"type": "array", "items": item, "minItems": 1}}}
	case t.Kind() == reflect.Bool:
		return object{"type": "boolean"}
	case t.Kind() == reflect.String:
		return object{"type": "string"}
	default:
		return object{"type": "integer", "minimum": 0}
	}
}
