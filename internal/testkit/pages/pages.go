// Package pages reads, for tests, the shell commands that the pages of the documentation show: in blocks, and in sentences.
//
// A block is a fenced one that says sh, where every line is a command, or one without a language, where a command stands behind
// "$ " and its output below. A block that begins with #! is a script, a file and not a command. In a sentence, a command is
// a code span of several words that begins with the name of a program.
package pages

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Command is a command on a page.
type Command struct {
	Page   string // the page's path from the root of the repository, with slashes
	Line   int    // where it begins, from 1
	Text   string // without its prompt and its comment
	Output string // what the page shows below it, in a block with prompts
	Prose  bool   // it stands in a sentence, where it may be the form of a command only
}

// Page is what a page shows.
type Page struct {
	Path     string // from the root of the repository, with slashes
	Commands []Command
	Scripts  []string // blocks that begin with #!
}

// All reads the pages of the repository at root: README.md, CONTRIBUTING.md, those of docs and the README.md of other folders. Pages that a
// command writes about single clients and scenarios are not among them.
func All(root string) ([]Page, error) {
	var all []Page
	for _, pattern := range []string{"README.md", "CONTRIBUTING.md", "docs/*.md", "docs/*/README.md", "*/README.md", "*/*/README.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			name, err := filepath.Rel(root, file)
			if err != nil {
				return nil, err
			}
			name = filepath.ToSlash(name)
			if slices.ContainsFunc(all, func(p Page) bool { return p.Path == name }) {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			page, err := Read(name, string(text))
			if err != nil {
				return nil, err
			}
			all = append(all, page)
		}
	}
	return all, nil
}

// fence begins or ends a block. Its indentation belongs to the list in which it stands.
var fence = regexp.MustCompile("^( *)```([a-z]*)")

// Read reads a page. A command that no shell could read is an error.
func Read(path, text string) (Page, error) {
	page := Page{Path: path}
	var prose []string // the lines outside blocks
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		m := fence.FindStringSubmatch(lines[i])
		if m == nil {
			prose = append(prose, lines[i])
			continue
		}
		begin, indent := i+1, m[1]
		var block []string
		for i++; i < len(lines) && fence.FindStringSubmatch(lines[i]) == nil; i++ {
			block = append(block, strings.TrimPrefix(lines[i], indent))
		}
		prose = append(prose, make([]string, len(block)+2)...) // so that lines keep their numbers
		var err error
		switch {
		case m[2] == "sh" && len(block) > 0 && strings.HasPrefix(block[0], "#!"):
			page.Scripts = append(page.Scripts, strings.Join(block, "\n")+"\n")
		case m[2] == "sh":
			err = page.addBlock(begin+1, strings.Join(block, "\n"), "")
		case m[2] == "":
			err = page.addDialogue(begin+1, block)
		}
		if err != nil {
			return page, fmt.Errorf("%s: the block at line %d: %w", path, begin, err)
		}
	}
	page.addProse(strings.Join(prose, "\n"))
	return page, nil
}

// addBlock adds the commands of a block that begins at line.
func (p *Page) addBlock(line int, block, output string) error {
	commands, err := split(block)
	for _, c := range commands {
		p.Commands = append(p.Commands, Command{Page: p.Path, Line: line + c.line - 1, Text: c.text, Output: output})
	}
	return err
}

// addDialogue adds the commands of a block with prompts. A line that ends in a backslash goes on in the next.
func (p *Page) addDialogue(line int, block []string) error {
	for i := 0; i < len(block); i++ {
		text, prompt := strings.CutPrefix(block[i], "$ ")
		if !prompt {
			continue
		}
		begin := i
		for strings.HasSuffix(text, `\`) && i+1 < len(block) {
			i++
			text += "\n" + block[i]
		}
		end := i + 1
		for end < len(block) && !strings.HasPrefix(block[end], "$ ") {
			end++
		}
		if err := p.addBlock(line+begin, text, strings.Join(block[i+1:end], "\n")); err != nil {
			return err
		}
	}
	return nil
}

var (
	span = regexp.MustCompile("`[^`]+`")
	// inSentence begins a command in a sentence.
	inSentence = regexp.MustCompile(`^(mailrig|curl|swaks|go (run|test|install|get)|make|docker|npm|npx|apt-get|sh) [^:]`)
)

// addProse adds the commands of sentences.
func (p *Page) addProse(text string) {
	for _, at := range span.FindAllStringIndex(text, -1) {
		words := strings.Join(strings.Fields(text[at[0]+1:at[1]-1]), " ")
		if inSentence.MatchString(words) {
			line := 1 + strings.Count(text[:at[0]], "\n")
			p.Commands = append(p.Commands, Command{Page: p.Path, Line: line, Text: words, Prose: true})
		}
	}
}
