package main

import (
	"strings"
	"testing"

	"github.com/mailrig/mailrig/scenarios"
)

// TestListOfScenariosFits checks where titles stand in a file, in a terminal, and in a narrow one.
func TestListOfScenariosFits(t *testing.T) {
	t.Parallel()
	all := []scenarios.Entry{
		{Group: "imap", Name: "imap-cannot", Title: "The server can't"},
		{Group: "smtp", Name: "smtp-twenty-messages-per-connection", Title: "After twenty messages the connection ends"},
		{Group: "smtp", Name: "rset-refused", Title: "RSET is refused"},
	}
	for columns, want := range map[int]string{
		0: `IMAP
  imap-cannot   The server can't

SMTP
  smtp-twenty-messages-per-connection   After twenty messages the connection ends
  rset-refused                          RSET is refused
`,
		70: `IMAP
  imap-cannot   The server can't

SMTP
  smtp-twenty-messages-per-connection   After twenty messages the
                                        connection ends
  rset-refused                          RSET is refused
`,
		40: `IMAP
  imap-cannot
    The server can't

SMTP
  smtp-twenty-messages-per-connection
    After twenty messages the connection
    ends
  rset-refused
    RSET is refused
`,
	} {
		var b strings.Builder
		writeScenarios(&b, all, columns)
		if b.String() != want {
			t.Errorf("%d columns:\n%s\nwant\n%s", columns, b.String(), want)
		}
	}
}
