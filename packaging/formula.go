package main

import (
	_ "embed"
	"io"
	"text/template"
)

const (
	homepage    = "https://github.com/mailrig/mailrig"
	formulaName = "mailrig.rb"
)

//go:embed mailrig.rb.tmpl
var formulaText string

// writeFormula writes the Homebrew formula, which takes the archives from the release of this version.
func (r *release) writeFormula(sums map[string]string) error {
	formula, err := template.New(formulaName).Option("missingkey=error").Parse(formulaText)
	if err != nil {
		return err
	}
	archive := map[string]string{}
	sum := map[string]string{}
	for _, t := range r.targets {
		if t.os == "windows" {
			continue
		}
		name := r.name(t) + ".tar.gz"
		archive[t.os+"_"+t.arch] = homepage + "/releases/download/" + r.version + "/" + name
		sum[t.os+"_"+t.arch] = sums[name]
	}
	return r.write(formulaName, func(w io.Writer) error {
		return formula.Execute(w, map[string]any{"Homepage": homepage, "Version": r.number(), "Archive": archive, "Sum": sum})
	})
}
