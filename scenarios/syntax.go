package scenarios

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/mailrig/mailrig/internal/lazyregexp"
)

// maxFile is the largest scenario file, in bytes. The longest one in the catalogue has less than 2 KiB.
const maxFile = 256 << 10

// document returns the root of the one YAML document in data. If something is wrong, it records the mistake and returns
// nil.
func (d *decoder) document(data []byte) *yaml.Node {
	if len(data) > maxFile {
		d.wrong(nil, "the file has more than %d KiB; a scenario is a page of text: is this another file?", maxFile>>10)
		return nil
	}
	if line := notText(data); line > 0 {
		d.wrongLine(line, "the file isn't UTF-8 text; save it as UTF-8")
		return nil
	}
	in := yaml.NewDecoder(bytes.NewReader(data))
	root, err := next(in)
	if err == io.EOF || err == nil && (len(root.Content) == 0 || isEmpty(root.Content[0])) {
		d.wrong(nil, "the file is empty; a scenario has name, title, story and rules")
		return nil
	}
	if err == nil {
		var second *yaml.Node
		if second, err = next(in); err == nil {
			d.wrong(second, "the file has several YAML documents; put each scenario into a file of its own")
			return nil
		}
	}
	if err != io.EOF {
		d.syntax(data, err)
		return nil
	}
	return root.Content[0]
}

// next reads a document. The library panics in places that it believes can't be reached. Scenario files also come in
// over HTTP, so next recovers.
func next(in *yaml.Decoder) (n *yaml.Node, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("yaml: %v", p)
		}
	}()
	n = new(yaml.Node)
	err = in.Decode(n)
	return n, err
}

// isEmpty reports whether a value is missing or null.
func isEmpty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// notText returns the line with the first byte that isn't UTF-8, or 0.
func notText(data []byte) int {
	for line, text := range bytes.Split(data, []byte("\n")) {
		if !utf8.Valid(text) {
			return line + 1
		}
	}
	return 0
}

var yamlLine = lazyregexp.New(`^(?:yaml: )?(?:line (\d+): )?`)

// syntax records an error of the YAML parser.
func (d *decoder) syntax(data []byte, err error) {
	text := err.Error()
	found := yamlLine.FindStringSubmatch(text)
	text = strings.TrimPrefix(text, found[0])
	lines := bytes.SplitAfter(data, []byte("\n"))
	line := brokenLine(lines)
	if line == 0 {
		line, _ = strconv.Atoi(found[1])
	}
	line = min(max(line, 1), len(lines))
	d.wrongLine(line, "YAML: %s; %s", text, syntaxHint(text, string(lines[line-1])))
}

func syntaxHint(text, line string) string {
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	switch {
	case strings.Contains(indent, "\t"):
		return "indent with spaces, not with tabs"
	case strings.Contains(text, "mapping values are not allowed"):
		return "check the indentation, and put a text with a colon in it into quotes"
	case strings.Contains(text, "anchor"):
		return "write the value out"
	case strings.Contains(text, "cannot start any token"):
		return "put a text that begins with @, % or ` into quotes"
	case strings.Contains(text, "control characters"):
		return "take them out"
	}
	return "check the indentation, the quotes and the brackets of this line"
}

// brokenLine finds the line that breaks the syntax: the one after the longest beginning of the file that is valid YAML.
// The parser's own number is that of the enclosing construct, and is off by one. brokenLine returns 0 if the search
// would take long.
func brokenLine(lines [][]byte) int {
	const most = 512 << 10 // bytes parsed again: a page takes 100 ms at most
	data := bytes.Join(lines, nil)
	end, parsed := len(data), 0
	for n := len(lines); n > 0; n-- {
		end -= len(lines[n-1])
		if parsed += end; parsed > most {
			return 0
		}
		if good(data[:end]) {
			return n
		}
	}
	return 0
}

func good(data []byte) bool {
	in := yaml.NewDecoder(bytes.NewReader(data))
	for {
		if _, err := next(in); err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}
