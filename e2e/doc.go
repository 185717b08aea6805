// Package e2e drives the real mailrig binary with real mail clients: curl, swaks,
// openssl, msmtp, mbsync, neomutt, fetchmail, Python, Node and Go. It holds tests
// only.
//
// TestMain builds the binary once. Each test starts a rig of its own on free
// ports (rig_test.go), which costs milliseconds, and so may run beside the
// others; at its end the rig must stop cleanly, and when the test failed, its
// log is the sessions as the rig saw them.
//
// Clients are set up as a careful person would: they trust the rig's CA and check
// certificates. One that isn't installed skips its tests on a person's machine
// and fails them when the variable CI is true (client_test.go).
//
// go test -short, which make test uses, has two clients only try every setting, a sample of
// the probes, and none of the longest tests. make e2e-all runs everything, with the race
// detector in the rigs; CI does.
//
// To add a client: one file, named after it. To show a scenario: a probe in
// testdata/probes (probes_test.go), which fails while the catalogue has a scenario
// that no probe shows. scenarios_test.go looks closer at the first twenty-six.
package e2e
