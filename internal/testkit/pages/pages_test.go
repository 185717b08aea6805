package pages

import (
	"reflect"
	"strings"
	"testing"
)

const example = "# A page\n" +
	"\n" +
	"Say `mailrig use greylisting`, or `mailrig\nsessions 12`; `mailrig` alone and `curl: (67) no` are no commands.\n" +
	"\n" +
	"```sh\n" +
	"mailrig use --none    # off\n" +
	"\n" +
	"mailrig run -- sh -c 'echo \"# no comment\"' \\\n" +
	"  | cat\n" +
	"```\n" +
	"\n" +
	"- in a list:\n" +
	"  ```sh\n" +
	"  make test\n" +
	"  ```\n" +
	"\n" +
	"```\n" +
	"$ mailrig explain \\\n" +
	"    hangs\n" +
	"It hangs.\n" +
	"$ mailrig version\n" +
	"mailrig devel\n" +
	"```\n" +
	"```sh\n" +
	"#!/bin/sh\n" +
	"exit 1\n" +
	"```\n" +
	"```yaml\n" +
	"rm: -rf\n" +
	"```\n"

func TestRead(t *testing.T) {
	t.Parallel()
	page, err := Read("a.md", example)
	if err != nil {
		t.Fatal(err)
	}
	want := []Command{
		{Page: "a.md", Line: 7, Text: "mailrig use --none"},
		{Page: "a.md", Line: 9, Text: "mailrig run -- sh -c 'echo \"# no comment\"' \\\n  | cat"},
		{Page: "a.md", Line: 15, Text: "make test"},
		{Page: "a.md", Line: 19, Text: "mailrig explain \\\n    hangs", Output: "It hangs."},
		{Page: "a.md", Line: 22, Text: "mailrig version", Output: "mailrig devel"},
		{Page: "a.md", Line: 3, Text: "mailrig use greylisting", Prose: true},
		{Page: "a.md", Line: 3, Text: "mailrig sessions 12", Prose: true},
	}
	if !reflect.DeepEqual(page.Commands, want) {
		t.Errorf("got\n%#v\nwant\n%#v", page.Commands, want)
	}
	if len(page.Scripts) != 1 || page.Scripts[0] != "#!/bin/sh\nexit 1\n" {
		t.Errorf("scripts %q", page.Scripts)
	}
}

// TestReadMistake checks that a command that no shell can read is an error that says where it stands.
func TestReadMistake(t *testing.T) {
	t.Parallel()
	_, err := Read("a.md", "\n```sh\nmailrig use 'greylisting\n```\n")
	if err == nil || !strings.Contains(err.Error(), "a.md: the block at line 2") {
		t.Errorf("the error is %v", err)
	}
}

func TestCalls(t *testing.T) {
	t.Parallel()
	calls, err := Calls(`mailrig wait --message to:"$USER" 2>&1 | grep -q 'a b' && (mailrig ca --client a\ b > $(mktemp -d)/ca.pem)`)
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"mailrig", "wait", "--message", "to:$USER"}, {"grep", "-q", "a b"}, {"mailrig", "ca", "--client", "a b"}, {"mktemp", "-d"}}
	if !reflect.DeepEqual(calls, want) {
		t.Errorf("got %q, want %q", calls, want)
	}
}
