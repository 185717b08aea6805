// Package openapi is for tests: it checks answers of the HTTP API against its OpenAPI document.
//
// A schema of OpenAPI 3.1 is a JSON Schema (draft 2020-12), so a library for these does the work. Libraries that know all
// of OpenAPI would double the time that CI takes to build.
package openapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

const address = "openapi.json"

// Document is an OpenAPI document. Any number of goroutines may use it.
type Document struct {
	root  map[string]any
	paths map[string]map[string]any

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema // by pointer
}

// Load reads a document. Every schema in its answers must compile, every reference must lead somewhere, and every
// operation must have an id of its own and answers.
func Load(source []byte) (*Document, error) {
	var root any
	if err := yaml.Unmarshal(source, &root); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	text, err := json.Marshal(root)
	if err != nil {
		return nil, fmt.Errorf("the OpenAPI document isn't JSON: %w", err)
	}
	d := &Document{compiler: jsonschema.NewCompiler(), schemas: map[string]*jsonschema.Schema{}}
	d.compiler.DefaultDraft(jsonschema.Draft2020)
	d.compiler.AssertFormat()
	plain, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		return nil, err
	}
	if err := d.compiler.AddResource(address, plain); err != nil {
		return nil, err
	}
	d.root, _ = plain.(map[string]any)
	if err := references(d.root, d.root); err != nil {
		return nil, err
	}
	ids := map[string]bool{}
	d.paths = map[string]map[string]any{}
	paths, _ := d.root["paths"].(map[string]any)
	for path, item := range paths {
		d.paths[path], _ = item.(map[string]any)
		for method := range d.paths[path] {
			if method == "parameters" {
				continue
			}
			op, _ := d.paths[path][method].(map[string]any)
			id, _ := op["operationId"].(string)
			if id == "" || ids[id] {
				return nil, fmt.Errorf("%s %s has no operationId of its own", method, path)
			}
			ids[id] = true
			answers, _ := op["responses"].(map[string]any)
			if len(answers) == 0 {
				return nil, fmt.Errorf("%s %s has no responses", method, path)
			}
			for status := range answers {
				answer, at := d.answer(path, method, status)
				content, _ := answer["content"].(map[string]any)
				for kind, media := range content {
					if m, _ := media.(map[string]any); m["schema"] != nil {
						if _, err := d.schema(at + "/content/" + escape(kind) + "/schema"); err != nil {
							return nil, fmt.Errorf("%s %s: %w", method, path, err)
						}
					}
				}
			}
		}
	}
	return d, nil
}

// Operations lists the operations, like "GET /api/v1/mail".
func (d *Document) Operations() (list []string) {
	for path, item := range d.paths {
		for method := range item {
			if method != "parameters" {
				list = append(list, strings.ToUpper(method)+" "+path)
			}
		}
	}
	slices.Sort(list)
	return list
}

// Tags returns the tags of an operation.
func (d *Document) Tags(operation string) (tags []string) {
	method, path, _ := strings.Cut(operation, " ")
	op, _ := d.paths[path][strings.ToLower(method)].(map[string]any)
	list, _ := op["tags"].([]any)
	for _, tag := range list {
		tags = append(tags, fmt.Sprint(tag))
	}
	return tags
}

// Bodies returns the media types of the body that an operation takes. It is empty if the operation takes none.
func (d *Document) Bodies(operation string) []string {
	method, path, _ := strings.Cut(operation, " ")
	op, _ := d.paths[path][strings.ToLower(method)].(map[string]any)
	body, _ := op["requestBody"].(map[string]any)
	content, _ := body["content"].(map[string]any)
	return slices.Sorted(maps.Keys(content))
}

