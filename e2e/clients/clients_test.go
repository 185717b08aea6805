package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/mailrig/mailrig/internal/trial"
)

// load reads the stored verdicts, from the root of the project.
func load(t *testing.T) ([]Client, *Verdicts) {
	t.Helper()
	t.Chdir("../..")
	clients, err := readClients(folder + "/clients.txt")
	if err != nil {
		t.Fatal(err)
	}
	v, err := readVerdicts(kept, clients)
	if err != nil {
		t.Fatal(err)
	}
	return clients, v
}

// TestPage checks that the page says what was found, and that every client has been tried under every scenario.
func TestPage(t *testing.T) {
	clients, v := load(t)
	if names := v.untried(clients); len(names) > 0 {
		t.Errorf("not every client has been tried under %v: go run ./e2e/clients -update -scenario …", names)
	}
	remarks, err := os.ReadFile(notes)
	if err != nil {
		t.Fatal(err)
	}
	want := pages(clients, v, string(remarks))
	for file, text := range want {
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s isn't what is kept (%v): go run ./e2e/clients -render", file, err)
		}
	}
	there, err := filepath.Glob(folderOfPages + "/*")
	if err != nil || len(there) != len(want)-1 {
		t.Errorf("%s has %d files for %d clients (%v): go run ./e2e/clients -render", folderOfPages, len(there), len(want)-1, err)
	}
	if again := v.text(clients); true {
		if data, err := os.ReadFile(kept); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%s isn't as it would be written (%v)", kept, err)
		}
	}
}

// surprising are failures of careful settings that the transcript confirms. notes.txt says what was found.
var surprising = map[string]string{"swaks -tls --tls-verify": "cert-wrong-host"}

// TestCarelessAreCaught checks that a careless setting fails where it is careless, and that a careful one passes there.
func TestCarelessAreCaught(t *testing.T) {
	clients, v := load(t)
	caught := map[string][]string{
		"any certificate":                      {"cert-self-signed", "cert-untrusted-root", "cert-wrong-host", "cert-expired"},
		"TLS only if offered":                  {"starttls-stripped", "starttls-not-offered"},
		"TLS only if offered, any certificate": {"starttls-stripped", "starttls-not-offered", "cert-self-signed"},
		"no TLS":                               {"starttls-stripped", "starttls-not-offered"},
		"careful":                              nil,
	}
	var everywhere []string
	for _, list := range caught {
		everywhere = append(everywhere, list...)
	}
	slices.Sort(everywhere)
	everywhere = slices.Compact(everywhere)
	for _, c := range clients {
		list, known := caught[c.Setting]
		if !known {
			t.Errorf("%s: nobody says where the setting %q is to be caught", c.Name, c.Setting)
		}
		for _, name := range list {
			if got := v.of(c, name); got.Verdict != trial.Fail {
				t.Errorf("%s (%s) × %s: %s, want it caught", c.Name, c.Setting, name, got)
			}
		}
		if !c.Careful() {
			continue
		}
		for _, name := range everywhere {
			if surprising[c.Name] == name {
				continue
			}
			if got := v.of(c, name); got.Verdict != trial.Pass {
				t.Errorf("%s (careful) × %s: %s, want a pass", c.Name, name, got)
			}
		}
	}
}

// untried lists what has no verdict.
func (v *Verdicts) untried(clients []Client) (all []string) {
	for _, s := range catalogue() {
		if slices.ContainsFunc(clients, func(c Client) bool { return v.of(c, s.Name).Verdict == "" }) {
			all = append(all, s.Name)
		}
	}
	return all
}
