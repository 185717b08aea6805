package event

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailrig/mailrig/internal/testkit/golden"
)

// contents returns the types of content that the package's source declares, by their names.
func contents(t *testing.T) map[string]name {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]name{}
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Name.Name != "what" || f.Recv == nil {
				continue
			}
			receiver := f.Recv.List[0].Type.(*ast.StarExpr).X.(*ast.Ident).Name
			value, err := strconv.Unquote(f.Body.List[0].(*ast.ReturnStmt).Results[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			out[receiver] = name(value)
		}
	}
	return out
}

func TestEveryContentHasADecoder(t *testing.T) {
	t.Parallel()
	declared := contents(t)
	for typ, n := range declared {
		fresh := names[n]
		if fresh == nil {
			t.Errorf("%s is called %q, and names has no decoder for it", typ, n)
			continue
		}
		if got := reflect.TypeOf(fresh()).Elem().Name(); got != typ || fresh().what() != n {
			t.Errorf("%q is decoded as a %s, and is a %s", n, got, typ)
		}
	}
	if len(names) != len(declared) {
		t.Errorf("%d names for %d types", len(names), len(declared))
	}
}

// fill sets every field to something else than its zero value.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Kind() {
	case reflect.String:
		v.SetString("text " + strconv.Itoa(*n))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*n))
	case reflect.Uint16, reflect.Uint32:
		v.SetUint(uint64(*n))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 1, 2, 3, 4, 5, *n, time.UTC)))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	default:
		panic("fill doesn't know " + v.Kind().String())
	}
}

// everything is a record with every type of content, and nothing in it zero.
func everything() *Record {
	r, n := new(Record), 0
	v := reflect.ValueOf(r).Elem()
	for i := range v.NumField() {
		if v.Type().Field(i).Name != "Events" {
			fill(v.Field(i), &n)
		}
	}
	for _, called := range slices.Sorted(maps.Keys(names)) {
		e := Event{At: time.Duration(len(r.Events) + 1), Secure: true, By: "scenario", What: names[called]()}
		fill(reflect.ValueOf(e.What).Elem(), &n)
		r.Events = append(r.Events, e)
	}
	return r
}

func TestEncoding(t *testing.T) {
	t.Parallel()
	for _, want := range []*Record{everything(), {}, recorded()} {
		b, err := Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got\n%+v\nwant\n%+v", got, want)
		}
	}
	b, err := Encode(everything())
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	if err := json.Indent(&lines, b, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "testdata/encoding.json", lines.String()+"\n")
}

// recorded is a record as a Recorder makes it, of bytes that JSON can't carry.
func recorded() *Record {
	_, r := begin(1, Info{Door: 25, Scenarios: []string{"a"}})
	r.Reply([]byte("220 \xff\x00\r\n"), "a")
	r.Command(Command{Line: "NOOP \xff", Verb: "NOOP", Args: "\xff"})
	r.Login(Login{User: "\xff\u202e", Mechanism: "PLAIN"})
	r.Stored(Stored{MessageID: "<\xff>", Recipients: []string{"\xff"}, Places: []Place{{"\xff", "\xff", 1}}})
	r.Body(Client, []byte("\xff"))
	r.End(EndedByClient)
	s := *r.Record()
	s.Start, s.End = s.Start.UTC(), s.End.UTC() // the same moments, as Decode returns them
	return &s
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ in, want string }{
		{`{"version":2,"record":{}}`, "version 2, and this mailrig reads versions up to 1; read it with a newer one"},
		{`{"version":1}`, "no version, or nothing else"},
		{`{"record":{}}`, "no version"},
		{`{"version":-1,"record":{}}`, "no version"},
		{`{}`, "no version"},
		{`[]`, "not a record"},
		{``, "not a record"},
		{`{"version":1,"record":[]}`, "read the record"},
		{`{"version":1,"record":{"Events":[{"name":"telepathy","what":{}}]}}`, `unknown type "telepathy"; read it with the mailrig that wrote it, or a newer one`},
		{`{"version":1,"record":{"Events":[{"name":"command"}]}}`, `type "command" has no content`},
		{`{"version":1,"record":{"Events":[{"name":"command","what":null}]}}`, `type "command" has no content`},
		{`{"version":1,"record":{"Events":[{"name":"command","what":{"Bytes":"x"}}]}}`, `an event of type "command": `},
	} {
		if r, err := Decode([]byte(tc.in)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %+v, %v; want an error with %q", tc.in, r, err, tc.want)
		}
	}
	if r, err := Decode([]byte(`{"version":1,"record":{"ID":"7","Mood":"new"}}`)); err != nil || r.ID != "7" {
		t.Errorf("a field that was added later: %+v, %v", r, err)
	}
	if _, err := Encode(&Record{Events: []Event{{}}}); err == nil {
		t.Error("an event without content is encoded")
	}
}

// FuzzDecode looks for what Decode takes and can't be encoded again, or comes out otherwise.
func FuzzDecode(f *testing.F) {
	for _, r := range []*Record{everything(), {}, recorded()} {
		b, err := Encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add([]byte(`{"version":2,"record":{}}`))
	f.Add([]byte(`{"version":1,"record":{"Events":[{"name":"telepathy","what":{}},null]}}`))
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
