// Command mailrig is a mock mail server for testing mail clients.
//
// This package has only flags, variables and sub-commands. Package server is the rig, and package scenarios is the
// catalogue. Each sub-command is a file. root.go puts them together and turns errors into exit statuses, env.go gives
// every flag its variable, rigflags.go has the flags that serve and run share, and client.go talks to a running
// mailrig.
//
// To add a sub-command, write a file with a method of app that returns a *cobra.Command, and name it in root.go. Return
// errors through usage, notStarted or negative, which choose the exit status. Tests are scripts in testdata.
package main

import (
	"io"
	"os"
)

func main() {
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, environ: os.Environ}
	os.Exit(a.execute(os.Args[1:]))
}

// app is what the sub-commands share: their connection to the outside world.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	environ        func() []string
	fromEnv        map[string]bool // flags whose value came from a variable
	httpAuth       []string        // with which a command logs in at a running mailrig
}
