package scenarios

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"github.com/mailrig/mailrig/internal/fault"
)

// TestJSONSchema checks that the schema has every key that the loader accepts, and a description of each.
func TestJSONSchema(t *testing.T) {
	t.Parallel()
	var schema struct {
		Schema     string `json:"$schema"`
		Properties map[string]struct {
			Items struct {
				Properties map[string]map[string]any
				OneOf      []any
			}
		}
	}
	if err := json.Unmarshal(JSONSchema(), &schema); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(schema.Schema, "draft-07") {
		t.Errorf("$schema: %q", schema.Schema)
	}
	for _, key := range fileKeys {
		if _, ok := schema.Properties[key]; !ok {
			t.Errorf("no property %q", key)
		}
	}
	rule := schema.Properties["rules"].Items
	for _, key := range append(Standard().faultKeys(), ruleKeys...) {
		if rule.Properties[key]["description"] == nil {
			t.Errorf("rules have no described property %q", key)
		}
	}
	if len(rule.OneOf) != len(fault.Kinds()) {
		t.Errorf("%d faults in oneOf, %d kinds", len(rule.OneOf), len(fault.Kinds()))
	}
	if got := rule.Properties["connect"]["enum"]; !reflect.DeepEqual(got, toAny(fault.ConnectModes)) {
		t.Errorf("connect: %v", got)
	}
}

func toAny(list []string) (out []any) {
	for _, s := range list {
		out = append(out, s)
	}
	return out
}

// TestCatalogueFitsTheSchema asks an independent validator.
func TestCatalogueFitsTheSchema(t *testing.T) {
	t.Parallel()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(JSONSchema()))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("scenario.json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("scenario.json")
	if err != nil {
		t.Fatal(err)
	}
	check := func(data []byte) error {
		var v any
		if err := yaml.Unmarshal(data, &v); err != nil {
			t.Fatal(err)
		}
		return schema.Validate(v)
	}
	files, err := filepath.Glob("catalogue/*/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := check(data); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, k := range fault.Kinds() {
		if err := check([]byte(head + "rules: [{" + k.Name + ": " + k.Example + "}]")); err != nil {
			t.Errorf("the example of %s: %v", k.Name, err)
		}
	}
	for _, wrong := range []string{
		"rules: [{connect: explode}]", "rules: [{reply: {smpt: x}}]", "rules: [{}]", "rules: []", "rules: [{connect: drop, security: tls}]",
		"rules: [{match: {protocol: http}, connect: drop}]", "rules: [{connect: drop}]\nexpect: {require: [nothing]}", "rules: [{connect: drop, times: -1}]",
	} {
		if check([]byte(head+wrong)) == nil {
			t.Errorf("the schema takes %q", wrong)
		}
	}
}
