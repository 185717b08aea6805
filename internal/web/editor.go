package web

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/httpapi"
	"github.com/mailrig/mailrig/scenarios"
)

const (
	mostText     = 64 << 10 // bytes of one of them
	mostLine     = 200      // bytes of a line with a mistake that are shown beside the mistake
	mostProposed = 40
)

// editor is a scenario that is being written.
type editor struct {
	Text    string
	Checked checked
}

// checked says what is right and wrong with it.
type checked struct {
	Mistakes []mistake
	Name     string
	Happens  []string
	Must     []string
	MustNot  []string
	Proposed []scenarios.Completion
	Begun    int // bytes before the cursor that a proposal replaces
	At       int // where the cursor is
}

type mistake struct {
	Line    int
	Message string
	Text    string // the line itself
}

const example = `name: my-scenario
title: The mailbox of bob is full
story: >-
  What happens, and what a good client does about it.
rules:
  - match: {protocol: smtp, command: RCPT, recipient: "bob@*"}
    reply: "452 4.2.2 Mailbox full"
expect:
  require: [retried-after-temporary-failure]
`

// write shows the editor: ?from=NAME begins with another scenario.
func (p *Page) write(w http.ResponseWriter, r *http.Request) {
	text := example
	if from := r.URL.Query().Get("from"); from != "" {
		var ok bool
		var err error
		if text, ok, err = p.own.text(r.Context(), from); err != nil {
			p.fail(w, r, err)
			return
		}
		if !ok {
			if text, err = scenarios.Source(from); err != nil {
				p.fail(w, r, errMissing(err.Error()))
				return
			}
		}
	}
	p.showEditor(w, r, text)
}

func (p *Page) showEditor(w http.ResponseWriter, r *http.Request, text string) {
	p.show(w, r, &shell{View: "scenarios", Title: "Write a scenario"}, "editor", editor{text, p.check(text, -1)})
}

// written returns the text of the form. ok is false if it has answered.
func (p *Page) written(w http.ResponseWriter, r *http.Request) (text string, ok bool) {
	text = strings.ReplaceAll(r.PostFormValue("yaml"), "\r\n", "\n")
	if len(text) > mostText {
		p.fail(w, r, &httpapi.BadScenario{Errors: []string{fmt.Sprintf("The scenario has %d bytes; %d are the most here. Write it to a file instead.", len(text), mostText)}})
		return "", false
	}
	return text, true
}

// checkScenario answers with what is right and wrong with a scenario: the whole editor or, with part=yes, that alone.
func (p *Page) checkScenario(w http.ResponseWriter, r *http.Request) {
	text, ok := p.written(w, r)
	if !ok {
		return
	}
	if r.PostFormValue("part") == "" {
		p.showEditor(w, r, text)
		return
	}
	at, err := strconv.Atoi(r.PostFormValue("at"))
	if err != nil {
		at = -1
	}
	var b strings.Builder
	if err := fragment(&b, "checked", p.check(text, at)); err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(b.String()))
}

// check checks a scenario. at is where the cursor is, in bytes, or -1.
func (p *Page) check(text string, at int) checked {
	c := checked{At: at}
	s, err := p.Rig.Grammar().Parse("", []byte(text))
	var wrong *scenarios.Errors
	switch {
	case errors.As(err, &wrong):
		lines := strings.Split(text, "\n")
		for _, m := range wrong.List {
			line := ""
			if m.Line >= 1 && m.Line <= len(lines) {
				line = lineStart(lines[m.Line-1])
			}
			c.Mistakes = append(c.Mistakes, mistake{m.Line, m.Message, line})
		}
	case err != nil:
		c.Mistakes = append(c.Mistakes, mistake{1, err.Error(), ""})
	default:
		c.Name, c.Happens = s.Name, s.Happens()
		c.Must, c.MustNot = s.Expect.Musts()
	}
	if at >= 0 {
		c.Proposed, c.Begun = p.Rig.Grammar().Complete(text, at)
		c.Proposed = c.Proposed[:min(len(c.Proposed), mostProposed)]
	}
	return c
}

// lineStart returns a line as it is shown with each of its mistakes: not the whole of a long one, which may have many.
func lineStart(line string) string {
	if line = strings.TrimSpace(line); len(line) > mostLine {
		line = strings.ToValidUTF8(line[:mostLine], "") + "…"
	}
	return line
}

// keepScenario keeps a scenario, so that it stands in the list, and with try=yes switches it on.
func (p *Page) keepScenario(w http.ResponseWriter, r *http.Request) {
	text, ok := p.written(w, r)
	if !ok {
		return
	}
	s, err := p.Rig.Grammar().Parse("", []byte(text))
	if err != nil {
		p.showEditor(w, r, text)
		return
	}
	if e, ok := p.catalogue().entry(s.Name); ok {
		p.fail(w, r, &httpapi.BadScenario{Errors: []string{fmt.Sprintf("The catalogue has a scenario %s already. Give yours another name.", e.Name)}})
		return
	}
	if err := p.own.keep(r.Context(), s); err != nil {
		p.fail(w, r, err)
		return
	}
	if _, err := p.change("", s.Name, s); err != nil {
		p.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/scenarios/"+s.Name, http.StatusSeeOther)
}

// saveScenario answers with a scenario as a file. One with mistakes can be saved too.
func (p *Page) saveScenario(w http.ResponseWriter, r *http.Request) {
	text, ok := p.written(w, r)
	if !ok {
		return
	}
	name := "scenario"
	if s, err := p.Rig.Grammar().Parse("", []byte(text)); err == nil {
		name = cmp.Or(s.Name, name)
	}
	w.Header().Set("Content-Type", "application/yaml")
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name+".yaml"))
	_, _ = w.Write([]byte(text))
}
