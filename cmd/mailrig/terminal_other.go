//go:build !windows

package main

import "os"

// understandsCodes reports whether a terminal understands the codes of colours.
func understandsCodes(*os.File) bool { return true }
