package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"
)

// writeGrid writes a table whose first row is its head. If the table is wider than the terminal, each row becomes a
// paragraph: its first two cells, and below them one line for each of the others, with its head. columns is the width of
// the terminal; 0 means that there is none.
func writeGrid(w io.Writer, rows [][]string, columns int) {
	var b bytes.Buffer
	tab := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(tab, strings.Join(r, "\t"))
	}
	_ = tab.Flush()
	if columns == 0 || widest(b.String()) <= columns {
		_, _ = b.WriteTo(w)
		return
	}
	head := rows[0]
	width := 0
	for _, name := range head[2:] {
		width = max(width, utf8.RuneCountInString(name))
	}
	for _, r := range rows[1:] {
		fmt.Fprintln(w, folded(strings.TrimSpace(r[0]+" "+r[1]), 0, columns))
		for i, cell := range r[2:] {
			if cell != "-" {
				fmt.Fprintf(w, "  %-*s  %s\n", width, sentenceCase(head[i+2]), folded(cell, width+4, columns))
			}
		}
	}
}

// sentenceCase writes the head of a column as a word of a line.
func sentenceCase(head string) string {
	return head[:min(1, len(head))] + strings.ToLower(head[min(1, len(head)):])
}

// widest returns the number of characters of the longest line.
func widest(text string) (most int) {
	for line := range strings.Lines(text) {
		most = max(most, utf8.RuneCountInString(strings.TrimRight(line, "\n")))
	}
	return most
}
