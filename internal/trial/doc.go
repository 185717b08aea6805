// Package trial runs a client once per scenario and judges what it did.
//
// Judge (judge.go) is a function without side effects: a scenario, what the client did at
// a correct server, what it did under the scenario; out come a verdict and its reasons.
// It never guesses: a client that didn't meet the scenario, or did nothing that could
// show what is expected, has not exercised it.
package trial
