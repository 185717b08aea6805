package shared

import (
	"bytes"
	"database/sql"
	"encoding/hex"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// statements are those of package tables in PostgreSQL's words. Their number has a bound, because their texts are constants.
type statements struct{ known sync.Map }

var (
	tableNames   = lazyregexp.New(`\b(FROM|INTO|UPDATE|JOIN) [a-z]+\b\.?`)
	planHints    = lazyregexp.New(` INDEXED BY [a-z_]+|CROSS (JOIN)`) // which SQLite needs
	placeholders = lazyregexp.New(`\?(\d*)`)
)

// of returns a statement with the schema's name before each table, and with numbered arguments.
func (s *statements) of(query string) string {
	if text, ok := s.known.Load(query); ok {
		return text.(string)
	}
	text := planHints.ReplaceAllString(query, "$1")
	text = tableNames.ReplaceAllStringFunc(text, func(table string) string {
		if strings.HasSuffix(table, ".") { // it has the schema's name
			return table
		}
		return strings.Replace(table, " ", " mailrig.", 1)
	})
	n := 0
	text = placeholders.ReplaceAllStringFunc(text, func(p string) string {
		if n++; len(p) > 1 {
			return "$" + p[1:]
		}
		return "$" + strconv.Itoa(n)
	})
	s.known.Store(query, text)
	return text
}

// arguments returns what PostgreSQL takes: 64-bit numbers, and texts in which every byte can be.
func arguments(args []any) []any {
	out := make([]any, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case nil, int64:
			out[i] = a
		case string:
			out[i] = quoted(a)
		case []byte:
			out[i] = bytes.Clone(a) // it is sent later
		default:
			out[i] = number(a)
		}
	}
	return out
}

func number(a any) int64 {
	v := reflect.ValueOf(a)
	switch {
	case v.CanInt():
		return v.Int()
	case v.CanUint():
		return int64(v.Uint())
	}
	panic(fmt.Sprintf("a statement has an argument of type %T", a))
}

// escape begins a text that PostgreSQL couldn't hold as it is. Its bytes follow in hexadecimal.
const escape = "\x01"

// quoted returns a text that PostgreSQL can hold: a user's name may be anything. Nearly every text stays as it is.
func quoted(s string) string {
	if utf8.ValidString(s) && !strings.HasPrefix(s, escape) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return escape + hex.EncodeToString([]byte(s))
}

func unquoted(s string) string {
	text, found := strings.CutPrefix(s, escape)
	if !found {
		return s
	}
	raw, err := hex.DecodeString(text)
	if err != nil {
		return s
	}
	return string(raw)
}

// unquote turns texts that were read into what they were.
func unquote(dest []any) {
	for _, d := range dest {
		switch d := d.(type) {
		case *string:
			*d = unquoted(*d)
		case *sql.NullString:
			d.String = unquoted(d.String)
		}
	}
}
