package trial

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"sync"
	"time"

	"github.com/mailrig/mailrig/internal/design"
	"github.com/mailrig/mailrig/internal/diagnose"
	"github.com/mailrig/mailrig/internal/transcript"
)

var (
	//go:embed report.gohtml
	page string
	//go:embed report.css
	reportStyle string
)

// The page is one file that loads nothing and works without scripts. The filter is a row of radio buttons and CSS.
var htmlReport = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"quote":   Quote,
		"took":    shortly,
		"at":      func(t time.Time) string { return t.Format("2006-01-02 15:04:05 MST") },
		"lines":   func(r *Result) string { return reasonsLine(r) },
		"group":   func(r *Result) string { return group(r) },
		"word":    word,
		"sign":    verdictSign,
		"grade":   func(s diagnose.Severity) string { return design.Sign(string(s)) },
		"percent": func(n, of int) int { return 100 * n / max(of, 1) },
		"kind": func(r *Result) string {
			if r.Known {
				return "known"
			}
			return string(r.Verdict)
		},
		"some": func(s []*transcript.Session, r []Reason) []*transcript.Session { some, _ := shown(s, r); return some },
		"left": func(s []*transcript.Session, r []Reason) int { _, left := shown(s, r); return left },
	}).Parse(page))
})

// WriteHTML writes the report as a page for people, in one file.
func (r *Report) WriteHTML(w io.Writer) error {
	var passed []*Result
	for i := range r.Results {
		if r.Results[i].Verdict == Pass {
			passed = append(passed, &r.Results[i])
		}
	}
	return htmlReport().Execute(w, struct {
		*Report
		KnownCauses     []*Cause
		Passed          []*Result
		ControlEvidence *Result // for the parts that the page shows for both in the same way
		Style           template.CSS
	}{r, r.Known(), passed, &Result{Sessions: r.Control.Sessions, Output: r.Control.Output}, template.CSS(design.FileSheet() + reportStyle)})
}

// word returns a verdict in words for people.
func word(r *Result) string {
	switch {
	case r.Known:
		return "known failure"
	case r.Verdict == NotExercised:
		return "not exercised"
	case r.Verdict == CouldNotRun:
		return "could not run"
	}
	return string(r.Verdict)
}

// verdictSign is the sign of a verdict. Colour alone says nothing to some people.
func verdictSign(r *Result) string {
	switch {
	case r.Known:
		return "⚠"
	case r.Verdict == Pass:
		return "✓"
	case r.Verdict == Fail:
		return "✖"
	}
	return "○"
}

// shortly formats a time with as many digits as people read.
func shortly(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
