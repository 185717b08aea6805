package e2e

// notHere are the commands of the documentation that TestDocs doesn't run, each with the reason. A * stands for any rest.
// All are read nevertheless: their syntax by TestDocs, the sub-commands and flags of mailrig by cmd/mailrig's
// TestDocsUseFlagsThatExist, and what they name of this repository by TestDocsNameWhatExists.
var notHere = map[string]string{
	"mailrig data *": "it needs a directory of kept mail that no mailrig uses; cmd/mailrig/testdata/data.txtar runs it",
	"createdb rig":   "PostgreSQL doesn't run here; server/shared_test.go starts one",
	"MAILRIG_DATA=postgres://rig:secret@db.internal/rig mailrig serve": "PostgreSQL doesn't run here; server/shared_test.go starts one",
	// This repository's own tests and measurements.
	"make *":         "it takes minutes, or runs this test within itself",
	"go test ./*":    "CI runs the tests themselves",
	"go run ./*":     "it takes minutes; for mailrig itself, this test builds the same binary",
	"go install ./*": "it would replace the reader's mailrig; this test builds the same binary",

	// docs/install.md: the tests of packaging run them in an empty root.
	"sudo *": "it installs or removes mailrig",
	"(cd dist && sha256sum --check SHA256SUMS)":      "it needs what make dist makes",
	"tar -xzf dist/mailrig_*_linux_amd64.tar.gz":     "it needs what make dist makes",
	"mkdir -p ~/.local/bin":                          "it belongs to the command below it",
	"cp mailrig_*_linux_amd64/mailrig ~/.local/bin/": "it needs what make dist makes",

	// What isn't on this machine.
	"docker *":                          "it needs Docker; recipes/lint loads the compose files, packaging reads the Dockerfile",
	"go install github.com/*":           "it needs the network",
	"go get github.com/mailrig/mailrig": "it needs the network",
	"apt-get install dovecot-dev autoconf automake libtool":               "it needs root and the network",
	"./autogen.sh && ./configure --with-dovecot=/usr/lib/dovecot && make": "imaptest's sources aren't here",
	"export LD_LIBRARY_PATH=/usr/lib/dovecot":                             "it is for imaptest, which isn't here",
	"mailrig run -- sh -c 'src/imaptest *":                                "imaptest isn't here",

	// Forms, not commands: a word stands for the reader's own.
	"mailrig check HOST":          "HOST is a placeholder",
	"mailrig explain TEXT":        "TEXT is a placeholder",
	"mailrig run -- CMD":          "CMD is a placeholder",
	"mailrig run -- your tests":   "the reader's tests aren't here",
	"mailrig scenarios show NAME": "NAME is a placeholder",
	"mailrig trial -- merge":      "merge is a placeholder",
	"mailrig trial merge":         "it is the name of a command",
	"curl -v":                     "it is the name of a log",
	"mailrig wait --message to:bob@example.test --count n": "n is a placeholder",
}

// status is what a command ends with that doesn't end with 0.
var status = map[string]int{
	"curl imaps://localhost:143 --user alice:secret": 35, // the page shows this mistake
	"mailrig run --scenario receive-but-not-send -- \\\n    sh -c 'curl -sS pop3s://localhost:$MAILRIG_PORT_995 --user alice:secret; curl -sS --connect-timeout 3 smtp://localhost:$MAILRIG_PORT_25'": 28,
	"mailrig trial --scenario 'starttls-*,cert-*' --report junit.xml --baseline known.json -- ./client.sh":                                                                                            1, // curl fails some
}

// follows are the commands that print what happens until they are stopped.
var follows = map[string]bool{
	"curl -N 'localhost:8025/api/v1/events?kind=message'": true,
}
