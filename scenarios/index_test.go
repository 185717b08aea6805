package scenarios

import (
	"slices"
	"strings"
	"testing"
)

// TestIndex compares what is read quickly with what is read completely.
func TestIndex(t *testing.T) {
	t.Parallel()
	var want []Entry
	for _, s := range All() {
		want = append(want, Entry{s.Name, s.Title, s.Story, s.Group})
	}
	if got := Index(); !slices.Equal(got, want) {
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("the index has %+v, the file %+v", got[i], want[i])
			}
		}
		t.Errorf("the index has %d entries, the catalogue %d", len(got), len(want))
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	list := []Entry{{Name: "cert-expired", Group: "certificate"}, {Name: "greylisting", Group: "smtp"}, {Name: "smtp-slow", Group: "smtp"}, {Name: "uidl", Group: "pop3"}}
	for _, c := range []struct {
		patterns, want, wrong string
	}{
		{"", "cert-expired greylisting smtp-slow uidl", ""},
		{"smtp*", "smtp-slow", ""},
		{"smtp", "greylisting smtp-slow", ""},
		{"smtp/", "greylisting smtp-slow", ""},
		{"smtp/g*", "greylisting", ""},
		{"uidl *-?l*", "smtp-slow uidl", ""},
		{"greylisting", "greylisting", ""},
		{"imap*", "", "the groups are certificate, pop3, smtp"},
		{"[a", "", "a bracket isn't closed"},
		{"greylistin", "", "did you mean greylisting?"},
	} {
		got, err := Filter(list, strings.Fields(c.patterns)...)
		var names []string
		for _, e := range got {
			names = append(names, e.Name)
		}
		if strings.Join(names, " ") != c.want {
			t.Errorf("%q: %q, want %q", c.patterns, names, c.want)
		}
		if (err == nil) != (c.wrong == "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%q: error %v, want %q", c.patterns, err, c.wrong)
		}
	}
}

// BenchmarkIndex reads what lists show.
func BenchmarkIndex(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Index()
	}
}

// BenchmarkAll reads the whole catalogue, with every rule.
func BenchmarkAll(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		All()
	}
}
