package event

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/testkit/golden"
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

// TestEncoding checks that Decode reads what Encode writes, for every type of content, full and empty.
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

// TestEncodingStays checks that the stored form keeps its field names.
func TestEncodingStays(t *testing.T) {
	t.Parallel()
	var r Record
	fill(reflect.ValueOf(&r).Elem())
	r.Events = nil
	for _, empty := range contents {
		full := content(empty.what())
		fill(reflect.ValueOf(full).Elem())
		r.Events = append(r.Events, Event{At: time.Hour, Secure: true, By: "greylisting", What: full})
	}
	b, err := Encode(&r)
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	if err := json.Indent(&lines, b, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/encoding.json", lines.String()+"\n")
}

// TestRecordedIsEncoded checks that encoding preserves client data that JSON can't carry as it is.
func TestRecordedIsEncoded(t *testing.T) {
	t.Parallel()
	want := recorded()
	b, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Decode(b); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
	}
}

// recorded returns a record that a Recorder has made.
func recorded() *Record {
	_, r := begin(1, Info{Door: 25, Scenarios: []string{"a"}})
	r.Reply([]byte("220 \xff\x00\r\n"), "a")
	r.Command(&Command{Line: "NOOP \xff", Verb: "NOOP", Args: "\xff"})
	r.Login(Login{User: "\xff\u202e", Mechanism: "PLAIN"})
	r.Stored(Stored{MessageID: "<\xff>", Recipients: []string{"\xff"}, Places: []Place{{"\xff", "\xff", 1}}})
	r.Body(Client, []byte("\xff"))
	r.End(EndedByClient)
	s := *r.Record()
	s.Start, s.End = s.Start.UTC(), s.End.UTC() // the same moments, as Decode returns them
	return &s
}

// TestDecodeRefuses checks that Decode explains why it refuses foreign input, or a record from another version.
func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{`{"Encoding":2,"Record":{"ID":"1"}}`, "encoding 2, and this mailrig reads encodings up to 1; read it with a newer one"},
		{`{"Encoding":1}`, "no encoding, or nothing else"},
		{`{"Record":{"ID":"1"}}`, "no encoding"},
		{`{}`, "no encoding"},
		{``, "can't be read"},
		{`[]`, "can't be read"},
		{`{"Encoding":1,"Record":[]}`, "can't be read"},
		{`{"Encoding":1,"Record":{"Events":[{"What":"telepathy","Is":{}}]}}`, `unknown type "telepathy"; read it with the mailrig that wrote it, or a newer one`},
		{`{"Encoding":1,"Record":{"Events":[null]}}`, `unknown type ""`},
		{`{"Encoding":1,"Record":{"Events":[{"What":"command","Is":{"Bytes":"x"}}]}}`, `an event of type "command": `},
	} {
		if r, err := Decode([]byte(tc.in)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %+v, %v; want an error with %q", tc.in, r, err, tc.want)
		}
	}
	if r, err := Decode([]byte(`{"Encoding":1,"Record":{"ID":"7","Mood":"new"}}`)); err != nil || r.ID != "7" {
		t.Errorf("a field that was added later: %+v, %v", r, err)
	}
	if _, err := Encode(&Record{Events: []Event{{}}}); err == nil {
		t.Error("an event without content is encoded")
	}
}

// FuzzDecode looks for input that Decode accepts but that Encode can't write back, or writes differently.
func FuzzDecode(f *testing.F) {
	for _, empty := range contents { // small seeds: the fuzzer shortens large ones slowly
		full := content(empty.what())
		fill(reflect.ValueOf(full).Elem())
		b, err := Encode(&Record{Events: []Event{{What: full}}})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"Encoding":2,"Record":{}}`))
	f.Add([]byte(`{"Encoding":1,"Record":{"Events":[{"What":"telepathy","Is":{}},null]}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Decode(b)
		if err != nil {
			return
		}
		out, err := Encode(r)
		if err != nil {
			t.Fatalf("%s is decoded, and can't be encoded: %v", b, err)
		}
		again, err := Decode(out)
		if err != nil {
			t.Fatalf("%s is encoded as %s, which can't be decoded: %v", b, out, err)
		}
		final, err := Encode(again)
		if err != nil || !bytes.Equal(out, final) {
			t.Fatalf("%s\nis encoded again as\n%s, %v", out, final, err)
		}
	})
}

// TestContents checks that contents lists every type with a name, and that the names differ.
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
