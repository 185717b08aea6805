package trial

import (
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mailrig/mailrig/internal/transcript"
)

// JUnit's XML has no standard. This is what Jenkins, GitLab, GitHub's actions and most others read. A group of the
// catalogue is a suite, and a scenario is a case. Package xml replaces characters that XML doesn't allow.

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Errors   int          `xml:"errors,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string      `xml:"name,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Cases     []junitCase `xml:"testcase"`

	took time.Duration
}

type junitCase struct {
	Class   string       `xml:"classname,attr"`
	Name    string       `xml:"name,attr"`
	Time    string       `xml:"time,attr"`
	Failure *junitReason `xml:"failure"`
	Error   *junitReason `xml:"error"`
	Skipped *junitReason `xml:"skipped"`
	Output  string       `xml:"system-out,omitempty"`
}

type junitReason struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report as JUnit's XML. Failures have their reasons and transcripts. What couldn't run is an
// error. What wasn't exercised, or is a known failure, is skipped.
func (r *Report) WriteJUnit(w io.Writer) error {
	all := junitSuites{Name: "mailrig trial: " + Quote(r.Command), Time: seconds(r.Took)}
	control := junitCase{Class: "mailrig.control", Name: "control run", Time: seconds(r.Control.Took)}
	if p := r.Control.Problem; p != "" {
		control.Error = &junitReason{Message: p, Text: evidenceText(r.Control.Sessions, nil, r.Control.Output)}
	}
	all.Suites = append(all.Suites, junitSuite{Name: "mailrig.control", Cases: []junitCase{control}, took: r.Control.Took})
	for i := range r.Results {
		res := &r.Results[i]
		name := "mailrig." + group(res)
		at := slices.IndexFunc(all.Suites, func(s junitSuite) bool { return s.Name == name })
		if at < 0 {
			at = len(all.Suites)
			all.Suites = append(all.Suites, junitSuite{Name: name})
		}
		s := &all.Suites[at]
		s.Cases = append(s.Cases, junit(res, name))
		s.took += res.Took
	}
	for i := range all.Suites {
		s := &all.Suites[i]
		s.Time, s.Timestamp = seconds(s.took), r.Started.UTC().Format("2006-01-02T15:04:05")
		s.Tests = len(s.Cases)
		for _, c := range s.Cases {
			switch {
			case c.Failure != nil:
				s.Failures++
			case c.Error != nil:
				s.Errors++
			case c.Skipped != nil:
				s.Skipped++
			}
		}
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", " ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junit(r *Result, class string) junitCase {
	c := junitCase{Class: class, Name: r.Scenario, Time: seconds(r.Took)}
	why := &junitReason{Message: reasonsLine(r)}
	switch {
	case r.Verdict == Pass:
	case r.Verdict == NotExercised:
		why.Message = "not exercised: " + why.Message
		c.Skipped = why
	case r.Known:
		why.Message = "known to fail: " + why.Message
		c.Skipped = why
	case r.Verdict == Fail:
		why.Text = evidenceText(r.Sessions, r.Reasons, r.Output)
		c.Failure = why
	default:
		why.Text = evidenceText(r.Sessions, r.Reasons, r.Output)
		c.Error = why
	}
	return c
}

// maxShown is how many transcripts of one run the reports for people contain.
const maxShown = 20

// shown returns the sessions in a report for people: the first 20, and those that reasons name.
func shown(sessions []*transcript.Session, reasons []Reason) (some []*transcript.Session, left int) {
	for i, s := range sessions {
		if i < maxShown || slices.ContainsFunc(reasons, func(r Reason) bool { return slices.Contains(r.Sessions, s.ID) }) && len(some) < 2*maxShown {
			some = append(some, s)
		}
	}
	return some, len(sessions) - len(some)
}

// evidenceText returns everything that a run has to show for its verdict.
func evidenceText(sessions []*transcript.Session, reasons []Reason, output string) string {
	var b strings.Builder
	b.WriteByte('\n')
	for _, r := range reasons {
		b.WriteString(r.Line() + "\n")
		if r.Finding != nil && r.Finding.Advice != "" {
			b.WriteString("  " + r.Finding.Advice + "\n")
		}
	}
	some, left := shown(sessions, reasons)
	for _, s := range some {
		b.WriteString("\n" + s.Dialogue())
	}
	if left > 0 {
		fmt.Fprintf(&b, "\n(%d more sessions)\n", left)
	}
	if output != "" {
		b.WriteString("\noutput of the command:\n" + output)
	}
	return b.String()
}

// Line returns a reason on one line, with the sessions that show it.
func (r *Reason) Line() string {
	text := r.Text
	if r.Finding != nil {
		text += " (" + r.Finding.ID + ")"
	}
	switch n := len(r.Sessions); {
	case n == 1:
		text += ", session " + r.Sessions[0]
	case n > 5:
		text += fmt.Sprintf(", sessions %s and %d more", strings.Join(r.Sessions[:4], ", "), n-4)
	case n > 1:
		text += ", sessions " + strings.Join(r.Sessions, ", ")
	}
	return text
}

func reasonsLine(r *Result) string {
	var lines []string
	for _, x := range r.Reasons {
		lines = append(lines, x.Line())
	}
	return strings.Join(lines, "; ")
}

func group(r *Result) string {
	if r.Group == "" {
		return "files"
	}
	return r.Group
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
