// Package e2e drives the real mailrig binary with real mail clients: curl, swaks, openssl, msmtp, mbsync, neomutt,
// fetchmail, Python, Node and Go. It holds only tests.
//
// TestMain builds the binary once. Each test starts a rig of its own on free ports (rig_test.go). This takes
// milliseconds, so tests may run in parallel. At the end of a test the rig must stop cleanly. If the test fails, its
// log shows the sessions as the rig saw them.
//
// Clients are set up as a careful person would: they trust the rig's CA and check certificates. If a client isn't
// installed, its tests are skipped on a person's machine, and fail if the variable CI is true (client_test.go).
//
// With go test -short, which make test uses, only two clients try every setting, only a sample of the probes runs, and
// the longest tests are skipped. make e2e-all runs everything, with the race detector in the rigs. So does CI.
//
// To add a client, write one file, named after it. To show a scenario, write a probe in testdata/probes
// (probes_test.go); a test fails while the catalogue has a scenario without a probe. scenarios_test.go examines the
// first twenty-six more closely.
package e2e
