package scenarios

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// maxMistakes is how many mistakes in one file are reported.
const maxMistakes = 100

// Mistake is one thing that is wrong with a scenario file.
type Mistake struct {
	File    string
	Line    int    // counted from 1
	Message string // what is wrong, a semicolon, and what to do
}

// Error returns the mistake in a form that editors and CI systems can follow.
func (m Mistake) Error() string { return fmt.Sprintf("%s:%d: %s", m.File, m.Line, m.Message) }

// Errors holds all mistakes in a scenario file, by line.
type Errors struct{ List []Mistake }

// Error has one line for each mistake.
func (e *Errors) Error() string { return strings.Join(e.Messages(), "\n") }

// Messages returns each mistake as "file:line: message".
func (e *Errors) Messages() []string {
	var out []string
	for _, m := range e.List {
		out = append(out, m.Error())
	}
	return out
}

// wrong records a mistake at a node. nil stands for the file as a whole.
func (d *decoder) wrong(n *yaml.Node, format string, args ...any) {
	line := 1
	if n != nil && n.Line > 0 {
		line = n.Line
	}
	d.wrongLine(line, format, args...)
}

func (d *decoder) wrongLine(line int, format string, args ...any) {
	message := strings.Join(strings.Fields(fmt.Sprintf(format, args...)), " ") // always one line
	m := Mistake{d.file, line, message}
	if slices.Contains(d.mistakes, m) { // an alias repeats its mistakes
		return
	}
	switch {
	case len(d.mistakes) < maxMistakes:
		d.mistakes = append(d.mistakes, m)
	default:
		d.spent = true
	}
}

func (d *decoder) err() error {
	if len(d.mistakes) == 0 {
		return nil
	}
	slices.SortStableFunc(d.mistakes, func(a, b Mistake) int { return a.Line - b.Line })
	return &Errors{d.mistakes}
}
