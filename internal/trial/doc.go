// Package trial runs a client once under each scenario and judges what it did.
//
// Judge (judge.go) is a function without side effects. It takes a scenario, what the client did at a correct server,
// and what it did under the scenario, and returns a verdict with its reasons. It never guesses: a client that didn't
// meet the scenario, or did nothing that could show what is expected, hasn't exercised it.
//
// Trial (trial.go) does everything around it. rig.go gives a command a fresh rig. process.go keeps a command that may
// do anything within limits. schedule.go runs many commands at a time. shard.go divides a trial among machines, and
// merge.go makes one report of theirs. journal.go keeps what is known of a trial that may be interrupted. control.go
// examines the run without a scenario. report_*.go write the results, and load.go reads them. select.go and baseline.go
// read what the user chose and what is known. The caller (cmd/mailrig) gives the command its environment; this package
// reads none.
//
// To add a report format, write a report_NAME.go and add a row to formats in report_json.go.
package trial
