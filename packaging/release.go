package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// target is a system for which mailrig is published.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

var targets = []target{{"linux", "amd64"}, {"linux", "arm64"}, {"darwin", "amd64"}, {"darwin", "arm64"}, {"windows", "amd64"}}

// chosen returns the targets with these names, such as linux/amd64, or all if there are no names.
func chosen(names []string) ([]target, error) {
	if len(names) == 0 {
		return targets, nil
	}
	var some []target
	for _, name := range names {
		i := slices.IndexFunc(targets, func(t target) bool { return t.String() == name })
		if i < 0 {
			return nil, fmt.Errorf("nothing is published for %q; choose from %v", name, targets)
		}
		some = append(some, targets[i])
	}
	return some, nil
}

// release is what one run makes.
type release struct {
	sources string // the repository's directory
	out     string
	version string // v1.2.3
	time    time.Time
	targets []target
	goTool  string
	log     io.Writer
}

// number returns the version as packages write it, without v.
func (r *release) number() string { return strings.TrimPrefix(r.version, "v") }

// name returns the name of what is made for a target, without its extension.
func (r *release) name(t target) string {
	return fmt.Sprintf("mailrig_%s_%s_%s", r.number(), t.os, t.arch)
}

func (r *release) make() error {
	if !semver.IsValid(r.version) {
		return fmt.Errorf("%q isn't a version; write it like v1.2.3", r.version)
	}
	if err := r.clear(); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "mailrig-packaging-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	here := target{runtime.GOOS, runtime.GOARCH}
	program := filepath.Join(work, "here")
	if err := r.build(here, program); err != nil {
		return err
	}
	common, err := r.common(program, filepath.Join(work, "common"))
	if err != nil {
		return err
	}
	for _, t := range r.targets {
		built := program
		if t != here {
			built = filepath.Join(work, r.name(t))
			if err := r.build(t, built); err != nil {
				return err
			}
		}
		if err := r.publish(t, append(slices.Clone(common), file{programName(t), built, 0o755})); err != nil {
			return err
		}
	}
	sums, err := r.writeSums()
	if err != nil {
		return err
	}
	if len(r.targets) < len(targets) {
		return nil // the formula names archives of all systems
	}
	return r.writeFormula(sums)
}

// clear removes what an earlier run has left.
func (r *release) clear() error {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	for _, pattern := range []string{"mailrig_*", sumsName, formulaName} {
		old, err := filepath.Glob(filepath.Join(r.out, pattern))
		if err != nil {
			return err
		}
		for _, name := range old {
			if err := os.Remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// publish writes the archive for a target, and the packages of Linux.
func (r *release) publish(t target, files []file) error {
	archive, kind := r.writeTarGz, ".tar.gz"
	if t.os == "windows" {
		archive, kind = r.writeZip, ".zip"
	}
	if err := r.write(r.name(t)+kind, func(w io.Writer) error { return archive(w, r.name(t), files) }); err != nil {
		return err
	}
	if t.os != "linux" {
		return nil
	}
	for _, kind := range []string{"deb", "rpm"} {
		if err := r.write(r.name(t)+"."+kind, func(w io.Writer) error { return r.writePackage(w, kind, t.arch, files) }); err != nil {
			return err
		}
	}
	return nil
}

// write makes a file in the directory for what is made.
func (r *release) write(name string, content func(io.Writer) error) error {
	f, err := os.Create(filepath.Join(r.out, name))
	if err != nil {
		return err
	}
	if err := content(f); err != nil {
		f.Close()
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintln(r.log, name)
	return f.Close()
}
