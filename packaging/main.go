// Command packaging makes what is published: an archive for each system, a Debian and an RPM package for each architecture of
// Linux, a Homebrew formula, and the checksums of all. "make dist" calls it.
//
// The same sources and the same version give the same bytes, with one Go release: nothing depends on the machine, the user, the
// directory or the time, for which SOURCE_DATE_EPOCH or else the commit's time stands.
//
// It is a module of its own, because mailrig itself needs none of its libraries. release.go puts the parts together, and each
// kind of file has a source file. To publish something else, write such a file and call it there. The tests install what comes
// out in empty roots, and try it.
package main

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "packaging:", err)
		os.Exit(1)
	}
}

func run() error {
	r := release{log: os.Stdout}
	flag.StringVar(&r.sources, "sources", "..", "the repository's `directory`")
	flag.StringVar(&r.out, "out", "../dist", "the `directory` for what is made; files of earlier runs are removed from it")
	flag.StringVar(&r.version, "version", "", "the `version`, such as v1.2.3 (default that of the git tag, or one that names the commit)")
	flag.StringVar(&r.goTool, "go", "go", "the go `command`")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), "usage: packaging [flags] [OS/ARCH...]\n\nWithout OS/ARCH it is all that is published.\n\n")
		flag.PrintDefaults()
	}
	flag.Parse()
	var err error
	if r.targets, err = chosen(flag.Args()); err != nil {
		return err
	}
	if r.version == "" {
		if r.version, err = sourceVersion(r.sources); err != nil {
			return fmt.Errorf("can't tell the version: %w; give one with -version v1.2.3", err)
		}
	}
	if r.time, err = sourceTime(r.sources, os.Getenv("SOURCE_DATE_EPOCH")); err != nil {
		return err
	}
	return r.make()
}

// sourceTime returns the time that all files get: that of epoch (seconds since 1970), or else of the latest commit.
func sourceTime(sources, epoch string) (time.Time, error) {
	if epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil || seconds < 0 {
			return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH is %q, which isn't a number of seconds since 1970; correct or unset it", epoch)
		}
		return time.Unix(seconds, 0).UTC(), nil
	}
	t, err := commitTime(sources)
	if err != nil {
		return t, fmt.Errorf("can't tell the time of the sources: %w; set SOURCE_DATE_EPOCH to seconds since 1970", err)
	}
	return t, nil
}
