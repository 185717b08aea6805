package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/mailrig/mailrig/internal/suggest"
)

//go:embed catalogue/*/*.yaml
var catalogue embed.FS

// All returns the catalogue, sorted by name. Each call returns its own copies.
func All() []*Scenario {
	var all []*Scenario
	for name, file := range files() {
		all = append(all, embedded(name, file))
	}
	slices.SortFunc(all, func(a, b *Scenario) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// files maps the names of the catalogue to paths in it.
func files() map[string]string {
	found := map[string]string{}
	err := fs.WalkDir(catalogue, "catalogue", func(p string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found[strings.TrimSuffix(path.Base(p), ".yaml")] = p
		}
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("the embedded catalogue can't be listed: %v", err)) // built wrongly: a test would have failed
	}
	return found
}

func embedded(name, file string) *Scenario {
	data, err := catalogue.ReadFile(file)
	if err != nil {
		panic(fmt.Sprintf("the embedded scenario %s can't be read: %v", name, err))
	}
	s, err := Parse(file, data)
	if err != nil {
		panic(fmt.Sprintf("the embedded scenario %s is wrong:\n%v", name, err)) // a test loads them all
	}
	if s.Name != name {
		panic(fmt.Sprintf("the embedded scenario %s is in the file %s; make them the same", s.Name, file))
	}
	s.File, s.Group = "", path.Base(path.Dir(file))
	return s
}

// Find returns the scenario of the catalogue with that name. A name with a slash
// or a backslash in it, or one that ends in .yaml or .yml, is the path of a file.
func Find(name string) (*Scenario, error) {
	if isPath(name) {
		return LoadFile(name)
	}
	known := files()
	if file, ok := known[name]; ok {
		return embedded(name, file), nil
	}
	var names []string
	for n := range known {
		names = append(names, n)
	}
	slices.Sort(names)
	return nil, fmt.Errorf("there is no scenario %q; %s", name, advice(name, names))
}

// advice tells what a name that nobody knows may have meant.
func advice(name string, names []string) string {
	if near := suggest.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %s? ('mailrig scenarios' lists them all)", near)
	}
	var like []string
	for _, n := range names {
		if len(name) >= 3 && strings.Contains(n, strings.ToLower(name)) {
			like = append(like, n)
		}
	}
	if len(like) > 0 && len(like) <= 5 {
		return fmt.Sprintf("did you mean %s? ('mailrig scenarios' lists them all)", join(like, "or"))
	}
	return "'mailrig scenarios' lists them all; the path of a file needs a / or ends in .yaml"
}

// Load finds several scenarios. Each argument is what Find takes, or several of
// these separated by commas. A scenario named twice is loaded once. The error
// tells all that is wrong with any of them.
func Load(nameOrPath ...string) ([]*Scenario, error) {
	var list []*Scenario
	var errs []error
	var seen []string
	for _, argument := range nameOrPath {
		for _, name := range split(argument) {
			if name = strings.TrimSpace(name); name == "" || slices.Contains(seen, name) {
				continue
			}
			seen = append(seen, name)
			s, err := Find(name)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			list = append(list, s)
		}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return list, nil
}

// split separates names at commas, unless the whole is a file whose path has one.
func split(argument string) []string {
	if isPath(argument) {
		if _, err := os.Stat(argument); err == nil {
			return []string{argument}
		}
	}
	return strings.Split(argument, ",")
}

func isPath(name string) bool {
	return strings.ContainsAny(name, `/\`) || strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
}

// LoadFile reads a scenario file of the user's.
func LoadFile(file string) (*Scenario, error) { return loadFile(file, Parse) }

// LoadFile is as the function of that name, for scenarios of this grammar.
func (g *Grammar) LoadFile(file string) (*Scenario, error) { return loadFile(file, g.Parse) }

func loadFile(file string, parse func(string, []byte) (*Scenario, error)) (*Scenario, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("can't read the scenario: %w; check the path", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("can't read the scenario: %w; give the path of one YAML file", err)
	}
	return parse(file, data)
}
