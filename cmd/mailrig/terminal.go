package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// isTerminal reports whether a stream, output or input, is a terminal.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// steerable reports whether w is a terminal that understands codes such as clearLine. Nothing else ever gets one.
func (a *app) steerable(w io.Writer) bool {
	return isTerminal(w) && a.getenv("TERM") != "dumb" && understandsCodes(w.(*os.File))
}

// coloured reports whether w is such a terminal and its user wants colours (no-color.org). It decides for everything that
// has colours.
func (a *app) coloured(w io.Writer) bool { return a.steerable(w) && a.getenv("NO_COLOR") == "" }

// columns returns the width of a terminal, or 0 if w is none or doesn't know.
func columns(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return width
}

// colour is the code of a colour (ECMA-48, "select graphic rendition").
type colour string

const (
	red     colour = "31"
	green   colour = "32"
	yellow  colour = "33"
	magenta colour = "35"
	cyan    colour = "36"
)

// paint returns text in the colour, if there is one.
func (c colour) paint(text string) string {
	if c == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// clearLine goes back to the beginning of a terminal's line and clears it.
const clearLine = "\r\x1b[K"
