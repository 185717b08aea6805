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

// All returns the catalogue, sorted by name. Each call returns fresh copies.
func All() []*Scenario {
	var all []*Scenario
	for name, file := range files() {
		all = append(all, embedded(name, file))
	}
	slices.SortFunc(all, func(a, b *Scenario) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// files maps each name in the catalogue to its path.
func files() map[string]string {
	found := map[string]string{}
	err := fs.WalkDir(catalogue, "catalogue", func(p string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found[strings.TrimSuffix(path.Base(p), ".yaml")] = p
		}
		return err
	})
	if err != nil {
		panic(fmt.Sprintf("the embedded catalogue can't be listed: %v", err)) // the binary was built wrongly: a test would have failed
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
		panic(fmt.Sprintf("the embedded scenario %s is wrong:\n%v", name, err)) // a test loads all of them
	}
	if s.Name != name {
		panic(fmt.Sprintf("the embedded scenario %s is in the file %s; make them the same", s.Name, file))
	}
	s.File, s.text, s.Group = "", "", path.Base(path.Dir(file))
	return s
}

// Find returns the scenario of the catalogue with this name. A name that contains a slash or a backslash, or that ends
// in .yaml or .yml, is the path of a file.
func Find(name string) (*Scenario, error) {
	if isPath(name) {
		return LoadFile(name)
	}
	if file, ok := files()[name]; ok {
		return embedded(name, file), nil
	}
	return nil, unknown(name, Index())
}

// advice says what an unknown name may have meant.
func advice(name string, names []string) string {
	if near := suggest.Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean %s? (`mailrig scenarios` lists them all)", near)
	}
	var like []string
	for _, n := range names {
		if len(name) >= 3 && strings.Contains(n, strings.ToLower(name)) {
			like = append(like, n)
		}
	}
	if len(like) > 0 && len(like) <= 5 {
		return fmt.Sprintf("did you mean %s? (`mailrig scenarios` lists them all)", join(like, "or"))
	}
	return "`mailrig scenarios` lists them all; the path of a file needs a / or ends in .yaml"
}

// Load finds several scenarios. Each argument is what Find takes, or several of these separated by commas. A scenario
// that is named twice is loaded once. The error lists everything that is wrong with any of them.
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

// split splits an argument at commas, unless the whole argument is the path of a file.
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

// LoadFile reads a scenario file.
func LoadFile(file string) (*Scenario, error) { return loadFile(file, Parse) }

// LoadFile is the function of that name for scenarios in this grammar.
func (g *Grammar) LoadFile(file string) (*Scenario, error) { return loadFile(file, g.Parse) }

func loadFile(file string, parse func(string, []byte) (*Scenario, error)) (*Scenario, error) {
	data, err := ReadFile(file)
	if err != nil {
		return nil, err
	}
	return parse(file, data)
}

// ReadFile returns the text of a scenario file, and no more than tells that it is too large. What is no regular file is
// an error: reading it could wait for ever.
func ReadFile(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("can't read the scenario: %w; check the path", err)
	}
	if kind := special(info.Mode()); kind != "" {
		return nil, fmt.Errorf("can't read the scenario: %s is %s; give the path of one YAML file", file, kind)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("can't read the scenario: %w; check the path", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("can't read the scenario: %w; give the path of one YAML file", err)
	}
	return data, nil
}

// special says what something is that is no file.
func special(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return ""
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	default:
		return "no regular file"
	}
}
