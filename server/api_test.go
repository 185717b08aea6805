package server_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/server"
)

// TestNoInternalTypeIsGivenAway checks that a caller outside this module can name every type that the server takes and
// returns.
func TestNoInternalTypeIsGivenAway(t *testing.T) {
	t.Parallel()
	// Package server has names for these, with documentation of their fields.
	named := []reflect.Type{
		reflect.TypeFor[server.Condition](), reflect.TypeFor[server.Outcome](), reflect.TypeFor[server.Mail](), reflect.TypeFor[server.Session](),
		reflect.TypeFor[server.Finding](), reflect.TypeFor[server.Door](),
	}
	var look func(where string, t reflect.Type)
	var wrong []string
	look = func(where string, x reflect.Type) {
		switch x.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan, reflect.Map:
			if x.Name() == "" {
				look(where, x.Elem())
				return
			}
		case reflect.Func:
			for i := range x.NumIn() {
				look(where, x.In(i))
			}
			for i := range x.NumOut() {
				look(where, x.Out(i))
			}
		}
		if strings.Contains(x.PkgPath(), "/internal/") && !slices.Contains(named, x) {
			wrong = append(wrong, where+" has a "+x.String())
		}
	}
	s := reflect.TypeFor[*server.Server]()
	for i := range s.NumMethod() {
		m := s.Method(i)
		for j := 1; j < m.Type.NumIn(); j++ {
			look(m.Name, m.Type.In(j))
		}
		for j := range m.Type.NumOut() {
			look(m.Name, m.Type.Out(j))
		}
	}
	c := reflect.TypeFor[server.Config]()
	for i := range c.NumField() {
		if f := c.Field(i); f.IsExported() {
			look("Config."+f.Name, f.Type)
		}
	}
	for _, w := range wrong {
		t.Error(w)
	}
}
