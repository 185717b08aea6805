package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// This file turns a command's help into a manual page. Cobra can do that too, but takes help for Markdown, in which a name
// such as cert-* or a line that begins with # means something else.

// manSections are the sections, behind the options, of paragraphs of help that begin with these words.
var manSections = []struct{ title, beginning string }{
	{"ENVIRONMENT", "Every flag has an environment variable"},
	{"EXIT STATUS", "Exit status: "},
}

// manPage returns a command's manual page in the language of man(7). It has no date, so that one version always gives the
// same bytes.
func manPage(cmd *cobra.Command) []byte {
	cmd.InitDefaultHelpFlag()
	name := manName(cmd)
	var page bytes.Buffer
	fmt.Fprintf(&page, ".TH %s 1 \"\" \"mailrig %s\" \"User Commands\"\n", roff(strings.ToUpper(name)), roff(version()))
	page.WriteString(".nh\n.ad l\n") // names of flags and variables stay whole, and copy as they are
	fmt.Fprintf(&page, ".SH NAME\n%s \\- %s\n", roff(name), roff(cmd.Short))
	fmt.Fprintf(&page, ".SH SYNOPSIS\n%s\n", bold(cmd.UseLine()))
	paragraphs := longHelp(cmd)
	page.WriteString(".SH DESCRIPTION\n")
	manText(&page, paragraphs[""])
	manCommands(&page, subcommands(cmd))
	manFlags(&page, cmd.Flags())
	for _, s := range manSections {
		if text := paragraphs[s.title]; len(text) > 0 {
			fmt.Fprintf(&page, ".SH %s\n", s.title)
			manText(&page, text)
		}
	}
	if cmd.Example != "" {
		page.WriteString(".SH EXAMPLES\n")
		manVerbatim(&page, cmd.Example)
	}
	manSeeAlso(&page, cmd)
	return page.Bytes()
}

// manName returns the name of a command's page: mailrig-scenarios-lint.
func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// longHelp returns the paragraphs of a command's help by section, the description's as "".
func longHelp(cmd *cobra.Command) map[string][]string {
	long := cmd.Long
	if long == "" {
		long = cmd.Short + "."
	}
	sections := map[string][]string{}
	for _, paragraph := range strings.Split(strings.TrimSpace(long), "\n\n") {
		title := ""
		for _, s := range manSections {
			if strings.HasPrefix(paragraph, s.beginning) {
				title = s.title
			}
		}
		sections[title] = append(sections[title], paragraph)
	}
	return sections
}

// manText writes paragraphs. Those that are indented keep their lines.
func manText(page *bytes.Buffer, paragraphs []string) {
	for i, paragraph := range paragraphs {
		if i > 0 {
			page.WriteString(".PP\n")
		}
		if strings.HasPrefix(paragraph, " ") || strings.HasPrefix(paragraph, "\t") {
			manVerbatim(page, paragraph)
		} else {
			page.WriteString(roff(paragraph) + "\n")
		}
	}
}

func manVerbatim(page *bytes.Buffer, text string) {
	fmt.Fprintf(page, ".nf\n%s\n.fi\n", roff(strings.Trim(text, "\n")))
}

func manCommands(page *bytes.Buffer, subs []*cobra.Command) {
	if len(subs) == 0 {
		return
	}
	page.WriteString(".SH COMMANDS\n")
	for _, sub := range subs {
		fmt.Fprintf(page, ".TP\n%s\n%s\n", bold(sub.Name()), roff(sub.Short))
	}
}

func manFlags(page *bytes.Buffer, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	page.WriteString(".SH OPTIONS\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		head := bold("--" + f.Name)
		if f.Shorthand != "" {
			head = bold("-"+f.Shorthand) + ", " + head
		}
		switch {
		case value == "":
		case f.NoOptDefVal != "":
			head += "[=" + italic(value) + "]"
		default:
			head += " " + italic(value)
		}
		switch f.DefValue {
		case "", "false", "0", "[]":
		default:
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		fmt.Fprintf(page, ".TP\n%s\n%s\n", head, roff(usage))
	})
}

// manSeeAlso names the pages of the command above and of those below.
func manSeeAlso(page *bytes.Buffer, cmd *cobra.Command) {
	also := subcommands(cmd)
	if cmd.HasParent() {
		also = append([]*cobra.Command{cmd.Parent()}, also...)
	}
	var pages []string
	for _, other := range also {
		pages = append(pages, bold(manName(other))+"(1)")
	}
	if len(pages) > 0 {
		fmt.Fprintf(page, ".SH SEE ALSO\n%s\n", strings.Join(pages, ",\n"))
	}
}

func bold(text string) string   { return `\fB` + roff(text) + `\fR` }
func italic(text string) string { return `\fI` + roff(text) + `\fR` }

// roff escapes text for man(7): the backslash, the hyphen (a reader copies a minus from the page), and the beginnings of
// lines that would be requests.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
