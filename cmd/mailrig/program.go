package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// findProgram returns the path of the program that a command begins with. If the system couldn't run it, the error says why,
// which the system's own doesn't.
func findProgram(name string) (path string, err error) {
	path, err = exec.LookPath(name)
	switch {
	case errors.Is(err, exec.ErrNotFound) && !strings.ContainsRune(name, filepath.Separator):
		if isFile(name) {
			return "", notStarted("can't run %s: it isn't in PATH; give its path, ./%s", name, name)
		}
		return "", notStarted("can't run %s: there is no such program in PATH; check its name, or give its path", name)
	case errors.Is(err, fs.ErrPermission) && isFile(name):
		return "", notStarted("can't run %s: it isn't executable; run chmod +x %s once, or name what runs it, as in sh %s", name, name, name)
	case errors.Is(err, fs.ErrPermission):
		return "", notStarted("can't run %s: it isn't a file; give a program", name)
	case err != nil:
		return "", notStarted("can't run %s: %w; check its name, or give its path", name, reason(err))
	}
	if why := notRunnable(path); why != "" {
		return "", notStarted("can't run %s: %s", name, why)
	}
	return path, nil
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// notRunnable says why a script can't be run. It returns "" for what isn't a script, and where scripts have no first
// line.
func notRunnable(path string) string {
	if runtime.GOOS == "windows" {
		return ""
	}
	f, err := os.Open(path)
	if err != nil {
		return "" // it may be executable all the same
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := io.ReadFull(f, head)
	head = head[:n]
	rest, script := bytes.CutPrefix(head, []byte("#!"))
	if !script {
		if text := n == 0 || !bytes.ContainsFunc(head, func(r rune) bool { return r < '\t' || r == '\uFFFD' }); text {
			return fmt.Sprintf("it has no #! line, so nothing says what runs it; begin it with #!/bin/sh, or name what runs it, as in sh %s", path)
		}
		return ""
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	words := strings.Fields(string(line))
	if len(words) == 0 {
		return "its #! line names no program; begin it with #!/bin/sh"
	}
	if _, err := os.Stat(words[0]); errors.Is(err, fs.ErrNotExist) {
		if strings.HasSuffix(string(line), "\r") {
			return "its lines end with CRLF, which the #! line doesn't allow; save it with LF"
		}
		return fmt.Sprintf("its #! line names %s, which isn't there; correct that line, or name what runs it, as in sh %s", words[0], path)
	}
	return ""
}
