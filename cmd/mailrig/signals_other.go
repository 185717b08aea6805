//go:build !unix

package main

import "os"

// forwarded lists the signals that mailrig itself must survive while its command runs.
func forwarded() []os.Signal { return []os.Signal{os.Interrupt} }

// alreadyGot always reports true: Windows sends Ctrl-C to every process of the console.
func alreadyGot(os.Signal) bool { return true }

func exitStatus(p *os.ProcessState) int { return p.ExitCode() }