// Check returns how an answer differs from what the document promises for the request, or nil. body is the answer's.
func (d *Document) Check(r *http.Request, resp *http.Response, body []byte) error {
	path := d.Path(r.URL.Path)
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("%s %s: %s isn't as documented: %s\n%.2000s", r.Method, r.URL.Path, resp.Status, fmt.Sprintf(format, args...), body)
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	method := strings.ToLower(r.Method)
	status := fmt.Sprint(resp.StatusCode)
	if path == "" || d.paths[path][method] == nil {
		// Nothing is documented there; the error is.
		if resp.StatusCode < 400 {
			return wrong("there is no such operation")
		}
		if kind == "text/plain" && d.plain(path) {
			return nil
		}
		if strings.HasPrefix(r.URL.Path, "/api") {
			return d.fits("/components/schemas/Problem", body, wrong)
		}
		return nil
	}
	op, _ := d.paths[path][method].(map[string]any)
	answers, _ := op["responses"].(map[string]any)
	if answers[status] == nil {
		status = "default"
	}
	if answers[status] == nil {
		return wrong("it has %s", strings.Join(slices.Sorted(maps.Keys(answers)), ", "))
	}
	answer, at := d.answer(path, method, status)
	content, _ := answer["content"].(map[string]any)
	if len(content) == 0 {
		if len(body) > 0 {
			return wrong("it has no body")
		}
		return nil
	}
	if content[kind] == nil && content["*/*"] != nil {
		kind = "*/*"
	}
	media, ok := content[kind].(map[string]any)
	if !ok {
		return wrong("its type is %q, not %s", kind, strings.Join(slices.Sorted(maps.Keys(content)), ", "))
	}
	if media["schema"] == nil {
		return nil
	}
	if !strings.HasSuffix(kind, "json") {
		body, _ = json.Marshal(string(body))
	}
	return d.fits(at+"/content/"+escape(kind)+"/schema", body, wrong)
}

// plain reports whether an operation of a path has errors in plain text. One that it doesn't have may have them, too.
func (d *Document) plain(path string) bool {
	for method := range d.paths[path] {
		answer, _ := d.answer(path, method, "default")
		if content, _ := answer["content"].(map[string]any); content["text/plain"] != nil {
			return true
		}
	}
	return false
}

// Fits returns how a value in JSON differs from a schema in components/schemas, or nil.
func (d *Document) Fits(schema string, body []byte) error {
	return d.fits("/components/schemas/"+schema, body, func(format string, args ...any) error {
		return fmt.Errorf("it isn't a %s: %s\n%.2000s", schema, fmt.Sprintf(format, args...), body)
	})
}

func (d *Document) fits(pointer string, body []byte, wrong func(string, ...any) error) error {
	s, err := d.schema(pointer)
	if err != nil {
		return err
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
	if err != nil {
		return wrong("it isn't JSON: %v", err)
	}
	if err := s.Validate(v); err != nil {
		return wrong("%v", err)
	}
	return nil
}

func (d *Document) schema(pointer string) (*jsonschema.Schema, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.schemas[pointer]; s != nil {
		return s, nil
	}
	s, err := d.compiler.Compile(address + "#" + pointer)
	d.schemas[pointer] = s
	return s, err
}

// answer returns what an operation answers with this status, and where that stands.
func (d *Document) answer(path, method, status string) (answer map[string]any, pointer string) {
	op, _ := d.paths[path][method].(map[string]any)
	answers, _ := op["responses"].(map[string]any)
	answer, _ = answers[status].(map[string]any)
	pointer = "/paths/" + escape(path) + "/" + method + "/responses/" + status
	if ref, ok := answer["$ref"].(string); ok {
		pointer = strings.TrimPrefix(ref, "#")
		answer, _ = lookUp(d.root, ref).(map[string]any)
	}
	return answer, pointer
}

// Path returns the path of the document that a URL's path is an instance of, or "".
func (d *Document) Path(path string) string {
	if d.paths[path] != nil {
		return path
	}
	parts := strings.Split(path, "/")
	for pattern := range d.paths {
		want := strings.Split(pattern, "/")
		if len(want) == len(parts) && same(want, parts) {
			return pattern
		}
	}
	return ""
}

func same(pattern, parts []string) bool {
	for i, p := range pattern {
		if !strings.HasPrefix(p, "{") && p != parts[i] || parts[i] == "" && p != "" {
			return false
		}
	}
	return true
}

// references checks that every $ref leads somewhere.
func references(root map[string]any, v any) error {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && lookUp(root, ref) == nil {
			return fmt.Errorf("%s leads nowhere", ref)
		}
		for _, each := range v {
			if err := references(root, each); err != nil {
				return err
			}
		}
	case []any:
		for _, each := range v {
			if err := references(root, each); err != nil {
				return err
			}
		}
	}
	return nil
}

func lookUp(root map[string]any, ref string) any {
	var v any = root
	for _, key := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
		m, _ := v.(map[string]any)
		v = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(key)]
	}
	return v
}

func escape(key string) string {
	return strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", "*", "%2A").Replace(key)
}
