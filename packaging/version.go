package main

import (
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// sourceVersion returns the version of the sources in dir, in the form in which the go command gives versions to modules: that
// of the tag, or without one at this commit, a pseudo-version that names the commit. Changes that aren't committed add +dirty.
func sourceVersion(dir string) (string, error) {
	changed, err := git(dir, "status", "--porcelain", "--untracked-files=no")
	if err != nil {
		return "", err
	}
	suffix := ""
	if changed != "" {
		suffix = "+dirty"
	}
	if tag, err := git(dir, "describe", "--tags", "--exact-match", "--match", "v[0-9]*"); err == nil && semver.IsValid(tag) {
		return tag + suffix, nil
	}
	commit, err := git(dir, "rev-parse", "HEAD")
	if err != nil {
		return "", err
	}
	at, err := commitTime(dir)
	if err != nil {
		return "", err
	}
	before, err := git(dir, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")
	if err != nil || !semver.IsValid(before) {
		before = "" // nothing has been released yet
	}
	return module.PseudoVersion(semver.Major(before), before, at, commit[:12]) + suffix, nil
}

// commitTime returns the time of the latest commit in dir.
func commitTime(dir string) (time.Time, error) {
	out, err := git(dir, "log", "-1", "--format=%ct")
	if err != nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(out, 10, 64)
	return time.Unix(seconds, 0).UTC(), err
}

func git(dir string, args ...string) (string, error) {
	out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).Output()
	if err != nil {
		if exit, ok := err.(*exec.ExitError); ok {
			return "", fmt.Errorf("git %s: %s", args[0], strings.TrimSpace(string(exit.Stderr)))
		}
		return "", err
	}
	return strings.TrimSpace(string(out)), nil
}
