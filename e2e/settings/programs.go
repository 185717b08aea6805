package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// program is a real client program, as programs.txt describes it.
type program struct {
	name    string
	speaks  []string // protocols
	needs   []string // commands that must be installed, and paths in the project
	lacks   []string // what it can't be set to, in the words of account.features
	methods []string // authentication methods that it can be set to: CRAM-MD5, or pop3:APOP for one protocol alone
	also    []string // ids of findings about its own habits
	run     string   // for sh -c
}

func readPrograms(file string) (all []*program, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := &program{}
	for i, line := range strings.Split(string(data)+"\n", "\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "" && p.name != "":
			all = append(all, p)
			p = &program{}
		case line == "":
		case key == "program":
			p.name = value
		case key == "speaks":
			p.speaks = strings.Fields(value)
		case key == "needs":
			p.needs = strings.Fields(value)
		case key == "lacks":
			p.lacks = strings.Fields(value)
		case key == "methods":
			p.methods = strings.Fields(value)
		case key == "also":
			p.also = strings.Fields(value)
		case key == "run":
			p.run = value
		default:
			return nil, fmt.Errorf("%s:%d: unknown key %q", file, i+1, key)
		}
	}
	return all, nil
}

// missing returns the commands, and the files of the project, that the program needs and that aren't there.
func (p *program) missing() (all []string) {
	for _, name := range p.needs {
		look := exec.LookPath
		if strings.Contains(name, "/") {
			look = func(file string) (string, error) { _, err := os.Stat(file); return file, err }
		}
		if _, err := look(name); err != nil {
			all = append(all, name)
		}
	}
	return all
}

// can reports whether the program has all the settings of an account.
func (p *program) can(a *account) bool {
	if !slices.Contains(p.speaks, a.protocol) {
		return false
	}
	if a.login != "" && a.login != noLogin && !slices.Contains(p.methods, a.login) && !slices.Contains(p.methods, a.protocol+":"+a.login) {
		return false
	}
	return !slices.ContainsFunc(a.features(), func(f string) bool { return slices.Contains(p.lacks, f) })
}
