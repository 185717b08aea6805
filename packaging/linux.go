package main

import (
	"io"
	"path"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the kind of package
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers the kind of package
)

// description is what package managers show. The first line is a summary.
const description = `mock mail server for testing mail clients
It opens every standard mail port with the right behaviour, misbehaves on
request, and says what each client did wrong and which setting to change.`

// writePackage writes a Debian package (kind deb) or an RPM package (rpm).
func (r *release) writePackage(w io.Writer, kind, arch string, from []file) error {
	summary, _, _ := strings.Cut(description, "\n")
	info := nfpm.WithDefaults(&nfpm.Info{
		Name:        "mailrig",
		Arch:        arch,
		Version:     r.version,
		Release:     "1",
		Section:     "mail",
		Priority:    "optional",
		Maintainer:  "mailrig maintainers <mailrig@users.noreply.github.com>",
		Description: description,
		Homepage:    homepage,
		License:     "MIT",
		MTime:       r.time,
		Overridables: nfpm.Overridables{
			Contents: installed(kind, from),
			RPM:      nfpm.RPM{Summary: summary, BuildHost: "localhost"},
		},
	})
	packager, err := nfpm.Get(kind)
	if err != nil {
		return err
	}
	return packager.Package(info, w)
}

// installed returns where the files of an archive are in a package of that kind. Files that a package has no use for aren't there.
func installed(kind string, from []file) (all files.Contents) {
	zsh, licence := "/usr/share/zsh/vendor-completions/", "/usr/share/doc/mailrig/copyright"
	if kind == "rpm" {
		zsh, licence = "/usr/share/zsh/site-functions/", "/usr/share/licenses/mailrig/LICENSE"
		// RPM removes only directories that a package names.
		all = append(all, &files.Content{Destination: "/usr/share/licenses/mailrig", Type: files.TypeDir, FileInfo: &files.ContentFileInfo{Mode: 0o755}})
	}
	for _, f := range sorted(from) {
		to := map[string]string{
			"mailrig":                  "/usr/bin/mailrig",
			"completions/mailrig.bash": "/usr/share/bash-completion/completions/mailrig",
			"completions/_mailrig":     zsh + "_mailrig",
			"completions/mailrig.fish": "/usr/share/fish/vendor_completions.d/mailrig.fish",
			"LICENSE":                  licence,
		}[f.path]
		if dir, page := path.Split(f.path); dir == "man/" {
			to = "/usr/share/man/man1/" + page
		}
		if to != "" {
			all = append(all, &files.Content{Source: f.source, Destination: to, FileInfo: &files.ContentFileInfo{Mode: f.mode}})
		}
	}
	return all
}
