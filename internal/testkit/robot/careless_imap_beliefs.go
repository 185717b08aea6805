package robot

import (
	"regexp"
	"strings"
)

var (
	referralIn = regexp.MustCompile(`\[REFERRAL imaps?://([^;@/]*)`)
	listedName = regexp.MustCompile(`^\* (?:LIST \(.*\) (?:"."|NIL)|STATUS) "?([^"(]*?)"? *(?:\(.*)?$`)
	searchHits = regexp.MustCompile(`^\* SEARCH ((?: ?\d+)+)`)
)

// beliefs are what a careless IMAP client has heard, on any connection.
type beliefs struct {
	n            int      // number of commands so far, for the tags
	caps         string   // the last capability list
	compress     bool     // COMPRESS=DEFLATE was listed at some time
	referral     string   // a user name in a referral
	heardInClear []string // names of folders
	listed       []string // names of folders since the last LIST
	uids         []string // of the last search
	begun        []string // UIDs of messages whose download has begun
	fetched      bool     // a FETCH has brought something
}

// note believes a line. clear says that it came outside TLS.
func (b *beliefs) note(line string, clear bool) {
	b.fetched = b.fetched || strings.Contains(line, " FETCH (")
	b.compress = b.compress || strings.Contains(line, "COMPRESS=DEFLATE")
	if m := capsIn.FindStringSubmatch(line); m != nil {
		b.caps = m[1]
	}
	if m := referralIn.FindStringSubmatch(line); m != nil {
		b.referral = m[1]
	}
	if m := searchHits.FindStringSubmatch(line); m != nil {
		b.uids = strings.Fields(m[1])
	}
	m := listedName.FindStringSubmatch(line)
	if m == nil {
		return
	}
	if strings.HasPrefix(line, "* LIST") {
		b.listed = append(b.listed, m[1])
	}
	if clear && m[1] != "INBOX" && len(b.heardInClear) < 5 {
		b.heardInClear = append(b.heardInClear, m[1])
	}
}
