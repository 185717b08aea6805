// Package scenarios is the catalogue of what can go wrong between a mail client and a server, and the grammar in which
// it is written.
//
// A scenario is one YAML file: a story, rules, and what a good client must do.
//
//	name: greylisting                         # the file is greylisting.yaml
//	title: First delivery attempt is deferred # 60 characters at most
//	story: >-
//	  The server answers 451 when it first sees a sender, recipient and client
//	  together. The client must keep the message and try again later.
//	rules:
//	  - match: {protocol: smtp, command: RCPT}
//	    times: 1
//	    per: envelope
//	    reply: "451 4.7.1 Greylisted, please try again in 5 minutes"
//	expect: {require: [retried-after-temporary-failure]}
//
// Every rule has exactly one fault (connect, security, certificate, greeting, hide, reply, login …; package fault lists
// them). A rule may have a match, which limits it to doors, commands, users and so on. It may have counters: skip lets
// the first matches pass, times ends the rule after a number of matches, and per counts separately for each connection,
// client, user or envelope. A list with one element needs no brackets. expect holds ids of Expectations, which are ids
// of findings (package diagnose).
//
// Find and Load take names in the catalogue and paths of files. Parse reports every mistake in a file at once, each
// with file, line and what to do. Compile makes the plan that a server follows.
//
// To add a scenario to the catalogue, put one file into a folder below catalogue. The folder is its group. Nothing else
// needs to change.
package scenarios
