package scenarios

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// Entry is what a list shows of a scenario in the catalogue.
type Entry struct{ Name, Title, Story, Group string }

// Index lists the catalogue, sorted by name, without reading a single rule: it takes a fraction of the time that All
// takes. Each call returns a fresh list.
func Index() []Entry { return slices.Clone(index()) }

// index reads the beginnings of the embedded files, once: a page asks for them again and again.
var index = sync.OnceValue(func() []Entry {
	known := files()
	all := make([]Entry, 0, len(known))
	var heads bytes.Buffer
	for name, file := range known {
		data, err := catalogue.ReadFile(file)
		if err != nil {
			panic(fmt.Sprintf("the embedded scenario %s can't be read: %v", name, err))
		}
		heads.Write(beginning(data))
		heads.WriteString("\n---\n")
		all = append(all, Entry{Name: name, Group: path.Base(path.Dir(file))})
	}
	// One reader for all of them: most of what a small document costs is the reader's buffers.
	in := yaml.NewDecoder(&heads)
	for i := range all {
		var h struct{ Name, Title, Story string }
		if err := in.Decode(&h); err != nil || h.Name != all[i].Name {
			panic(fmt.Sprintf("the beginning of the embedded scenario %s can't be read: %v", all[i].Name, err)) // a test reads all of them
		}
		all[i].Title, all[i].Story = strings.TrimSpace(h.Title), strings.TrimSpace(h.Story)
	}
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	return all
})

// Source returns the YAML of a scenario in the catalogue.
func Source(name string) (string, error) {
	file, ok := files()[name]
	if !ok {
		return "", fmt.Errorf("there is no scenario %q in the catalogue", name)
	}
	data, err := catalogue.ReadFile(file)
	return string(data), err
}

// beginning returns what stands before the rules: every file of the catalogue begins with name, title and story.
func beginning(data []byte) []byte {
	before, _, _ := bytes.Cut(data, []byte("\nrules:"))
	return before
}

// Match returns the entries of list that a pattern means: the name of a scenario, of a group (smtp), or a glob over
// names (cert-*) or over groups and names (smtp/*). None is no error unless the pattern is a glob.
func Match(list []Entry, pattern string) (found []Entry, err error) {
	glob := strings.ContainsAny(pattern, "*?[")
	for _, e := range list {
		full := e.Group + "/" + e.Name
		byName, bad := path.Match(pattern, e.Name)
		byGroup, _ := path.Match(pattern, full)
		if bad != nil {
			return nil, fmt.Errorf("%q isn't a pattern: a bracket isn't closed; write patterns such as starttls-* and smtp/*", pattern)
		}
		if byName || byGroup || pattern == e.Group || pattern == e.Group+"/" {
			found = append(found, e)
		}
	}
	if glob && found == nil {
		return nil, fmt.Errorf("no scenario matches %q; `mailrig scenarios` lists them all, and the groups are %s", pattern, strings.Join(groupsOf(list), ", "))
	}
	return found, nil
}

// Filter returns the entries of list that any of the patterns means, in the list's order. No pattern means all of them.
func Filter(list []Entry, patterns ...string) ([]Entry, error) {
	if len(patterns) == 0 {
		return list, nil
	}
	chosen := map[string]bool{}
	for _, p := range patterns {
		found, err := Match(list, p)
		if err != nil {
			return nil, err
		}
		if found == nil {
			return nil, unknown(p, list)
		}
		for _, e := range found {
			chosen[e.Name] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(list), func(e Entry) bool { return !chosen[e.Name] }), nil
}

// groupsOf lists the groups of these entries, sorted.
func groupsOf(list []Entry) (names []string) {
	for _, e := range list {
		names = append(names, e.Group)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// unknown is the error for a name that the catalogue lacks.
func unknown(name string, list []Entry) error {
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.Name
	}
	return fmt.Errorf("there is no scenario %q; %s", name, advice(name, names))
}
