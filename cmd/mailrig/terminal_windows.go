package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// understandsCodes reports whether a console understands the codes of colours. A Windows console does since 2016, once it
// is told to.
func understandsCodes(f *os.File) bool {
	var mode uint32
	console := windows.Handle(f.Fd())
	if windows.GetConsoleMode(console, &mode) != nil {
		return false
	}
	const processing = windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING
	return mode&processing != 0 || windows.SetConsoleMode(console, mode|processing) == nil
}
