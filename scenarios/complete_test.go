package scenarios

import (
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	t.Parallel()
	const head = "name: mine\ntitle: Mine\nstory: s\n"
	for text, want := range map[string]string{
		"":                              "expect name rules story title",
		"na":                            "name",
		head:                            "expect rules",
		head + "rules:\n  - ma":         "match",
		head + "rules:\n  - match: {do": "door",
		head + "rules:\n  - match: {door: 25, pro":                    "protocol",
		head + "rules:\n  - match: {door: 25}\n    connect: r":        "refuse reset",
		head + "rules:\n  - match:\n      door: 25\n      prot":       "protocol",
		head + "rules:\n  - match: {protocol: sm":                     "smtp",
		head + "rules:\n  - certificate: exp":                         "expired expired-intermediate",
		head + "rules:\n  - connect: drop\nexpect: {require: [mail-s": "mail-sent mail-sent-in-clear",
		head + "rules:\n  - connect: drop\nexpect:\n  ma":             "mail",
		head + "rules:\n  - connect: drop\nexpect:\n  mail: o":        "once",
		"nonsense: x: {": "",
	} {
		list, begun := Standard().Complete(text, len(text))
		var got []string
		for _, c := range list {
			got = append(got, c.Text)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q (begun %d)", text, got, want, begun)
		}
	}
	list, _ := Standard().Complete(head+"rules:\n  - gr", len(head)+len("rules:\n  - gr"))
	if len(list) == 0 || list[0].Doc == "" || !list[0].Key {
		t.Errorf("%+v", list)
	}
}

func FuzzComplete(f *testing.F) {
	f.Add("name: x\nrules:\n  - match: {door: [25, ", 20)
	f.Fuzz(func(t *testing.T, text string, offset int) {
		_, begun := Standard().Complete(text, offset)
		if begun > len(text) {
			t.Errorf("%d bytes of %d have been begun", begun, len(text))
		}
	})
}
