package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestReadSessions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"sessions":[],"next":7}`:                                          "",
		`{"sessions":[{"id":"a","findings":[]},{"id":"b"}],"next":7}`:       "a b",
		`{"next":7,"more":{"x":[1]},"sessions":[{"id":"a","units":[{}]}]} `: "a",
	} {
		var got []string
		next, err := readSessions(json.NewDecoder(strings.NewReader(text)), func(s *judged) error {
			got = append(got, s.ID)
			return nil
		})
		if err != nil || next != 7 || strings.Join(got, " ") != want {
			t.Errorf("%s: %q, %d, %v", text, got, next, err)
		}
	}
	for _, text := range []string{``, `[]`, `{"sessions":{}}`, `{"sessions":[{"id":"a"}`, `{"sessions":[1]}`, `"x"`, `{"next":"x"}`} {
		if _, err := readSessions(json.NewDecoder(strings.NewReader(text)), func(*judged) error { return nil }); err == nil {
			t.Errorf("%s is read without an error", text)
		}
	}
}
