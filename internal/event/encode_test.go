package event

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"testing"
	"time"
)

// fill gives every field of a struct a value that isn't zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 1, 5, 10, 0, 0, 1, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.String:
		v.SetString("<x>\n\"ü\"")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Uint16, reflect.Uint32:
		v.SetUint(8)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(1))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	}
}

// TestEncoding: what Encode writes of every type of content, full or empty, Decode reads.
func TestEncoding(t *testing.T) {
	t.Parallel()
	var r Record
	fill(reflect.ValueOf(&r).Elem())
	r.Events = nil
	for _, empty := range contents {
		r.Events = append(r.Events, Event{What: empty})
		full := content(empty.what())
		fill(reflect.ValueOf(full).Elem())
		r.Events = append(r.Events, Event{At: time.Hour, Secure: true, By: "greylisting", What: full})
	}
	for _, r := range []*Record{&r, {}} {
		b, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(b)
		if err != nil {
			t.Fatalf("%v in %s", err, b)
		}
		if !reflect.DeepEqual(r, again) {
			t.Errorf("got  %+v\nwant %+v\nfrom %s", again, r, b)
		}
	}
}

// TestOtherEncodings: a record of another version is refused, a type of content that isn't known is left out.
func TestOtherEncodings(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `{}`, `{"Encoding":2,"Record":{"ID":"1"}}`, `{"Encoding":1}`} {
		if _, err := Decode([]byte(text)); err == nil {
			t.Errorf("%q is read", text)
		}
	}
	r, err := Decode([]byte(`{"Encoding":1,"Record":{"ID":"1","Events":[{"What":"prophecy","Is":{"Of":"rain"}},{"What":"finish"}]}}`))
	if err != nil || len(r.Events) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestContents: every type with a name is in the list, and the names differ.
func TestContents(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	names := map[name]bool{}
	for _, w := range contents {
		known[reflect.TypeOf(w).Elem().Name()] = true
		if names[w.what()] {
			t.Errorf("two types are %q", w.what())
		}
		names[w.what()] = true
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Name.Name != "what" {
				continue
			}
			of := fn.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
			if !known[of] {
				t.Errorf("%s can't be read back: add it to contents", of)
			}
		}
	}
}
