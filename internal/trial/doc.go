// Package trial runs a client once per scenario and judges what it did.
//
// Judge (judge.go) is a function without side effects: a scenario, what the client did at
// a correct server, what it did under the scenario; out come a verdict and its reasons.
// It never guesses: a client that didn't meet the scenario, or did nothing that could
// show what is expected, has not exercised it.
//
// Trial (trial.go) is everything around it. rig.go gives a command a fresh rig, process.go
// keeps a command that may do anything within bounds, schedule.go runs many at a time,
// control.go looks at the run without a scenario, report_*.go write what came out.
// select.go and baseline.go read what the user chose and knows. Who calls it gives the
// command its environment; nothing here reads ours.
package trial
