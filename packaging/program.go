package main

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
)

// file is a file of an archive or a package.
type file struct {
	path   string // in the archive, with slashes
	source string // on disk
	mode   fs.FileMode
}

func programName(t target) string {
	if t.os == "windows" {
		return "mailrig.exe"
	}
	return "mailrig"
}

// build builds mailrig for a target. Nothing of the machine or the repository goes into the program but the version.
func (r *release) build(t target, output string) error {
	output, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	cmd := exec.Command(r.goTool, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.release="+r.version, "-o", output, "./cmd/mailrig")
	cmd.Dir = r.sources
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0", "GOOS="+t.os, "GOARCH="+t.arch, "GOAMD64=v1", "GOARM64=v8.0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build for %v: %w\n%s", t, err, out)
	}
	return nil
}

// common returns what is the same for all targets: manual pages and completions, which program itself writes into dir, and what
// a person should read.
func (r *release) common(program, dir string) ([]file, error) {
	man := filepath.Join(dir, "man")
	if out, err := exec.Command(program, "man", "--dir", man).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("manual pages: %w\n%s", err, out)
	}
	pages, err := filepath.Glob(filepath.Join(man, "*.1"))
	if err != nil || len(pages) == 0 {
		return nil, errors.Join(err, errors.New("there are no manual pages"))
	}
	var files []file
	for _, page := range pages {
		if err := compress(page); err != nil {
			return nil, err
		}
		files = append(files, file{"man/" + filepath.Base(page) + ".gz", page + ".gz", 0o644})
	}
	for shell, name := range map[string]string{"bash": "mailrig.bash", "zsh": "_mailrig", "fish": "mailrig.fish", "powershell": "mailrig.ps1"} {
		script, err := exec.Command(program, "completion", shell).Output()
		if err != nil {
			return nil, fmt.Errorf("completion for %s: %w", shell, err)
		}
		source := filepath.Join(dir, name)
		if err := os.WriteFile(source, script, 0o644); err != nil {
			return nil, err
		}
		files = append(files, file{path.Join("completions", name), source, 0o644})
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "LICENSE"} {
		files = append(files, file{name, filepath.Join(r.sources, name), 0o644})
	}
	return files, nil
}

// compress writes name.gz, without name and time, so that the same page gives the same bytes.
func compress(name string) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(name+".gz", b.Bytes(), 0o644)
}
