package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestArchive(t *testing.T) {
	t.Parallel()
	r, root := made(t), newRoot(t)
	output(t, exec.Command("tar", "-xzf", r.path("tar.gz"), "-C", root.dir, "--strip-components", "1"))
	root.works("/mailrig", r.version)
	root.shows("man")
	root.completes("/mailrig", completions{bash: "completions/mailrig.bash", zsh: "completions/_mailrig", fish: "completions/mailrig.fish"})
}

func TestDebianPackage(t *testing.T) {
	t.Parallel()
	r, root := made(t), newRoot(t)
	need(t, "dpkg")
	root.takesDebian()
	dpkg := func(args ...string) string {
		t.Helper()
		return output(t, exec.Command("dpkg", append([]string{"--root=" + root.dir, "--log=/dev/null"}, args...)...))
	}
	dpkg("-i", r.path("deb"))
	root.works("/usr/bin/mailrig", r.version)
	root.shows("usr/share/man/man1")
	root.completes("/usr/bin/mailrig", completions{
		bash: "usr/share/bash-completion/completions/mailrig",
		zsh:  "usr/share/zsh/vendor-completions/_mailrig",
		fish: "usr/share/fish/vendor_completions.d/mailrig.fish",
	})
	if differs := dpkg("--verify", "mailrig"); differs != "" {
		t.Errorf("what is installed differs from the package:\n%s", differs)
	}
	dpkg("-i", r.path("deb")) // again, as an upgrade
	dpkg("--purge", "mailrig")
	root.emptied("usr")
}

func TestRPMPackage(t *testing.T) {
	t.Parallel()
	r, root := made(t), newRoot(t)
	need(t, "rpm")
	rpm := func(args ...string) string {
		t.Helper()
		return output(t, exec.Command("rpm", append([]string{"--root", root.dir, "--dbpath", "/var/lib/rpm", "--nosignature"}, args...)...))
	}
	rpm("-i", r.path("rpm"))
	root.works("/usr/bin/mailrig", r.version)
	root.shows("usr/share/man/man1")
	root.completes("/usr/bin/mailrig", completions{
		bash: "usr/share/bash-completion/completions/mailrig",
		zsh:  "usr/share/zsh/site-functions/_mailrig",
		fish: "usr/share/fish/vendor_completions.d/mailrig.fish",
	})
	if differs := rpm("-V", "--nouser", "--nogroup", "mailrig"); differs != "" {
		t.Errorf("what is installed differs from the package:\n%s", differs)
	}
	rpm("-e", "mailrig")
	root.emptied("usr")
}

// TestMakeInstall installs from the sources, with the program that "make dist" has made rather than one more build.
func TestMakeInstall(t *testing.T) {
	t.Parallel()
	r, root := made(t), newRoot(t)
	target := func(name string) {
		t.Helper()
		cmd := exec.Command("sh", "-c", `umask 077; make -C .. "$@"`, "-", name, "DESTDIR="+root.dir, "PREFIX=/opt/mail rig", "VERSION="+r.version,
			"BIN="+filepath.Join(t.TempDir(), "mailrig"))
		cmd.Env = append(os.Environ(), "MAKEFLAGS=", "GOFLAGS=-buildvcs=false") // as "make dist" builds it, so that it is compiled already
		output(t, cmd)
	}
	target("install")
	root.works("/opt/mail rig/bin/mailrig", r.version)
	root.completes("/opt/mail rig/bin/mailrig", completions{
		bash: "opt/mail rig/share/bash-completion/completions/mailrig",
		zsh:  "opt/mail rig/share/zsh/site-functions/_mailrig",
		fish: "opt/mail rig/share/fish/vendor_completions.d/mailrig.fish",
	})
	if page, err := os.Stat(filepath.Join(root.dir, "opt/mail rig/share/man/man1/mailrig-run.1")); err != nil || page.Mode() != 0o644 {
		t.Errorf("the manual page isn't there for everybody: %v, %v", page, err)
	}
	target("uninstall")
	if files := root.left("opt"); len(files) > 0 {
		t.Errorf("what is left after removal: %q", files)
	}
}
